package webui_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// client is a browser without script.
type client struct {
	t       testing.TB
	h       http.Handler
	cookies map[string]string
	header  map[string]string
	set     []*http.Cookie // of the last answer
}

func newClient(t testing.TB, h http.Handler) *client {
	return &client{t: t, h: h, cookies: map[string]string{}, header: map[string]string{}}
}

func (c *client) do(method, path string, form url.Values) *http.Response {
	c.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "https://monban.home.arpa"+path, body)
	r.RemoteAddr = "192.168.10.30:50000"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method == http.MethodPost {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	for k, v := range c.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	res := w.Result()
	c.set = res.Cookies()
	for _, k := range c.set {
		if k.MaxAge < 0 {
			delete(c.cookies, k.Name)
		} else {
			c.cookies[k.Name] = k.Value
		}
	}
	return res
}

func (c *client) get(path string) (int, string) {
	c.t.Helper()
	return c.read(c.do(http.MethodGet, path, nil))
}

func (c *client) post(path string, kv ...string) (int, string) {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	return c.read(c.do(http.MethodPost, path, form))
}

// read returns the status and the page, or where a redirect leads.
func (c *client) read(res *http.Response) (int, string) {
	c.t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, string(b)
}

// in returns a client that is signed in.
func in(t testing.TB, f *fake) *client {
	t.Helper()
	c := newClient(t, newPage(t, f))
	if status, to := c.post("/signin", "name", "山田 花子", "password", rightPassword, "code", rightTOTP); status != http.StatusSeeOther || to != "/" {
		t.Fatalf("sign-in: %d %s", status, to)
	}
	return c
}
