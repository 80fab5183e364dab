package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// keyNotices is the setting that says where notices go, passwords included:
// the file is readable by the service alone.
const keyNotices = "notices"

// toldAs is what of the log people are told outside the page, and how urgent
// it is. What anybody could cause without end, as wrong passwords, is not.
var toldAs = map[string]string{
	"window.requested":         notice.Info,
	"window.requested_by_plan": notice.Info,
	"window.requested_signed":  notice.Info,
	"window.approved":          notice.Info,
	"window.scheduled":         notice.Info,
	"window.opened":            notice.Info,
	"window.extended":          notice.Info,
	"window.refused":           notice.Info,
	"window.ended.ran_out":     notice.Info,
	"window.ended.closed":      notice.Info,
	"plan.made":                notice.Info,
	"plan.dropped":             notice.Info,
	"evasion.tls.stopped":      notice.Info,
	"evasion.tls.seen":         notice.Info,
	"evasion.https.stopped":    notice.Info,
	"evasion.https.seen":       notice.Info,
	"evasion.dns.stopped":      notice.Info,
	"evasion.dns.seen":         notice.Info,
	"dns.wished.one":           notice.Info,
	"dns.wished.all":           notice.Info,
	"dns.wished_page.one":      notice.Info,
	"dns.wished_page.all":      notice.Info,

	"firmware.offered":       notice.Info,
	"firmware.uploaded":      notice.Info,
	"firmware.approved":      notice.Info,
	"firmware.cancelled":     notice.Info,
	"firmware.restarting":    notice.Info,
	"firmware.committed":     notice.Info,
	"firmware.went_back":     notice.Caution,
	"firmware.not_installed": notice.Caution,
	"firmware.rolled_back":   notice.Caution,

	"window.waits":            notice.Caution,
	"window.lapsed":           notice.Caution,
	"window.not_opened":       notice.Caution,
	"window.not_extended":     notice.Caution,
	"window.ended.revoked":    notice.Caution,
	"window.ended.restart":    notice.Caution,
	"window.address_moved":    notice.Caution,
	"tool.refused":            notice.Caution,
	"evasion.vpn.stopped":     notice.Caution,
	"evasion.vpn.seen":        notice.Caution,
	"evasion.tor.stopped":     notice.Caution,
	"evasion.tor.seen":        notice.Caution,
	"dns.limited":             notice.Caution,
	"vendor.key_enrolled":     notice.Caution,
	"vendor.key_revoked":      notice.Caution,
	"people.joined":           notice.Caution,
	"people.deputy_named":     notice.Caution,
	"people.deputy_ended":     notice.Caution,
	"people.sealed_made":      notice.Caution,
	"people.recovery_used":    notice.Caution,
	"people.password_changed": notice.Caution,
	"people.factor_changed":   notice.Caution,
	"people.recovery_renewed": notice.Caution,
	"selftest.ran.unmeasured": notice.Caution,
	"config.refused":          notice.Caution,
	"site.changed":            notice.Caution,
	"network.trial":           notice.Caution,
	"network.reverted":        notice.Caution,
	"dns.list_held.shrunk":    notice.Caution,
	"dns.list_held.refuses":   notice.Caution,
	"dns.list_held.both":      notice.Caution,
	"notice.settings":         notice.Caution,

	"window.break_glass":    notice.Danger,
	"window.break_sealed":   notice.Danger,
	"window.ended.foreign":  notice.Danger,
	"window.unknown_closed": notice.Danger,
	"window.put_right":      notice.Danger,
	"people.sealed_wrong":   notice.Danger,
	"rules.foreign":         notice.Danger,
	"selftest.ran.failed":   notice.Danger,
	"store.finding":         notice.Danger,
}

// seldom are told once an hour at most, for each window: something that goes
// on breaking the rules must not bury the clinic in mail. The log has each.
var seldom = []string{"rules.foreign", "network.trial", "window.put_right", "window.waits", "window.address_moved", "window.unknown_closed", "people.sealed_wrong",
	"dns.limited", "dns.wished_page.one", "dns.wished_page.all"}

// tell writes a line of the log and, if it is one people are told of, puts a
// notice on its way by each channel that is on, all in the same transaction.
// It sends nothing: whoever acts never waits for a mail server.
func (g *Gateway) tell(tx *store.Tx, code string, args map[string]any) error {
	if args == nil {
		args = map[string]any{}
	}
	if err := tx.Audit(code, args); err != nil {
		return err
	}
	level, ok := toldAs[code]
	if !ok {
		return nil
	}
	b, err := tx.Meta(keyNotices)
	if err != nil {
		return err
	}
	m := notice.Message{Level: level, Code: code, Args: args}
	if slices.Contains(seldom, code) {
		m.Key = code + "/" + g.o.Clock.Wall().UTC().Format("2006-01-02T15")
		if id, ok := args["window"].(int64); ok {
			m.Key += "/" + itoa(id)
		}
	}
	for _, m.Channel = range notice.Channels(settingsOf(b)) {
		if err := tx.QueueNotice(m); err != nil {
			return err
		}
		signal(g.crier.wake[m.Channel])
	}
	return nil
}

// settingsOf reads the setting; what cannot be read is off.
func settingsOf(b []byte) notice.Settings {
	var s notice.Settings
	if b == nil || json.Unmarshal(b, &s) != nil {
		return notice.Settings{}
	}
	return s
}

