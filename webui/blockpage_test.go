package webui_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// atHost asks the page without TLS for a host.
func atHost(h http.Handler, method, host, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://x.invalid/", strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = host, "192.168.10.21:50000"
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// In the place of a refused site stands why, whatever was asked of the site,
// and nothing of the clinic.
func TestBlockPage(t *testing.T) {
	f := namedFake()
	h := newPlain(t, f)
	for _, path := range []string{"/", "/a/b/c?x=<script>alert(1)</script>", "/setup", "/monban-ca.cer", "/alive", "/\x00" + strings.Repeat("x", 5000)} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			w := atHost(h, method, "ads.example.jp", path, nil)
			body := w.Body.String()
			if w.Code != http.StatusForbidden || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Fatalf("%s %.40q: %d %v", method, path, w.Code, w.Header())
			}
			for _, want := range []string{"<bdi class=\"code\">ads.example.jp</bdi>", "1,234", "許可をお願いする", "https://monban.home.arpa/names/why?name=ads.example.jp", `action="/monban/wish"`} {
				if !strings.Contains(body, want) {
					t.Fatalf("%s %.40q: no %s in %s", method, path, want, body)
				}
			}
			for _, bad := range []string{"<script", "alert", "クリニック", "医院名", "レセコン", "02:00:5e", "set-cookie"} {
				if strings.Contains(body, bad) {
					t.Errorf("%s %.40q: it says %s", method, path, bad)
				}
			}
			if len(w.Result().Cookies()) != 0 || strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src") || len(body) > 32<<10 {
				t.Errorf("%v, %d bytes", w.Header(), len(body))
			}
		}
	}
	if f.acts != 0 {
		t.Errorf("%d things changed", f.acts)
	}
	if w := atHost(h, http.MethodHead, "ADS.example.jp.:80", "/", nil); w.Code != http.StatusForbidden || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := atHost(h, http.MethodGet, "ads.example.jp", "/?lang=en", nil); !strings.Contains(w.Body.String(), "Monban has stopped this site") || !strings.Contains(w.Body.String(), `action="/monban/wish?lang=en"`) {
		t.Error(w.Body.String())
	}
	// Its looks come from the name it stands for.
	style := strings.SplitN(strings.SplitN(atHost(h, http.MethodGet, "ads.example.jp", "/", nil).Body.String(), `rel="stylesheet" href="`, 2)[1], `"`, 2)[0]
	if w := atHost(h, http.MethodGet, "ads.example.jp", style, nil); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%s: %d", style, w.Code)
	}
	// A tool's name is for nobody to allow here.
	if body := atHost(h, http.MethodGet, "tool.example", "/", nil).Body.String(); strings.Contains(body, "<form") || !strings.Contains(body, "TeamViewer") {
		t.Error(body)
	}
	// What nobody refuses is another host, as before, and our own names are ours.
	for _, host := range []string{"fine.example", "a b", "<b>.example", "", strings.Repeat("a", 4000)} {
		if w := atHost(h, http.MethodGet, host, "/", nil); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%.20q: %d", host, w.Code)
		}
	}
	if w := atHost(h, http.MethodGet, "monban.home.arpa", "/names/why", nil); w.Code != http.StatusFound || w.Header().Get("Location") != "https://monban.home.arpa/names/why" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A wish goes out once, by the form of that very page only.
func TestWishOnTheBlockPage(t *testing.T) {
	f := namedFake()
	h := newPlain(t, f)
	form := url.Values{"reason": {"予約の確認"}, "name": {"other.example"}}
	for _, header := range [][]string{
		{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"},
	} {
		if w := atHost(h, http.MethodPost, "ads.example.jp", "/monban/wish", form, header...); w.Code != http.StatusForbidden || f.acts != 0 {
			t.Errorf("%v: %d, %d acts", header, w.Code, f.acts)
		}
	}
	w := atHost(h, http.MethodPost, "ads.example.jp", "/monban/wish", form, "Origin", "http://ads.example.jp")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || f.acts != 1 || f.wanted.Name != "ads.example.jp" || f.wanted.Reason != "予約の確認" || f.wanted.Device != "192.168.10.21" {
		t.Errorf("%d %v, %+v", w.Code, w.Header(), f.wanted)
	}
	if body := atHost(h, http.MethodGet, "ads.example.jp", "/", nil).Body.String(); strings.Contains(body, "<form") || !strings.Contains(body, "許可のお願いは院長に届いています") {
		t.Error(body)
	}
	f.full = true
	w = atHost(h, http.MethodPost, "ads2.example.jp", "/monban/wish", url.Values{"reason": {`"><img>`}})
	if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "お願いがたまっています") || strings.Contains(body, "<img>") {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := atHost(h, http.MethodPost, "ads2.example.jp", "/monban/wish", url.Values{"reason": {strings.Repeat("x", 100<<10)}}); w.Code != http.StatusBadRequest {
		t.Errorf("a very long form: %d", w.Code)
	}
}

// TestBlockPageInTheBrowser draws the page and asks by it, without script.
func TestBlockPageInTheBrowser(t *testing.T) {
	ctx := chromium(t)
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	f := namedFake()
	srv := httptest.NewServer(newPlain(t, f))
	t.Cleanup(srv.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
	see := func(name string) {
		t.Helper()
		run(t, ctx, visible("h1"))
		axe(t, ctx, string(script), name)
		look(t, ctx, name)
	}
	at := "http://ads.shop.example:" + port // not localhost, which browsers trust as if it came by TLS
	run(t, ctx, chromedp.Navigate(at+"/campaign/2026?x=y"))
	see("b-block")
	run(t, ctx, chromedp.Navigate(at+"/?lang=en"))
	see("b-block-en")
	run(t, ctx, chromedp.Navigate(at+"/"), fill("#reason", "予約の確認に使います"), submit("#reason"), visible("[role=status]"))
	see("b-block-asked")
	run(t, ctx, chromedp.Navigate("http://tool.example:"+port+"/"))
	see("b-block-tool")
	f.full = true
	run(t, ctx, chromedp.Navigate("http://ads2.example:"+port+"/"), fill("#reason", "予約"), submit("#reason"), visible("#reason-fault"))
	see("b-block-full")
}
