package gateway

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"

	"monban/dnsfilter/subscribe"
)

// The real fetcher against a real server, from the configuration to the
// answer: a list comes by TLS, is renewed only when it has changed, and serves
// on while its server leads astray, lies about its size or is gone.
func TestSubscriptionByTLS(t *testing.T) {
	var mu sync.Mutex
	var serve http.HandlerFunc
	set := func(h http.HandlerFunc) { mu.Lock(); defer mu.Unlock(); serve = h }
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := serve
		mu.Unlock()
		h(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	inside := netip.MustParseAddr("192.168.10.31")
	b := newBox(t)
	fetcher, err := subscribe.New(subscribe.Options{
		Roots: roots,
		Reach: func(a netip.Addr) bool { return a.IsLoopback() && !b.Owns(a) },
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "inside.example" {
				return []netip.Addr{inside}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.o.Lists = fetcher
	b.edit("[tools]", "[[dns.list]]\nname = \"ads\"\nformat = \"hosts\"\nurl = \"https://example.com:"+u.Port()+"/ads.txt\"\n[tools]")
	b.start()
	if !b.Owns(inside) || b.Owns(netip.MustParseAddr("198.51.100.10")) || !b.Owns(netip.MustParseAddr("203.0.113.10")) {
		t.Error("what is the house's own")
	}
	served, unchanged := 0, 0
	good := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"`+text[len(text)-20:len(text)-1]+`"`)
			if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
				unchanged++
				w.WriteHeader(http.StatusNotModified)
				return
			}
			served++
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, text)
			z.Close()
		}
	}
	set(good(numbered(1000)))
	b.later(fetchFirst + fetchWithin)
	b.later(fetchEvery + fetchSpread)
	if v := b.view("ads"); v.State != ListInUse || v.Names != 1000 || served != 1 || unchanged != 1 || b.listed("n999.ads.example") != "ads" {
		t.Fatalf("%+v %v, served %d, unchanged %d", v, v.Error, served, unchanged)
	}
	for code, h := range map[string]http.HandlerFunc{
		"list.fetch_private": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://inside.example/", http.StatusFound)
		},
		"list.fetch_cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999")
			io.WriteString(w, numbered(10))
		},
		"list.html": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>sign in</html>") },
		"list.fetch_big": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500000000")
			io.WriteString(w, numbered(10))
		},
	} {
		set(h)
		b.later(2 * fetchEvery)
		if v := b.view("ads"); v.State != ListOld || v.Error == nil || v.Error.Code != code || b.listed("n999.ads.example") != "ads" {
			t.Errorf("%s: %+v", code, v.Error)
		}
	}
	set(good(numbered(1001)))
	b.later(2 * fetchEvery)
	if v := b.view("ads"); v.State != ListInUse || b.listed("n1000.ads.example") != "ads" {
		t.Errorf("%+v", v)
	}
	s.Close()
	b.later(2 * fetchEvery)
	if v := b.view("ads"); v.Error == nil || v.Error.Code != "list.fetch_connect" || b.listed("n1000.ads.example") != "ads" {
		t.Errorf("%+v", v)
	}
}
