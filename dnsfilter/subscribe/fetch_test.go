package subscribe_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/text"
)

const names = "0.0.0.0 ads.example\n0.0.0.0 track.example\n"

// A server is somebody's list server by TLS on loopback.
type server struct {
	*httptest.Server
	mux   *http.ServeMux
	asked atomic.Int64
}

func newServer(t *testing.T) *server {
	s := &server{mux: http.NewServeMux()}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mux.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// on serves h at path and returns its address, by a name.
func (s *server) on(path string, h http.HandlerFunc) string {
	s.mux.HandleFunc(path, h)
	return s.at(path)
}

// at is a path's address, by the name in the certificate.
func (s *server) at(path string) string {
	u, _ := url.Parse(s.URL)
	return "https://example.com:" + u.Port() + path
}

// options are those of a box whose resolver leads every name to loopback, and
// that may, other than a real one, connect there.
func (s *server) options() subscribe.Options {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return subscribe.Options{
		Roots: roots,
		Reach: func(a netip.Addr) bool { return a.IsLoopback() },
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	}
}

// fetch gets one list, and the code of what was wrong with it.
func fetch(t *testing.T, o subscribe.Options, src subscribe.Source, have subscribe.Seen) (string, subscribe.Got, string) {
	t.Helper()
	f, err := subscribe.New(o)
	if err != nil {
		t.Fatal(err)
	}
	src.Name = "ads"
	var b bytes.Buffer
	got, err := f.Fetch(t.Context(), src, have, &b)
	var why *text.Fault
	switch {
	case err == nil:
		return b.String(), got, ""
	case !errors.As(err, &why):
		return "", got, err.Error()
	}
	for _, l := range []text.Lang{text.JA, text.EN} {
		if s := l.Say(why.Code, why.Args); s == why.Code || strings.Contains(s, "{") {
			t.Errorf("%s has no whole sentence: %s", why.Code, s)
		}
	}
	return "", got, why.Code
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

// A list comes as it lies there, packed on the way or as a file.
func TestFetch(t *testing.T) {
	s := newServer(t)
	plain := s.on("/plain", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, names) })
	way := s.on("/way", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed(names))
	})
	file := s.on("/file.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(packed(names)) })
	both := s.on("/both", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed(string(packed(names))))
	})
	for _, x := range []struct{ url, file string }{{plain, names}, {way, names}, {file, string(packed(names))}, {both, string(packed(names))}} {
		body, got, code := fetch(t, s.options(), subscribe.Source{URL: x.url}, subscribe.Seen{})
		if body != names || code != "" || got.Bytes != int64(len(names)) || got.Sum != sha256.Sum256([]byte(x.file)) {
			t.Errorf("%s: %q %q %+v", x.url, body, code, got)
		}
	}
}

// What is as it was seen does not come again.
func TestUnchanged(t *testing.T) {
	s := newServer(t)
	sent := 0
	at := s.on("/list", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		io.WriteString(w, names)
	})
	_, first, code := fetch(t, s.options(), subscribe.Source{URL: at}, subscribe.Seen{})
	if code != "" || first.Seen.ETag != `"v1"` {
		t.Fatal(first, code)
	}
	body, again, code := fetch(t, s.options(), subscribe.Source{URL: at}, first.Seen)
	if !again.Unchanged || body != "" || code != "" || sent != 1 {
		t.Errorf("%q %+v %q, sent %d times", body, again, code, sent)
	}
	lying := s.on("/lying", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) })
	if _, _, code := fetch(t, s.options(), subscribe.Source{URL: lying}, subscribe.Seen{}); code != "list.fetch_status" {
		t.Error("304 for nothing seen:", code)
	}
}

// Everything a server can do to us ends in a sentence.
func TestRefused(t *testing.T) {
	s := newServer(t)
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		line := []byte(strings.Repeat("0.0.0.0 ads.example\n", 1000))
		for {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}
	bomb := packed(strings.Repeat("\n", 32<<20) + names)
	small := s.options()
	small.Limit = 1 << 20
	slow := s.options()
	slow.Pace = subscribe.Pace{Bytes: 1 << 10, Window: 200 * time.Millisecond}
	long := s.options()
	long.Pace, long.Whole = subscribe.Pace{Bytes: 1, Window: 150 * time.Millisecond}, 600*time.Millisecond
	drop := func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, "0.0.0.0 n%d.example\n", i); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	for i, x := range []struct {
		code string
		o    subscribe.Options
		h    http.HandlerFunc
		sum  bool
	}{
		{code: "list.fetch_status", h: page(404, names)},
		{code: "list.fetch_status", h: page(503, names)},
		{code: "list.fetch_status", h: page(206, names)},
		{code: "list.html", h: page(200, "\n<!DOCTYPE html><p>Sign in to the hotel</p>")},
		{code: "list.empty", h: page(200, "")},
		{code: "list.empty", h: page(200, " \n")},
		{code: "list.fetch_sum", h: page(200, names), sum: true},
		{code: "list.fetch_big", o: small, h: endless},
		{code: "list.fetch_big", h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500000000")
			w.WriteHeader(200)
		}},
		{code: "list.fetch_bomb", h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb)
		}},
		{code: "list.fetch_bomb", h: func(w http.ResponseWriter, r *http.Request) { w.Write(bomb) }},
		{code: "list.fetch_bomb", h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(string(bomb)))
		}},
		{code: "list.fetch_cut", h: func(w http.ResponseWriter, r *http.Request) { w.Write(packed(names)[:5]) }},
		{code: "list.fetch_packed", h: func(w http.ResponseWriter, r *http.Request) {
			b := packed(strings.Repeat(names, 1000))
			b[len(b)-6] ^= 1 // its checksum
			w.Write(b)
		}},
		{code: "list.fetch_packed", h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, names)
		}},
		{code: "list.fetch_cut", h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, names)
		}},
		{code: "list.fetch_cut", h: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, names)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{code: "list.fetch_cut", h: func(w http.ResponseWriter, r *http.Request) {
			b := packed(strings.Repeat(names, 1000))
			w.Write(b[:len(b)-10])
		}},
		{code: "list.fetch_slow", o: slow, h: drop},
		{code: "list.fetch_time", o: long, h: drop},
	} {
		t.Run(fmt.Sprint(x.code, " ", i), func(t *testing.T) {
			t.Parallel()
			if x.o.Resolve == nil {
				x.o = s.options()
			}
			src := subscribe.Source{URL: s.on(fmt.Sprint("/", i), x.h)}
			if x.sum {
				src.Sum = sha256.Sum256([]byte("other"))
			}
			if _, _, code := fetch(t, x.o, src, subscribe.Seen{}); code != x.code {
				t.Errorf("%s", code)
			}
		})
	}
}

