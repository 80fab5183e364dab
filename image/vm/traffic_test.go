package vm_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// outside answers for the internet: a web server that says who asked, and a
// resolver that knows every name.
func outside(t *testing.T, m *machine) {
	t.Helper()
	l := m.wan.listen(t, net.JoinHostPort(server.String(), "80"))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, c.RemoteAddr())
			c.Close()
		}
	}()
	answer := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		a.RecursionAvailable = true
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: server.AsSlice()}}
		}
		_ = w.WriteMsg(a)
	})
	at := net.JoinHostPort(resolver.String(), "53")
	for _, s := range []*dns.Server{
		{PacketConn: m.wan.listenPacket(t, at), Handler: answer},
		{Listener: m.wan.listen(t, at), Handler: answer},
	} {
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
}

// ask asks the box's DNS from inside.
func (m *machine) ask(name string) (*dns.Msg, error) {
	c, err := m.lan.dial("udp", net.JoinHostPort(boxLAN.String(), "53"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	client := dns.Client{Timeout: 3 * time.Second}
	a, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: c})
	return a, err
}

// page opens the page from inside.
func (m *machine) page() (status int, body string, err error) {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) { return m.lan.dial("tcp", addr) },
		// The box made its certificate itself, a minute ago.
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}}
	r, err := client.Get("https://" + boxLAN.String() + "/")
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return r.StatusCode, string(b), err
}

// until waits for something that comes with time, and says for how long.
func until(t *testing.T, what string, within time.Duration, ok func() error) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		err := ok()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("%s: %s have passed: %v", what, within, err)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// testTraffic sends real packets through a box that was provisioned.
func testTraffic(t *testing.T, m *machine) {
	until(t, "DNS answers", bootTime, func() error {
		a, err := m.ask("www.lab.example")
		if err == nil && (a.Rcode != dns.RcodeSuccess || len(a.Answer) != 1) {
			err = fmt.Errorf("%v", a)
		}
		return err
	})
	answers := time.Since(m.since)
	// A remote-support tool is on the list that comes with the box.
	if a, err := m.ask("router15.teamviewer.com"); err != nil || strings.Contains(a.String(), server.String()) {
		t.Errorf("a listed name: %v, %v", a, err)
	}
	until(t, "the page answers", time.Minute, func() error {
		status, body, err := m.page()
		if err == nil && (status != http.StatusOK || !strings.Contains(body, "<html")) {
			err = fmt.Errorf("status %d: %.200s", status, body)
		}
		return err
	})
	t.Logf("from power-on, the firmware's own time included: DNS answers after %.1f s, the page after %.1f s", answers.Seconds(), time.Since(m.since).Seconds())
	// Out is open, and the world sees the box alone.
	c, err := m.lan.dial("tcp", net.JoinHostPort(server.String(), "80"))
	if err != nil {
		t.Fatalf("LAN → WAN: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	who, err := bufio.NewReader(c).ReadString('\n')
	if host, _, _ := net.SplitHostPort(strings.TrimSpace(who)); err != nil || host != boxWAN.String() {
		t.Errorf("the server outside saw %q, %v", who, err)
	}
	// In is not.
	for _, to := range []string{boxWAN.String() + ":443", boxWAN.String() + ":53", device.String() + ":3389", "[" + device6.String() + "]:3389"} {
		if c, err := m.wan.dial("tcp", to); err == nil {
			c.Close()
			t.Errorf("WAN → %s is open", to)
		}
	}
}

// echo answers on the device inside.
func echo(t *testing.T, m *machine, port string) {
	t.Helper()
	l := m.lan.listen(t, net.JoinHostPort(device.String(), port))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
}

// testWindow opens a window for a vendor and sees it end by itself.
func testWindow(t *testing.T, m *machine, s *shell) {
	echo(t, m, "3389")
	call := func() (net.Conn, error) {
		return m.wan.dialFrom("tcp", &net.TCPAddr{IP: vendor.AsSlice()}, net.JoinHostPort(boxWAN.String(), "3389"))
	}
	say := func(c net.Conn) error {
		_ = c.SetDeadline(time.Now().Add(3 * time.Second))
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 5))
		return err
	}
	if c, err := call(); err == nil {
		c.Close()
		t.Fatal("the vendor is in before any window")
	}
	const length = 45 * time.Second
	// Before, the box has to see the device: it answers there.
	if _, err := m.ask("www.lab.example"); err != nil {
		t.Error(err)
	}
	s.run("monban window open --break-glass --vendor rececom-hoshu --device rececom --port 3389/tcp --for " + length.String() + " --reason test")
	opened := time.Now()
	c, err := call()
	if err != nil {
		t.Fatalf("the vendor is not in: %v\n%s", err, s.run("monban window list"))
	}
	defer c.Close()
	if err := say(c); err != nil {
		t.Fatalf("the vendor gets no answer: %v", err)
	}
	seen := watchFrom(t, m.lan, vendor)
	if err := say(c); err != nil || seen.from.Load() == 0 {
		t.Fatalf("with the window open: %v; the witness saw %d packets", err, seen.from.Load())
	}
	// The same witness sees nothing after the end: the connection is cut, and no
	// new one is let in.
	time.Sleep(time.Until(opened.Add(length + 5*time.Second)))
	before := seen.from.Load()
	if err := say(c); err == nil {
		t.Error("the open connection goes on after the window")
	}
	if c, err := call(); err == nil {
		c.Close()
		t.Error("a new connection gets in after the window")
	}
	if after := seen.from.Load(); after != before {
		t.Errorf("%d packets of the vendor came through after the window", after-before)
	}
	t.Logf("the window was open for %s; %d packets of the vendor came through", length, before)
}
