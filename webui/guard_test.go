package webui_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2/memstore"

	"monban/gateway"
	"monban/webui"
)

func TestHeadersOnEveryAnswer(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	nonces := map[string]bool{}
	for _, p := range []string{"/", "/windows/3", "/nothing", "/signin", "/assets/none"} {
		h := c.do(http.MethodGet, p, nil).Header
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") ||
			!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self'") || !strings.Contains(csp, "base-uri 'none'") {
			t.Errorf("%s: CSP %q", p, csp)
		}
		nonces[csp] = true
		for k, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
			"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if h.Get(k) != want {
				t.Errorf("%s: %s is %q", p, k, h.Get(k))
			}
		}
		if !strings.Contains(h.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: Cache-Control %q", p, h.Get("Cache-Control"))
		}
		if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Server") != "" {
			t.Errorf("%s: too talkative", p)
		}
	}
	if len(nonces) != 5 {
		t.Error("a nonce was used twice")
	}
}

func TestHostAllowList(t *testing.T) {
	h := newPage(t, newFake())
	for host, ok := range map[string]bool{
		"monban.home.arpa": true, "MONBAN.home.arpa:443": true, "monban.home.arpa.": true, "127.0.0.1:8443": true, "[::1]:8443": true, "192.168.10.1": true, "192.168.10.1:443": true, "192.168.10.2": false,
		"": false, "evil.example": false, "monban.home.arpa.evil.example": false, "127.0.0.2": false, "monban.home.arpa@evil.example": false, "[::2]": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "https://x/signin", nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP("192.168.10.1"), Port: 443})))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if (w.Code == http.StatusOK) != ok || !ok && w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%q: %d", host, w.Code)
		}
	}
}

func TestAssets(t *testing.T) {
	c := newClient(t, newPage(t, newFake()))
	_, body := c.get("/signin")
	n := 0
	for part := range strings.SplitSeq(body, `"`) {
		if !strings.HasPrefix(part, "/assets/") {
			continue
		}
		n++
		res := c.do(http.MethodGet, part, nil)
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || len(res.Cookies()) != 0 {
			t.Errorf("%s: %d %q", part, res.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
	if n != 6 {
		t.Errorf("%d assets", n)
	}
	if strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, " style=") || strings.Contains(body, "onclick") {
		t.Error("the page wants something from elsewhere, or inline")
	}
}

// panicking falls over where the form asks for vendors.
type panicking struct{ webui.Gateway }

func (panicking) Vendors(context.Context) []gateway.Vendor { panic("boom " + hostile) }

func TestPanicCostsOneAnswer(t *testing.T) {
	var log strings.Builder
	h, err := webui.New(webui.Options{Gateway: panicking{newFake()}, Sessions: memstore.NewWithCleanupInterval(0),
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Names: func() []string { return []string{"monban.home.arpa"} }})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, h)
	c.post("/signin", "name", "山田 花子", "password", rightPassword, "code", rightTOTP)
	status, body := c.get("/windows/new")
	if status != http.StatusInternalServerError || strings.Contains(body, "boom") {
		t.Errorf("%d %s", status, body)
	}
	if !strings.Contains(log.String(), "boom") {
		t.Error("the log says nothing of it")
	}
	if status, _ := c.get("/"); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

func TestOversizedForm(t *testing.T) {
	c := in(t, newFake())
	if status, _ := c.post("/windows/new", "reason", strings.Repeat("x", 70<<10)); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
}

// Without TLS there is one page that explains, the certificate, and the way to
// the page by TLS; no form and no session.
func TestPlain(t *testing.T) {
	h := newPlain(t, newFake())
	for path, want := range map[string]int{"/": 200, "/alive": 200, "/monban-ca.cer": 200, "/signin": 302, "/setup": 302, "/windows": 302} {
		r := httptest.NewRequest("GET", "http://monban.home.arpa"+path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if to := w.Header().Get("Location"); want == 302 && to != "https://monban.home.arpa"+path {
			t.Errorf("%s leads to %q", path, to)
		}
		if strings.Contains(w.Body.String(), "<form method=\"post\"") {
			t.Errorf("%s has a form that would go in the clear", path)
		}
	}
	r := httptest.NewRequest("GET", "http://evil.example/signin", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 421 {
		t.Errorf("a foreign name gets %d", w.Code)
	}
	r = httptest.NewRequest("POST", "http://monban.home.arpa/signin", strings.NewReader("name=x&password=y"))
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 302 {
		t.Errorf("a form without TLS gets %d", w.Code)
	}
}