// Wherever a list leads, it leads to the internet and nowhere else, by HTTPS.
func TestRedirects(t *testing.T) {
	s := newServer(t)
	list := s.on("/list", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, names) })
	to := func(where string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, where, http.StatusFound) }
	}
	for i := range 7 {
		s.on(fmt.Sprint("/hop", i+1), to(s.at(fmt.Sprint("/hop", i))))
	}
	s.on("/hop0", to(list))
	inside := strings.Replace(list, "example.com", "inside.example", 1)
	o := s.options()
	o.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		switch host {
		case "inside.example":
			return []netip.Addr{netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("fd00::1")}, nil
		case "nowhere.example":
			return nil, errors.New("no such name")
		}
		return []netip.Addr{netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	for path, want := range map[string]string{
		s.at("/hop4"):           "",
		s.at("/hop5"):           "list.fetch_redirects",
		s.on("/in", to(inside)): "list.fetch_private",
		s.on("/lit", to("https://192.168.10.1/list")):             "list.fetch_private",
		s.on("/lit6", to("https://[::ffff:10.0.0.1]/list")):       "list.fetch_private",
		s.on("/plain", to("http://example.com/list")):             "list.fetch_http",
		s.on("/file", to("file:///etc/passwd")):                   "list.fetch_http",
		s.on("/me", to(strings.Replace(list, "//", "//a:b@", 1))): "list.fetch_http",
		"https://nowhere.example/":                                "list.fetch_name",
		inside:                                                    "list.fetch_private",
		strings.Replace(list, "example.com", "other.example", 1):  "list.fetch_tls", // not in the certificate
	} {
		if _, _, code := fetch(t, o, subscribe.Source{URL: path}, subscribe.Seen{}); code != want {
			t.Errorf("%s: %q, want %q", path, code, want)
		}
	}
	// Nobody asked for loopback: the fetcher does not go there by itself.
	o = s.options()
	o.Reach = nil
	before := s.asked.Load()
	if _, _, code := fetch(t, o, subscribe.Source{URL: list}, subscribe.Seen{}); code != "list.fetch_private" || s.asked.Load() != before {
		t.Errorf("%q after %d questions", code, s.asked.Load()-before)
	}
	o = s.options()
	o.Roots = x509.NewCertPool()
	if _, _, code := fetch(t, o, subscribe.Source{URL: list}, subscribe.Seen{}); code != "list.fetch_tls" {
		t.Error("a certificate nobody knows:", code)
	}
}

func TestPublic(t *testing.T) {
	for a, want := range map[string]bool{
		"1.1.1.1": true, "202.232.2.1": true, "2606:4700::1111": true, "2400:4000::1": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.32.0.1": true, "192.168.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "203.0.113.1": false,
		"::": false, "::1": false, "fe80::1": false, "fd00::1": false, "ff02::1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
		"2001::1": false, "2001:db8::1": false, "::ffff:10.0.0.1": false, "::10.0.0.1": false,
	} {
		if got := subscribe.Public(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if subscribe.Public(netip.Addr{}) {
		t.Error("no address at all")
	}
}

func TestCheckURL(t *testing.T) {
	for u, want := range map[string]bool{
		"https://a.example/x?y=z": true, "https://a.example:8443": true, "https://[2606:4700::1111]/x": true,
		"http://a.example/": false, "https:///x": false, "https://a@b.example/": false, "https://a.example/#x": false, "a.example": false, "": false,
	} {
		if got := subscribe.CheckURL(u); got != want {
			t.Errorf("%q: %v", u, got)
		}
	}
}

// Somebody who wants it to end need not wait for the server.
func TestFetchEnds(t *testing.T) {
	s := newServer(t)
	began := make(chan struct{})
	at := s.on("/wait", func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	})
	f, err := subscribe.New(s.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-began; stop() }()
	if _, err := f.Fetch(ctx, subscribe.Source{Name: "a", URL: at}, subscribe.Seen{}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
