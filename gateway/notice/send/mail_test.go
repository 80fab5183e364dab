package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
)

func mailTo(a authority, port int, recipients ...string) notice.Settings {
	if recipients == nil {
		recipients = []string{"inchou@example.jp", "uketsuke@example.jp"}
	}
	return notice.Settings{Mail: notice.MailSettings{Host: "mail.example.jp", Port: port, User: "clinic", Password: "秘密 pw",
		From: "monban@example.jp", To: recipients, CA: a.pem}}
}

func postboxFor(t *testing.T, a authority) *postbox {
	return &postbox{tls: a.leaf(t, soon, "mail.example.jp"), auth: []string{"PLAIN", "LOGIN"}, user: "clinic", password: "秘密 pw"}
}

func TestMail(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct {
		port     int
		implicit bool
		auth     []string
	}{
		"STARTTLS, PLAIN": {587, false, []string{"PLAIN", "LOGIN"}},
		"STARTTLS, LOGIN": {25, false, []string{"XOAUTH2", "login"}},
		"TLS at once":     {465, true, []string{"PLAIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := postboxFor(t, a)
			p.implicit, p.auth = c.implicit, c.auth
			if err := to(p.start(t)).Send(t.Context(), mailTo(a, c.port), message(notice.Mail)); err != nil {
				t.Fatal(err)
			}
			got := p.letters()
			if len(got) != 1 || !got[0].inTLS {
				t.Fatalf("%+v", got)
			}
			l := got[0]
			subject, err := new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject"))
			if err != nil || subject != "[門番] 危険 門番クリニック: 記録にない入口(通し番号 5)が開いていたため、閉じました。切った接続 2 件。" {
				t.Errorf("%q, %v", subject, err)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(l.body)))
			if err != nil || !bytes.Contains(body, []byte("2027-03-02 12:00:00 (JST)")) || !bytes.Contains(body, []byte("危険: 記録にない入口")) {
				t.Errorf("%q, %v", body, err)
			}
			if l.header.Get("Message-ID") != "<1803956400000-7.monban@example.jp>" || l.header.Get("Auto-Submitted") != "auto-generated" ||
				l.header.Get("Date") != "Tue, 02 Mar 2027 12:00:00 +0900" || !strings.HasPrefix(l.from, "FROM:<monban@example.jp>") || len(l.to) != 2 {
				t.Errorf("%+v", l)
			}
			if plain, _, _ := strings.Cut(p.commands(), "STARTTLS"); !c.implicit && strings.Contains(plain, "AUTH") {
				t.Error("signed in before TLS")
			}
		})
	}
}

// Every failure is named, and nothing secret leaves before TLS stands.
func TestMailRefused(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	for name, c := range map[string]struct {
		change func(*postbox, *notice.MailSettings)
		code   string
		words  []string
	}{
		"no STARTTLS": {func(p *postbox, _ *notice.MailSettings) { p.hideTLS = true }, "notice.no_starttls", []string{"mail.example.jp"}},
		"STARTTLS later": {func(p *postbox, _ *notice.MailSettings) { p.refuse = map[string]string{"STARTTLS": "454 not now"} },
			"notice.no_starttls", nil},
		"plain on 465": {func(_ *postbox, m *notice.MailSettings) { m.Port = 465 }, "notice.no_tls", []string{"465"}},
		"another name": {func(p *postbox, _ *notice.MailSettings) { p.tls = a.leaf(t, soon, "smtp.example.net", "b.example.net") },
			"notice.cert_name", []string{"smtp.example.net, b.example.net", "mail.example.jp"}},
		"unknown authority": {func(p *postbox, _ *notice.MailSettings) { p.tls = other.leaf(t, soon, "mail.example.jp") },
			"notice.cert_unknown", []string{"医院の認証局"}},
		"public ones only": {func(_ *postbox, m *notice.MailSettings) { m.CA = "" }, "notice.cert_unknown", nil},
		"bad authority":    {func(_ *postbox, m *notice.MailSettings) { m.CA = "x" }, "notice.ca", nil},
		"expired": {func(p *postbox, _ *notice.MailSettings) {
			p.tls = a.leaf(t, time.Now().Add(-time.Minute), "mail.example.jp")
		},
			"notice.cert_time", nil},
		"old TLS":        {func(p *postbox, _ *notice.MailSettings) { p.tls.MaxVersion = tls.VersionTLS11 }, "notice.tls", nil},
		"wrong password": {func(p *postbox, _ *notice.MailSettings) { p.password = "other" }, "notice.password_refused", nil},
		"no sign-in":     {func(p *postbox, _ *notice.MailSettings) { p.auth = nil }, "notice.no_sign_in", nil},
		"odd sign-in":    {func(p *postbox, _ *notice.MailSettings) { p.auth = []string{"GSSAPI"} }, "notice.no_sign_in", nil},
		"sign-in later": {func(p *postbox, _ *notice.MailSettings) { p.refuse = map[string]string{"AUTH": "454 4.7.0 later"} },
			"notice.mail_refused", []string{"454 4.7.0 later"}},
		"sender": {func(p *postbox, _ *notice.MailSettings) { p.refuse = map[string]string{"MAIL": "550 not you"} },
			"notice.from_refused", []string{"monban@example.jp", "550 not you"}},
		"all recipients": {func(p *postbox, _ *notice.MailSettings) {
			p.refuse = map[string]string{"RCPT": "550 5.1.1 nobody\u202e here"}
		},
			"notice.recipient_refused", []string{"inchou@example.jp", "550 5.1.1 nobody here"}},
		"letter": {func(p *postbox, _ *notice.MailSettings) { p.refuse = map[string]string{"DATA": "452 full"} }, "notice.mail_refused", []string{"452 full"}},
		"letter, at its end": {func(p *postbox, _ *notice.MailSettings) { p.refuse = map[string]string{".": "554 spam"} }, "notice.mail_refused",
			[]string{"554 spam"}},
		"greeting": {func(p *postbox, _ *notice.MailSettings) { p.greeting = "554 go away" }, "notice.mail_refused", []string{"554 go away"}},
		"no SMTP":  {func(p *postbox, _ *notice.MailSettings) { p.greeting = "SSH-2.0-x" }, "notice.broken_off", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, set := postboxFor(t, a), mailTo(a, 587)
			c.change(p, &set.Mail)
			fails(t, to(p.start(t)).Send(t.Context(), set, message(notice.Mail)), c.code, c.words...)
			if len(p.letters()) != 0 {
				t.Error("arrived all the same")
			}
			plain, safe, begun := strings.Cut(p.commands(), "STARTTLS")
			if strings.Contains(plain, "AUTH") || strings.Contains(plain, "MAIL") || begun && strings.HasPrefix(c.code, "notice.cert") && strings.Contains(safe, "AUTH") {
				t.Errorf("said too early:\n%s", p.commands())
			}
		})
	}
}

