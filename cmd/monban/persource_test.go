package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// onLAN shows connections from 127.0.0.x as from 192.168.10.x.
type onLAN struct{ net.Listener }

func (l onLAN) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return shownAs{c, asOnLAN(c.RemoteAddr()), asOnLAN(c.LocalAddr())}, nil
}

func asOnLAN(a net.Addr) net.Addr {
	t := *a.(*net.TCPAddr)
	t.IP = net.IPv4(192, 168, 10, t.IP.To4()[3])
	return &t
}

type shownAs struct {
	net.Conn
	remote, local net.Addr
}

func (c shownAs) RemoteAddr() net.Addr { return c.remote }
func (c shownAs) LocalAddr() net.Addr  { return c.local }

// visitor is a client at an address that keeps its connection.
func visitor(from string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: d.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
}

func get(c *http.Client, url string) error {
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// servedOn serves by TLS on a listener as the page is.
func servedOn(t *testing.T, wrap func(net.Listener) net.Listener) (url string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	own := httptest.NewTLSServer(nil)
	own.Close()
	srv := &http.Server{TLSConfig: &tls.Config{Certificates: own.TLS.Certificates}, IdleTimeout: 2 * time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "門番") })}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = serveOn(ctx, srv, []net.Listener{wrap(l)}) })
	t.Cleanup(func() { stop(); l.Close(); wg.Wait() })
	return "https://" + l.Addr().String()
}

// crowd makes n browsers at an address ask once each and keep what they got.
func crowd(t *testing.T, url, from string, n int) (served []*http.Client) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		c := visitor(from)
		t.Cleanup(c.CloseIdleConnections)
		wg.Go(func() {
			if get(c, url) == nil {
				mu.Lock()
				served = append(served, c)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return served
}

// One computer of the LAN that takes all connections it gets keeps nobody else
// from the page, and is served again when it lets some go.
func TestOneSourceTakesNotAll(t *testing.T) {
	url := servedOn(t, func(l net.Listener) net.Listener { return onLAN{l} })
	greedy := crowd(t, url, "127.0.0.22", maxConns)
	start := time.Now()
	if err := get(visitor("127.0.0.23"), url); err != nil {
		t.Error("another computer is not served:", err)
	}
	t.Logf("%d of %d served; another computer after %v", len(greedy), maxConns, time.Since(start))
	if len(greedy) != perSource {
		t.Errorf("one computer has %d connections", len(greedy))
	}
	start = time.Now()
	if get(visitor("127.0.0.22"), url) == nil || time.Since(start) > 3*time.Second {
		t.Error("one too many is served, or waits")
	}
	greedy[0].CloseIdleConnections()
	again := false
	for end := time.Now().Add(5 * time.Second); !again && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		again = get(visitor("127.0.0.22"), url) == nil
	}
	if !again {
		t.Error("not served again")
	}
}

// The box itself may have all connections.
func TestOwnConnectionsAreNotCounted(t *testing.T) {
	url := servedOn(t, func(l net.Listener) net.Listener { return l })
	if n := len(crowd(t, url, "127.0.0.1", 3*perSource)); n != 3*perSource {
		t.Errorf("%d of %d served", n, 3*perSource)
	}
}

// What counts as one source.
func TestSource(t *testing.T) {
	tcp := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	for _, x := range []struct {
		from, at net.Addr
		want     string
	}{
		{tcp("192.168.10.22:40000"), tcp("192.168.10.1:443"), "192.168.10.22/32"},
		{tcp("[::ffff:192.168.10.22]:40000"), tcp("192.168.10.1:443"), "192.168.10.22/32"},
		{tcp("[fdc1:1c:10::22]:40000"), tcp("[fdc1:1c:10::1]:443"), "fdc1:1c:10::22/128"},
		{tcp("[fe80::22%lan0]:40000"), tcp("[fe80::1%lan0]:443"), "fe80::22/128"},
		{tcp("[fdc1:1c:11::22]:40000"), tcp("[fdc1:1c:10::1]:443"), "fdc1:1c:11::/64"},
		{tcp("127.0.0.1:40000"), tcp("127.0.0.1:443"), ""},
		{tcp("[::1]:40000"), tcp("[::1]:443"), ""},
		{tcp("[::ffff:127.0.0.1]:40000"), tcp("127.0.0.1:443"), ""},
		{&net.UnixAddr{Name: "@", Net: "unix"}, &net.UnixAddr{Name: "/run/x", Net: "unix"}, ""},
	} {
		got, ok := source(shownAs{remote: x.from, local: x.at})
		if ok != (x.want != "") || ok && got.String() != x.want {
			t.Errorf("%v at %v: %v, %v, want %q", x.from, x.at, got, ok, x.want)
		}
	}
}
