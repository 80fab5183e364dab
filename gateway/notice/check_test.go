package notice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"monban/gateway/text"
)

// authority is PEM of a certificate, and of the key that belongs to it.
func authority(t testing.TB) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", private)
}

func good() Settings {
	return Settings{
		Mail:    MailSettings{Host: "smtp.example.jp", Port: 587, User: "clinic", Password: "p w", From: "monban@example.jp", To: []string{"inchou@example.jp"}},
		Webhook: WebhookSettings{URL: "https://hooks.example.jp:8443/a?b=c", Secret: "0123456789abcdef"},
		Syslog:  SyslogSettings{Host: "192.168.10.5"},
	}
}

func TestCheck(t *testing.T) {
	cert, key := authority(t)
	for name, change := range map[string]func(*Settings){
		"":                                      func(*Settings) {},
		" all off":                              func(s *Settings) { *s = Settings{} },
		" off, with a rest":                     func(s *Settings) { s.Mail.Host, s.Mail.Port, s.Mail.From = "", -1, "x" },
		" no sign-in":                           func(s *Settings) { s.Mail.User, s.Mail.Password = "", "" },
		" own authority":                        func(s *Settings) { s.Mail.CA, s.Webhook.CA, s.Syslog.CA = cert, cert+cert, cert },
		" IPv6":                                 func(s *Settings) { s.Mail.Host, s.Webhook.URL = "2001:db8::1", "https://[2001:db8::1]/" },
		"mail.host notice.host":                 func(s *Settings) { s.Mail.Host = "smtp example" },
		"mail.host notice.host 2":               func(s *Settings) { s.Mail.Host = "smtp.example.jp\r\nX: y" },
		"mail.host notice.host 3":               func(s *Settings) { s.Mail.Host = "-smtp.example.jp" },
		"mail.host notice.host 4":               func(s *Settings) { s.Mail.Host = "fe80::1%lan0" },
		"mail.host notice.host 5":               func(s *Settings) { s.Mail.Host = "0.0.0.0" },
		"mail.port notice.port":                 func(s *Settings) { s.Mail.Port = 0 },
		"mail.port notice.port 2":               func(s *Settings) { s.Mail.Port = 65536 },
		"mail.user notice.words":                func(s *Settings) { s.Mail.User = "a\x00b" },
		"mail.password notice.password_missing": func(s *Settings) { s.Mail.Password = "" },
		"mail.password notice.words":            func(s *Settings) { s.Mail.Password = strings.Repeat("x", 257) },
		"mail.from notice.address":              func(s *Settings) { s.Mail.From = "門番 <monban@example.jp>" },
		"mail.from notice.address 2":            func(s *Settings) { s.Mail.From = "monban@example.jp\r\nBcc: x@example.jp" },
		"mail.to notice.to_missing":             func(s *Settings) { s.Mail.To = nil },
		"mail.to notice.to_many":                func(s *Settings) { s.Mail.To = make([]string, MaxTo+1) },
		"mail.to notice.address":                func(s *Settings) { s.Mail.To = append(s.Mail.To, "院長@example.jp") },
		"mail.ca notice.ca":                     func(s *Settings) { s.Mail.CA = cert + key },
		"webhook.url notice.url":                func(s *Settings) { s.Webhook.URL = "http://hooks.example.jp/" },
		"webhook.url notice.url 2":              func(s *Settings) { s.Webhook.URL = "https://u:p@hooks.example.jp/" },
		"webhook.url notice.url 3":              func(s *Settings) { s.Webhook.URL = "https://hooks.example.jp/#x" },
		"webhook.url notice.url 4":              func(s *Settings) { s.Webhook.URL = "https://hooks.example.jp/#" },
		"webhook.url notice.url 5":              func(s *Settings) { s.Webhook.URL = "https:///x" },
		"webhook.url notice.url 6":              func(s *Settings) { s.Webhook.URL = "https://hooks.example.jp:99999/" },
		"webhook.url notice.url 7":              func(s *Settings) { s.Webhook.URL = "https://hooks.example.jp:/" },
		"webhook.secret notice.secret_short": func(s *Settings) {
			s.Webhook.Secret = "あいうえおかきくけこさしすせそ" // 15 signs, though 45 bytes
		},
		"webhook.ca notice.ca":    func(s *Settings) { s.Webhook.CA = "cert" },
		"syslog.host notice.host": func(s *Settings) { s.Syslog.Host = "log_server" },
		"syslog.port notice.port": func(s *Settings) { s.Syslog.Port = -1 },
		"syslog.ca notice.ca":     func(s *Settings) { s.Syslog.CA = key },
	} {
		s := good()
		change(&s)
		err := Check(s)
		var f *text.Fault
		field, rest, _ := strings.Cut(name, " ")
		code, _, _ := strings.Cut(rest, " ")
		switch {
		case field == "" && err != nil:
			t.Errorf("%q: %v", name, err)
		case field != "" && (!errors.As(err, &f) || f.Field != field || f.Code != code):
			t.Errorf("%q: %v", name, err)
		case f != nil && (f.Error() == f.Code || strings.Contains(f.Error(), "{")):
			t.Errorf("%q has no sentence: %v", name, f)
		}
	}
	s := good()
	s.Mail.Host, s.Webhook.URL, s.Syslog.Port = "?", "?", 70000
	if many, ok := Check(s).(interface{ Unwrap() []error }); !ok || len(many.Unwrap()) != 3 {
		t.Error("not every fault at once:", Check(s))
	}
}

