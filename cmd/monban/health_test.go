package main

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/gateway"
	"monban/gateway/bootslot"
	"monban/gateway/control"
)

// A box that works says so by what it sees: its rules read back, its ports, its
// own answers on the LAN, its database; and what is cut is missing. A lab has no
// slots, and says that, too.
func TestHealthIsSeen(t *testing.T) {
	c := open(t)
	ctl := control.Client{Path: c.Socket}
	health := func() (h bootslot.Health, codes []string) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		if err := ctl.Get(ctx, "/health", &h); err != nil {
			t.Fatal(err)
		}
		for _, f := range h.Why {
			codes = append(codes, f.Code)
		}
		return h, codes
	}
	eventually := func(what string, want ...string) {
		t.Helper()
		var h bootslot.Health
		var got []string
		for range 40 {
			if h, got = health(); slices.Equal(got, want) && h.OK() == (len(want) == 0) {
				return
			}
			time.Sleep(250 * time.Millisecond)
		}
		t.Errorf("%s: %+v, want %v", what, h, want)
	}
	eventually("a lab that works")
	gw := func(args ...string) {
		t.Helper()
		c.run(append([]string{"lab", "exec", "--dir", c.dir, "gateway", "--"}, args...)...)
	}
	gw("ip", "link", "set", "wan0", "down")
	eventually("the WAN is switched off", "health.down")
	gw("ip", "link", "set", "wan0", "up")
	var v gateway.Firmware
	if err := ctl.Get(t.Context(), "/firmware", &v); err != nil || v.Slots || v.Version == "" {
		t.Errorf("%+v %v", v, err)
	}
}

// A LAN may have public addresses only, as of a range of the provider's. The
// answer is what counts, not what kind of address it is.
func TestOwnNameByPublicAddresses(t *testing.T) {
	answers := []string{"203.0.113.17", "2001:db8:10::1"}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, a := range answers {
			kind := "A"
			if strings.Contains(a, ":") {
				kind = "AAAA"
			}
			if rr, err := dns.NewRR(q.Question[0].Name + " 60 " + kind + " " + a); err == nil && rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		w.WriteMsg(m)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.ActivateAndServe() }()
	t.Cleanup(func() {
		srv.Shutdown()
		<-done
	})
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	for _, ours := range answers {
		if err := askName(ctx, at, netip.MustParseAddr(ours)); err != nil {
			t.Error(err)
		}
	}
	for _, other := range []string{"203.0.113.18", "192.168.10.1"} {
		if askName(ctx, at, netip.MustParseAddr(other)) == nil {
			t.Errorf("%v is taken for an answer of %s", answers, other)
		}
	}
}

// Nobody at an address is no answer, and no socket is no image.
func TestProbesSeeNothing(t *testing.T) {
	at := netip.MustParseAddr("127.0.0.53")
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if askNames(ctx, at) == nil || askPage(ctx, at) == nil {
		t.Error("nobody answered")
	}
	if l, err := link("lo"); err != nil || !l.Up {
		t.Error(l, err)
	}
	if _, err := link("none0"); err == nil {
		t.Error("a port that is not there")
	}
	path := filepath.Join(t.TempDir(), "slot.sock")
	if slotsAt(path) != nil || slotsAt("") != nil {
		t.Error("slots without a socket")
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if slotsAt(path) == nil {
		t.Error("no slots")
	}
}
