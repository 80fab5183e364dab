package webui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/text/unicode/norm"

	"monban/gateway/notice"
	"monban/gateway/text"
	"monban/webui/view"
)

// submission is the port mail servers mostly take mail at (RFC 6409).
const submission = 587

// trialTime bounds how long sending a trial may take, so that its answer still
// reaches the page.
const trialTime = time.Minute

// noticeFields are the fields of the form, named as the faults name them.
var noticeFields = []string{
	"mail.host", "mail.port", "mail.user", "mail.password", "mail.from", "mail.to", "mail.ca",
	"webhook.url", "webhook.secret", "webhook.ca", "syslog.host", "syslog.port", "syslog.ca", "totp",
}

func (v *visit) noticeForm() error {
	s, err := v.Gateway.NoticeSettings(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.NoticesPage(v.frame("page.notices.title"), v.noticesModel(s, noticeValues(s))))
}

// noticeValues are the settings as the form shows them. Secrets are not among
// them: they go in and never come out.
func noticeValues(s notice.Settings) map[string]string {
	if s.Mail.Port == 0 {
		s.Mail.Port = submission
	}
	return map[string]string{
		"mail.host": s.Mail.Host, "mail.port": portText(s.Mail.Port), "mail.user": s.Mail.User, "mail.from": s.Mail.From,
		"mail.to": strings.Join(s.Mail.To, "\n"), "mail.ca": s.Mail.CA,
		"webhook.url": s.Webhook.URL, "webhook.ca": s.Webhook.CA,
		"syslog.host": s.Syslog.Host, "syslog.port": portText(s.Syslog.Port), "syslog.ca": s.Syslog.CA,
	}
}

func portText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// noticesModel draws the form with these values; whether a channel is on is
// what is kept, not what is typed.
func (v *visit) noticesModel(kept notice.Settings, value map[string]string) view.Notices {
	field := func(id, class string, optional bool, most string) view.Field {
		code := "page.notices." + strings.ReplaceAll(id, ".", "_")
		return view.Field{ID: id, Label: v.say(code), Hint: v.say(code + "_hint"), Value: verbatim(value[id]), Class: class, Optional: optional, MaxLength: most}
	}
	secret := func(id string) view.Field {
		f := field(id, "", true, "256")
		f.Type, f.Autocomplete, f.Value = "password", "new-password", ""
		return f
	}
	port := func(id string, optional bool) view.Field {
		f := field(id, "short", optional, "5")
		f.InputMode = "numeric"
		return f
	}
	ca := func(id string) view.Field {
		return view.Field{ID: id, Label: v.say("page.notices.ca"), Hint: v.say("page.notices.ca_hint"), Value: verbatim(value[id]), Optional: true, MaxLength: "65536"}
	}
	m := view.Notices{Fresh: v.fresh()}
	m.Mail = v.channelOf(notice.Mail, kept.Mail.Host != "", ca("mail.ca"), field("mail.host", "", true, "253"), port("mail.port", true),
		field("mail.user", "", true, "256"), secret("mail.password"), field("mail.from", "", true, "254"), field("mail.to", "lines", true, "5000"))
	m.Webhook = v.channelOf(notice.Webhook, kept.Webhook.URL != "", ca("webhook.ca"), field("webhook.url", "long", true, "2000"), secret("webhook.secret"))
	m.Syslog = v.channelOf(notice.Syslog, kept.Syslog.Host != "", ca("syslog.ca"), field("syslog.host", "", true, "253"), port("syslog.port", true))
	return m
}

func (v *visit) channelOf(c notice.Channel, on bool, ca view.Field, fields ...view.Field) view.Channel {
	code := "page.notices." + string(c)
	out := view.Channel{Name: string(c), Title: v.say(code), Lead: v.say(code + "_lead"), On: on, Fields: fields, CA: ca,
		Level: "none", State: v.say("page.notices.off"), Test: v.say("page.notices.test_do", "channel", v.say(code))}
	if on {
		out.Level, out.State = "good", v.say("page.notices.on")
	}
	return out
}

// setNotices keeps the settings. What cannot be read as a number is refused
// here; all else the domain looks at.
func (v *visit) setNotices() error {
	s, err := v.typedNotices()
	who := v.who
	if err == nil {
		who, err = v.second()
	}
	if err == nil {
		if err = v.Gateway.SetNoticeSettings(v.r.Context(), who, s); err == nil {
			v.tell(view.Good, "page.notices.done")
			return v.to("/settings/notices")
		}
	}
	kept, e := v.Gateway.NoticeSettings(v.r.Context(), v.who)
	if e != nil {
		return e
	}
	value := map[string]string{}
	for _, id := range noticeFields {
		value[id] = v.r.PostForm.Get(id)
	}
	m := v.noticesModel(kept, value)
	return v.again(err, v.frame("page.notices.title"), func(p view.Page) templ.Component { return view.NoticesPage(p, m) }, noticeFields...)
}

// typedNotices are the settings as typed. A secret is taken as it is: a space
// in it may be meant.
func (v *visit) typedNotices() (notice.Settings, error) {
	f := v.r.PostForm
	line := func(id string) string { return strings.TrimSpace(f.Get(id)) }
	var errs []error
	port := func(id string) int {
		s := strings.TrimSpace(norm.NFKC.String(f.Get(id)))
		if s == "" {
			return 0
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 65535 {
			errs = append(errs, text.NewFault("notice.port", "value", plain(s)).On(id))
		}
		return n
	}
	s := notice.Settings{
		Mail: notice.MailSettings{Host: line("mail.host"), Port: port("mail.port"), User: line("mail.user"), Password: f.Get("mail.password"),
			From: line("mail.from"), To: listed(f.Get("mail.to")), CA: line("mail.ca")},
		Webhook: notice.WebhookSettings{URL: line("webhook.url"), Secret: f.Get("webhook.secret"), CA: line("webhook.ca")},
		Syslog:  notice.SyslogSettings{Host: line("syslog.host"), Port: port("syslog.port"), CA: line("syslog.ca")},
	}
	return s, errors.Join(errs...)
}

// testNotice sends a trial by one channel, as it is kept now, and says what
// came of it.
func (v *visit) testNotice() error {
	c := notice.Channel(v.r.PostForm.Get("channel"))
	if c != notice.Mail && c != notice.Webhook && c != notice.Syslog {
		return text.NewFault("page.bad_form")
	}
	if err := http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(trialTime)); err != nil {
		v.Log.Debug("no longer time for the trial", "err", err)
	}
	if err := v.Gateway.TestNotice(v.r.Context(), v.who, c); err != nil {
		all, ok := faultsIn(err)
		if !ok {
			return err
		}
		v.tellFault(all[0])
		return v.to("/settings/notices")
	}
	v.tell(view.Good, "page.notices.tested", "channel", v.say("page.notices."+string(c)))
	return v.to("/settings/notices")
}
