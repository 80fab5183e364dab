package send

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"monban/gateway/notice"
)

// hook starts an https server whose name is hooks.example.jp.
func hook(t *testing.T, a authority, h http.HandlerFunc) (Sender, notice.Settings) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = a.leaf(t, soon, "hooks.example.jp")
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s := to(srv.Listener.Addr().String())
	s.Now = func() time.Time { return time.Unix(1803956460, 0) }
	return s, notice.Settings{Webhook: notice.WebhookSettings{URL: "https://hooks.example.jp/secret-path", Secret: "0123456789abcdef", CA: a.pem}}
}

func TestWebhook(t *testing.T) {
	a := newAuthority(t)
	var got *http.Request
	var body []byte
	s, set := hook(t, a, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20)) // more than anybody reads
	})
	m := message(notice.Webhook)
	if err := s.Send(t.Context(), set, m); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("0123456789abcdef"))
	mac.Write([]byte("1803956460."))
	mac.Write(body)
	if want := hex.EncodeToString(mac.Sum(nil)); got.Header.Get("Monban-Signature") != want || got.Header.Get("Monban-Timestamp") != "1803956460" ||
		got.Header.Get("Monban-Id") != m.Ident() || got.Header.Get("Content-Type") != "application/json" || got.Method != "POST" ||
		got.URL.Path != "/secret-path" || got.Host != "hooks.example.jp" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
	if !bytes.Equal(body, notice.JSON(m)) {
		t.Errorf("%s", body)
	}
}

func TestWebhookRefused(t *testing.T) {
	a := newAuthority(t)
	status := 0
	asked := 0
	s, set := hook(t, a, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Location", "https://hooks.example.jp/elsewhere")
		w.WriteHeader(status)
	})
	for _, c := range []struct {
		status int
		code   string
	}{{500, "notice.http_status"}, {404, "notice.http_status"}, {302, "notice.http_redirect"}, {307, "notice.http_redirect"}} {
		status, asked = c.status, 0
		fails(t, s.Send(t.Context(), set, message(notice.Webhook)), c.code, "hooks.example.jp")
		if asked != 1 {
			t.Errorf("%d: asked %d times", c.status, asked)
		}
	}
	wrong := set
	wrong.Webhook.URL = "https://other.example.jp/"
	fails(t, s.Send(t.Context(), wrong, message(notice.Webhook)), "notice.cert_name", "hooks.example.jp", "other.example.jp")
	wrong = set
	wrong.Webhook.CA = ""
	err := s.Send(t.Context(), wrong, message(notice.Webhook))
	fails(t, err, "notice.cert_unknown")
	if strings.Contains(err.Error(), "secret-path") {
		t.Errorf("the log would hold the address: %v", err)
	}
	plain := listen(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	})
	fails(t, to(plain).Send(t.Context(), set, message(notice.Webhook)), "notice.no_tls", "443")
	s.Within = 150 * time.Millisecond
	hung, _ := hook(t, a, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	})
	hung.Within = 300 * time.Millisecond
	fails(t, hung.Send(t.Context(), set, message(notice.Webhook)), "notice.timeout")
}

func TestSyslog(t *testing.T) {
	a := newAuthority(t)
	conf := a.leaf(t, soon, "log.example.jp")
	got := make(chan *rfc5424.SyslogMessage, 4)
	addr := listen(t, func(c net.Conn) {
		octetcounting.NewParser(syslog.WithListener(func(r *syslog.Result) {
			if m, ok := r.Message.(*rfc5424.SyslogMessage); ok && r.Error == nil {
				got <- m
			}
		})).Parse(tls.Server(c, conf))
	})
	set := notice.Settings{Syslog: notice.SyslogSettings{Host: "log.example.jp", CA: a.pem}}
	if err := to(addr).Send(t.Context(), set, message(notice.Syslog)); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-got:
		if *m.MsgID != "window.unknown_closed" || *m.Hostname != "monban.home.arpa" || *m.Appname != "monban" || *m.Severity != 1 ||
			!strings.Contains(*m.Message, "記録にない入口") {
			t.Errorf("%+v", m)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	set.Syslog.Host = "other.example.jp"
	fails(t, to(addr).Send(t.Context(), set, message(notice.Syslog)), "notice.cert_name", "log.example.jp")

	// A server that wants to know who we are says so only after the handshake.
	strict := conf.Clone()
	strict.ClientAuth = tls.RequireAnyClientCert
	addr = listen(t, func(c net.Conn) {
		_ = tls.Server(c, strict).Handshake()
		_, _ = io.Copy(io.Discard, c)
	})
	set.Syslog.Host = "log.example.jp"
	fails(t, to(addr).Send(t.Context(), set, message(notice.Syslog)), "notice.tls")

	// One that takes it and stays silent is content, and does not hold us up.
	addr = listen(t, func(c net.Conn) {
		s := tls.Server(c, conf)
		_, _ = s.Read(make([]byte, 4096))
		time.Sleep(4 * time.Second)
	})
	began := time.Now()
	if err := to(addr).Send(t.Context(), set, message(notice.Syslog)); err != nil || time.Since(began) > 3*time.Second {
		t.Error(err, time.Since(began))
	}
}