func TestChannels(t *testing.T) {
	if got := Channels(good()); !reflect.DeepEqual(got, []Channel{Mail, Syslog, Webhook}) {
		t.Error(got)
	}
	if got := Channels(Settings{Mail: MailSettings{From: "a@b"}}); len(got) != 0 {
		t.Error(got)
	}
}

func TestBackoff(t *testing.T) {
	whole, tries := time.Duration(0), 0
	for last := time.Duration(0); whole < GiveUpAfter; tries++ {
		d := Backoff(tries + 1)
		if d < last || d > LastPause || tries == 0 && d != time.Minute || tries == 1 && d != 2*time.Minute {
			t.Fatalf("try %d: %v after %v", tries+1, d, last)
		}
		last, whole = d, whole+d
	}
	if Backoff(1<<30) != LastPause || Backoff(0) != time.Minute {
		t.Error("the ends of the scale")
	}
	at := time.Date(2027, 3, 2, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		tries int
		after time.Duration
		want  bool
	}{{tries, GiveUpAfter, true}, {tries, GiveUpAfter - time.Second, false}, {1, 365 * 24 * time.Hour, false}, {99, -time.Hour, false}} {
		if got := GivesUp(Message{At: at, Tries: c.tries}, at.Add(c.after)); got != c.want {
			t.Errorf("after %d tries and %v: %v", c.tries, c.after, got)
		}
	}
}

// Whatever passes Check can stand on one line of a protocol.
func FuzzCheck(f *testing.F) {
	cert, _ := authority(f)
	f.Add("smtp.example.jp", "a@example.jp", "https://h.example/", "0123456789abcdef", cert)
	f.Add("::1", "\"a b\"@example.jp", "https://[::1]:1/?#", "\r\n", "-----BEGIN CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, host, address, hook, secret, ca string) {
		s := Settings{
			Mail:    MailSettings{Host: host, Port: 25, User: secret, Password: secret, From: address, To: []string{address}, CA: ca},
			Webhook: WebhookSettings{URL: hook, Secret: secret}, Syslog: SyslogSettings{Host: host},
		}
		if Check(s) != nil {
			return
		}
		if strings.ContainsAny(host+address+hook+secret, "\r\n\x00") || strings.ContainsAny(host+address+hook, " \t<>") {
			t.Fatalf("passed: %q %q %q", host, address, hook)
		}
		if u, err := url.Parse(hook); hook != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil) {
			t.Fatalf("passed: %q", hook)
		}
	})
}