// NoticeSettings says where notices go. Secrets are left out.
func (g *Gateway) NoticeSettings(ctx context.Context, who people.Actor) (notice.Settings, error) {
	if err := may(who, people.ActNotices); err != nil {
		return notice.Settings{}, err
	}
	s, err := g.noticeSettings(ctx)
	s.Mail.Password, s.Webhook.Secret = "", ""
	return s, err
}

func (g *Gateway) noticeSettings(ctx context.Context) (notice.Settings, error) {
	db := g.db()
	if db == nil {
		return notice.Settings{}, g.storeFault()
	}
	b, err := db.Meta(ctx, keyNotices)
	return settingsOf(b), err
}

// SetNoticeSettings keeps where notices go from now on. A secret left empty
// stays, as long as it goes to the same place. What waits for a channel that
// is off now is forgotten. Those who were told before are told of the change.
func (g *Gateway) SetNoticeSettings(ctx context.Context, who people.Actor, s notice.Settings) error {
	if err := may(who, people.ActNotices); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	var old notice.Settings
	args := map[string]any{}
	err := g.act(ctx, who, func(tx *store.Tx) error {
		b, err := tx.Meta(keyNotices)
		if err != nil {
			return err
		}
		old = settingsOf(b)
		s, err = keepSecrets(s, old)
		if err := errors.Join(err, notice.Check(s)); err != nil {
			return err
		}
		if b, err = json.Marshal(s); err != nil {
			return err
		}
		if err := tx.SetMeta(keyNotices, b); err != nil {
			return err
		}
		on := notice.Channels(s)
		for _, c := range notice.Channels(old) {
			if slices.Contains(on, c) {
				continue
			}
			if err := tx.DropNotices(c); err != nil {
				return err
			}
		}
		args = map[string]any{"mail": strings.Join(s.Mail.To, ", "), "webhook": hostOf(s.Webhook.URL), "syslog": s.Syslog.Host}
		if s.Mail.Host == "" {
			args["mail"] = ""
		}
		for k, v := range args {
			if v == "" {
				args[k] = "-"
			}
		}
		return g.tell(tx, "notice.settings", args)
	})
	if err == nil {
		g.crier.leave(old, s, g.message(notice.Message{At: g.o.Clock.Wall(), Synced: g.o.Clock.Synced(), Level: notice.Caution, Code: "notice.settings", Args: args}))
	}
	return err
}

// keepSecrets fills what was left empty with what was there, but never gives
// a secret to another place than it was for: whoever may change settings may
// not read them.
func keepSecrets(s, old notice.Settings) (notice.Settings, error) {
	var faults []error
	again := func(field string) { faults = append(faults, text.NewFault("notice.secret_again").On(field)) }
	m, was := &s.Mail, old.Mail
	switch {
	case m.Host == "" || m.User == "":
		m.Password = ""
	case m.Password != "" || was.Password == "":
	default:
		if m.Password = was.Password; m.Host != was.Host || m.User != was.User || m.CA != was.CA {
			again("mail.password")
		}
	}
	w := &s.Webhook
	switch {
	case w.URL == "":
		w.Secret = ""
	case w.Secret != "" || old.Webhook.Secret == "":
	default:
		if w.Secret = old.Webhook.Secret; hostOf(w.URL) != hostOf(old.Webhook.URL) || w.CA != old.Webhook.CA {
			again("webhook.secret")
		}
	}
	return s, errors.Join(faults...)
}

// hostOf is all that is said of a webhook's address: the rest of it is often
// the secret by which the receiver knows its sender.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// trialWithin bounds a trial, whatever the number of recipients.
const trialWithin = 30 * time.Second

// TestNotice sends a trial notice by one channel now, to each recipient by
// itself, and says what came of it.
func (g *Gateway) TestNotice(ctx context.Context, who people.Actor, c notice.Channel) error {
	if err := may(who, people.ActNotices); err != nil {
		return err
	}
	s, err := g.noticeSettings(ctx)
	switch {
	case err != nil:
		return err
	case g.o.Send == nil:
		return text.NewFault("notice.not_here")
	case !slices.Contains(notice.Channels(s), c):
		return text.NewFault("notice.off")
	}
	m := g.message(notice.Message{Channel: c, At: g.o.Clock.Wall(), Synced: g.o.Clock.Synced(), Level: notice.Info, Code: "notice.trial"})
	inTime, stop := context.WithTimeout(ctx, trialWithin)
	defer stop()
	each := []notice.Settings{s}
	if c == notice.Mail {
		each = nil
		for _, to := range s.Mail.To {
			one := s
			one.Mail.To = []string{to}
			each = append(each, one)
		}
	}
	sent, first := 0, error(nil)
	for i, one := range each {
		m.ID = -int64(i) // each is a letter of its own
		err := g.o.Send(inTime, one, m)
		switch {
		case err == nil:
			sent++
		case first == nil:
			first = err
		}
		if err != nil && !is(err, "notice.recipient_refused") {
			break // the others would fare the same
		}
	}
	g.record(ctx, who, func(tx *store.Tx) error {
		return tx.Audit("notice.tested."+string(c), map[string]any{"sent": sent, "all": len(each)})
	})
	return first
}

// message fills in what every notice says besides: whose clinic it is, and the
// zone its time is shown in.
func (g *Gateway) message(m notice.Message) notice.Message {
	m.Clinic, m.At = g.current().config.Clinic, m.At.In(g.Zone())
	return m
}
