package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/text"
)

func TestNoticeSettings(t *testing.T) {
	b, m := telling(t)
	got, err := b.NoticeSettings(t.Context(), b.director())
	if err != nil || got.Mail.Password != "" || got.Webhook.Secret != "" || got.Mail.Host != "smtp.example.jp" || got.Webhook.URL != "https://hooks.example.jp/secret-path" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, l := range b.log() {
		if s, _ := json.Marshal(l); strings.Contains(string(s), "秘密") || strings.Contains(string(s), "0123456789abcdef") || strings.Contains(string(s), "secret-path") {
			t.Errorf("the log has a secret: %s", s)
		}
	}
	stored := func() notice.Settings {
		s, err := b.noticeSettings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// What the form shows, saved again: the secrets stay.
	if err := b.SetNoticeSettings(t.Context(), b.director(), got); err != nil {
		t.Fatal(err)
	}
	if s := stored(); s.Mail.Password != "秘密の言葉" || s.Webhook.Secret != "0123456789abcdef" {
		t.Errorf("%+v", s)
	}
	// But never for somebody else.
	for field, change := range map[string]func(*notice.Settings){
		"mail.password":  func(s *notice.Settings) { s.Mail.Host = "evil.example.com" },
		"webhook.secret": func(s *notice.Settings) { s.Webhook.URL = "https://evil.example.com/" },
	} {
		s := got
		change(&s)
		err := b.SetNoticeSettings(t.Context(), b.director(), s)
		fails(t, err, "notice.secret_again")
		var f *text.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Error(err)
		}
	}
	bad := got
	bad.Mail.Port, bad.Syslog.Host = 0, "?"
	if err := b.SetNoticeSettings(t.Context(), b.director(), bad); !slices.Equal(codes(err), []string{"notice.port", "notice.host"}) {
		t.Error(err)
	}
	late := b.director()
	late.SteppedUp = late.SteppedUp.Add(-time.Hour)
	fails(t, b.SetNoticeSettings(t.Context(), late, got), "people.step_up")
	fails(t, b.SetNoticeSettings(t.Context(), staff, got), "people.may_not")
	if s := stored(); s.Mail.Port != 587 {
		t.Errorf("%+v", s)
	}
	// Without a user there is no password, either.
	got.Mail.User = ""
	if err := b.SetNoticeSettings(t.Context(), b.director(), got); err != nil || stored().Mail.Password != "" {
		t.Error(err)
	}
	b.deliverAll()
	m.said, m.to = nil, nil

	// Turned away, those who were told before hear of it, and nothing waits
	// for the channel that is off.
	b.tellNow("rules.foreign")
	away := got
	away.Mail.To, away.Webhook.URL = []string{"evil@example.com"}, ""
	if err := b.SetNoticeSettings(t.Context(), b.director(), away); err != nil {
		t.Fatal(err)
	}
	if n, _, err := b.db().NoticesFailing(t.Context()); err != nil || n != 2 { // by mail
		t.Error(n, err)
	}
	b.deliverAll()
	told := map[string]int{}
	for i, msg := range m.said {
		if msg.Code == "notice.settings" {
			told[string(msg.Channel)+" "+m.to[i].Mail.To[0]]++
		}
	}
	if told["mail inchou@example.jp"] != 1 || told["webhook inchou@example.jp"] != 1 || told["mail evil@example.com"] != 1 {
		t.Errorf("%v", told)
	}
}

func TestTestNotice(t *testing.T) {
	b, m := telling(t)
	fails(t, b.TestNotice(t.Context(), b.director(), notice.Syslog), "notice.off")
	fails(t, b.TestNotice(t.Context(), b.director(), "pigeon"), "notice.off")
	fails(t, b.TestNotice(t.Context(), staff, notice.Mail), "people.may_not")
	if err := b.TestNotice(t.Context(), b.director(), notice.Mail); err != nil {
		t.Fatal(err)
	}
	// Each recipient by himself, so that one wrong address is found.
	if len(m.said) != 2 || len(m.to[0].Mail.To) != 1 || m.to[1].Mail.To[0] != "uketsuke@example.jp" || m.said[0].Code != "notice.trial" || m.said[0].Ident() == m.said[1].Ident() {
		t.Errorf("%+v %+v", m.said, m.to)
	}
	if b.lines("notice.tested.mail") != 1 {
		t.Error("not on record")
	}
	asked := 0
	b.Gateway.o.Send = func(_ context.Context, to notice.Settings, _ notice.Message) error {
		if asked++; to.Mail.To[0] == "inchou@example.jp" {
			return text.NewFault("notice.recipient_refused", "address", to.Mail.To[0], "answer", "550")
		}
		return nil
	}
	fails(t, b.TestNotice(t.Context(), b.director(), notice.Mail), "notice.recipient_refused")
	if asked != 2 {
		t.Error("the second recipient was not tried")
	}
	b.Gateway.o.Send = func(context.Context, notice.Settings, notice.Message) error {
		asked++
		return text.NewFault("notice.no_name", "host", "smtp.example.jp")
	}
	asked = 0
	fails(t, b.TestNotice(t.Context(), b.director(), notice.Mail), "notice.no_name")
	if asked != 1 {
		t.Error("asked a server that is not there", asked, "times")
	}
	b.Gateway.o.Send = nil
	fails(t, b.TestNotice(t.Context(), b.director(), notice.Mail), "notice.not_here")
	if _, err := b.NoticeSettings(t.Context(), people.Actor{Role: people.Inspector}); err == nil {
		t.Error("an inspector reads where notices go")
	}
}