// One wrong address does not keep an alarm from the others.
func TestMailOneWrongAddress(t *testing.T) {
	a := newAuthority(t)
	p := postboxFor(t, a)
	p.refuse = map[string]string{"RCPT old@example.jp": "550 gone"}
	addr := p.start(t)
	if err := to(addr).Send(t.Context(), mailTo(a, 587, "old@example.jp", "inchou@example.jp"), message(notice.Mail)); err != nil {
		t.Fatal(err)
	}
	if got := p.letters(); len(got) != 1 || len(got[0].to) != 1 || got[0].to[0] != "inchou@example.jp" {
		t.Errorf("%+v", got)
	}
}

// What the network does to a connection, each with its own sentence.
func TestNetwork(t *testing.T) {
	a := newAuthority(t)
	set := mailTo(a, 587)
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	s := to(silent)
	s.Within = 200 * time.Millisecond
	began := time.Now()
	fails(t, s.Send(t.Context(), set, message(notice.Mail)), "notice.timeout", "587")
	if took := time.Since(began); took > 2*time.Second {
		t.Error("took", took)
	}
	// A server that dribbles does not get more time for it.
	dribble := listen(t, func(c net.Conn) {
		for range 100 {
			if _, err := c.Write([]byte("220-x\r\n")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	s = to(dribble)
	s.Within = 300 * time.Millisecond
	fails(t, s.Send(t.Context(), set, message(notice.Mail)), "notice.timeout")
	// Nor room: a line without an end.
	flood := listen(t, func(c net.Conn) {
		b := bytes.Repeat([]byte("x"), 64<<10)
		for range 100 {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	fails(t, to(flood).Send(t.Context(), set, message(notice.Mail)), "notice.broken_off")
	cut := listen(t, func(net.Conn) {})
	fails(t, to(cut).Send(t.Context(), set, message(notice.Mail)), "notice.broken_off")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	fails(t, to(l.Addr().String()).Send(t.Context(), set, message(notice.Mail)), "notice.connection_refused", "587")

	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := to(silent).Send(gone, set, message(notice.Mail)); err == nil {
		t.Error("sent after the end")
	}
	nowhere := Sender{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "mail.example.jp", IsNotFound: true}}
	}}
	fails(t, nowhere.Send(t.Context(), set, message(notice.Mail)), "notice.no_name", "mail.example.jp")
	fails(t, Sender{}.Send(t.Context(), notice.Settings{}, message(notice.Mail)), "notice.off")
	fails(t, Sender{}.Send(t.Context(), set, message(notice.Webhook)), "notice.off")
}

// Whatever a server says, it is an answer or a Fault, and soon.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n"))
	f.Add([]byte("220 x\r\n250 x\r\n"))
	f.Add([]byte("220-\xff\r\n220 \r\n500 no\r\n250 AUTH PLAIN\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := Sender{Within: time.Second, Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				_, _ = theirs.Write(said)
				theirs.Close()
			}()
			return ours, nil
		}}
		set := notice.Settings{Mail: notice.MailSettings{Host: "mail.example.jp", Port: 587, User: "u", From: "a@example.jp", To: []string{"b@example.jp"}}}
		err := s.Send(t.Context(), set, message(notice.Mail))
		if err == nil {
			t.Fatal("sent to nobody")
		}
	})
}
