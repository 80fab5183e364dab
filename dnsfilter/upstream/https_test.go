package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// serveHTTPS is a web server over HTTP/2 on loopback, and its count of
// connections.
func serveHTTPS(t testing.TB, cert tls.Certificate, handle http.HandlerFunc) (Server, *httptest.Server, *atomic.Int32) {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	var conns atomic.Int32
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return Server{Proto: HTTPS, Name: "dns.example", Path: "/dns-query", Addr: netip.MustParseAddrPort(s.Listener.Addr().String())}, s, &conns
}

// webAnswer reads a question and returns the packed proper answer.
func webAnswer(r *http.Request) []byte {
	raw, err := io.ReadAll(r.Body)
	var q dns.Msg
	if err != nil || q.Unpack(raw) != nil {
		return nil
	}
	return pack(good(&q))
}

func goodWeb(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", mediaType)
	w.Write(webAnswer(r))
}

func TestHTTPS(t *testing.T) {
	a := newAuthority(t)
	cert, pin := a.leaf(t, "dns.example", time.Hour)
	var wrong atomic.Pointer[string]
	s, _, conns := serveHTTPS(t, cert, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var q dns.Msg
		if err := q.Unpack(raw); err != nil || r.ProtoMajor != 2 || r.Method != "POST" || r.URL.Path != "/dns-query" || r.Host != "dns.example" ||
			r.Header.Get("Content-Type") != mediaType || r.Header.Get("User-Agent") != "" || q.Id != 0 || len(raw)%padTo != 0 {
			what := fmt.Sprint(err, r.Proto, r.Method, r.URL, r.Host, r.Header, q.Id, len(raw))
			wrong.Store(&what)
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Age", "100")
		w.Write(pack(good(&q)))
	})
	c := secureClient(t, a, s)
	for range 3 {
		if m := mustAnswer(t, c); m.Answer[0].Header().Ttl != 200 {
			t.Errorf("%v", m.Answer)
		}
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if m, err := c.Exchange(context.Background(), question); err != nil || len(m.Answer) != 1 {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	wg.Wait()
	if w := wrong.Load(); w != nil || conns.Load() != 1 {
		t.Errorf("%v, %d connections", w, conns.Load())
	}
	if st := c.Servers()[0]; !st.OK || st.Latency == 0 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}

	s.Name, s.Pins = "other.example", [][32]byte{pin}
	mustAnswer(t, secureClient(t, a, Server{Proto: HTTPS, Name: "dns.example", Path: s.Path, Addr: s.Addr, Pins: s.Pins}))
	before := conns.Load()
	s.Pins = nil
	if _, err := secureClient(t, a, s).Exchange(context.Background(), question); err == nil {
		t.Error("a certificate for another name is taken")
	}
	s.Name, s.Pins = "dns.example", [][32]byte{{1}}
	if _, err := secureClient(t, a, s).Exchange(context.Background(), question); err == nil {
		t.Error("another key than the pinned one is taken")
	}
	if n := conns.Load() - before; n != 2 {
		t.Errorf("%d connections for two failures", n)
	}
}

// What is no DNS answer by status, kind, size or content is none, and the next
// server is asked at once.
func TestHTTPSRefuses(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	typed := func(w http.ResponseWriter) { w.Header().Set("Content-Type", mediaType) }
	changed := func(f func(m *dns.Msg)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var m dns.Msg
			m.Unpack(webAnswer(r))
			f(&m)
			typed(w)
			w.Write(pack(&m))
		}
	}
	var elsewhere atomic.Int32
	target, _, _ := serveHTTPS(t, cert, func(w http.ResponseWriter, r *http.Request) { elsewhere.Add(1); goodWeb(w, r) })
	for what, handle := range map[string]http.HandlerFunc{
		"404":        nil,
		"a web page": func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>sign in first")) },
		"an answer as text": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Write(webAnswer(r))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+target.Addr.String()+"/dns-query", http.StatusTemporaryRedirect)
		},
		"500 with an answer": func(w http.ResponseWriter, r *http.Request) { typed(w); w.WriteHeader(500); w.Write(webAnswer(r)) },
		"nothing":            func(w http.ResponseWriter, r *http.Request) { typed(w) },
		"half an answer":     func(w http.ResponseWriter, r *http.Request) { typed(w); b := webAnswer(r); w.Write(b[:len(b)-5]) },
		"too much": func(w http.ResponseWriter, r *http.Request) {
			typed(w)
			w.Write(append(webAnswer(r), make([]byte, dns.MaxMsgSize)...))
		},
		"no end": func(w http.ResponseWriter, r *http.Request) {
			for typed(w); r.Context().Err() == nil; {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
		"too long a header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
			goodWeb(w, r)
		},
		"another name": changed(func(m *dns.Msg) { m.Question[0].Name = "evil.example." }),
		"another type": changed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }),
		"another id":   changed(func(m *dns.Msg) { m.Id = 7 }),
		"cut":          changed(func(m *dns.Msg) { m.Truncated = true }),
		"a question":   changed(func(m *dns.Msg) { m.Response = false }),
		"breaks off":   func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(what, func(t *testing.T) {
			if handle == nil {
				handle = http.NotFound
			}
			bad, _, _ := serveHTTPS(t, cert, handle)
			next, _, _ := serveHTTPS(t, cert, goodWeb)
			if _, err := secureClient(t, a, bad).Exchange(context.Background(), question); err == nil {
				t.Error("taken for an answer")
			}
			c := secureClient(t, a, bad, next)
			began := time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > time.Second {
				t.Errorf("fail-over took %v", took)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// A server without HTTP/2 is none.
func TestHTTPSWithoutHTTP2(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	l := httptest.NewUnstartedServer(http.HandlerFunc(goodWeb))
	l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	l.StartTLS()
	defer l.Close()
	s := Server{Proto: HTTPS, Name: "dns.example", Path: "/q", Addr: netip.MustParseAddrPort(l.Listener.Addr().String())}
	if m, err := secureClient(t, a, s).Exchange(context.Background(), question); err == nil {
		t.Error(m)
	}
}

// A connection that was good and is dead, closed or gone silent, is replaced
// within the question.
func TestHTTPSReconnects(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	s, web, conns := serveHTTPS(t, cert, goodWeb)
	c := secureClient(t, a, s)
	for range 3 {
		mustAnswer(t, c)
		web.CloseClientConnections()
	}
	if n := conns.Load(); n != 3 || c.Servers()[0].Failed != 0 {
		t.Errorf("%d connections, %+v", n, c.Servers())
	}
	var silent atomic.Pointer[string] // the client whose connection is dead
	s, _, conns = serveHTTPS(t, cert, func(w http.ResponseWriter, r *http.Request) {
		if dead := silent.Load(); dead != nil && *dead == r.RemoteAddr {
			<-r.Context().Done()
			return
		}
		silent.CompareAndSwap(nil, &r.RemoteAddr)
		goodWeb(w, r)
	})
	c = secureClient(t, a, s)
	mustAnswer(t, c)
	began := time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 2*time.Second || conns.Load() != 2 {
		t.Errorf("took %v, %d connections", took, conns.Load())
	}
}

// A server that hangs costs less than a second.
func TestHTTPSFailover(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	hang, _, _ := serveHTTPS(t, cert, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	trickle, _, _ := serveHTTPS(t, cert, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Write(webAnswer(r)[:5])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	next := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	c := secureClient(t, a, hang, trickle, Server{Addr: next.addr})
	began := time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > time.Second {
		t.Errorf("fail-over over two took %v", took)
	}
	began = time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 200*time.Millisecond {
		t.Errorf("the second question took %v", took)
	}
}
