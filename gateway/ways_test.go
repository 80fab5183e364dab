package gateway

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// An outbound window lets its device reach its targets by the families both
// have, and follows the device's addresses.
func TestOutboundWindow(t *testing.T) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, Ask{Kind: window.Outbound, Vendor: "rececom-hoshu", Device: "rececom", Length: time.Hour,
		Targets: []window.Target{{Addr: outside, Proto: window.UDP, Port: 4500}, {Addr: netip.MustParseAddr("2001:db8:0:2::10"), Proto: window.TCP, Port: 443}},
		Reason:  "VPN", Requester: "山田"})
	if err != nil {
		t.Fatal(err)
	}
	if w, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false); err != nil {
		t.Fatal(err)
	}
	want := []firewall.OutPass{
		{Device: netip.MustParseAddr("192.168.10.31"), To: netip.AddrPortFrom(outside, 4500), Proto: firewall.UDP},
		{Device: netip.MustParseAddr("2001:db8:10::31"), To: netip.MustParseAddrPort("[2001:db8:0:2::10]:443"), Proto: firewall.TCP},
	}
	held := func() []firewall.OutPass { return b.fw.live[firewall.Mark(w.Mark)].opening.OutPasses }
	if !slices.Equal(held(), want) {
		t.Errorf("in the kernel: %v", held())
	}
	b.seen(rececom, "2001:db8:10::1:31")
	b.keepOnce(t.Context())
	if got := held(); len(got) != 3 {
		t.Errorf("with a further address: %v", got)
	}
	if n := b.lines("window.put_right"); n != 0 {
		t.Errorf("%d lines call that a repair", n)
	}
	_, err = b.AskWindow(t.Context(), staff, Ask{Kind: window.Outbound, Vendor: "rececom-hoshu", Device: "rececom", Length: time.Hour,
		Targets: []window.Target{{Addr: netip.MustParseAddr("203.0.113.99"), Proto: window.UDP, Port: 4500}}, Reason: "VPN", Requester: "山田"})
	fails(t, err, "window.target_outside")
}

// fakeTunnels are WireGuard as far as the gateway sees it.
type fakeTunnels struct {
	none  error
	peers []Peer
	port  uint16
}

func (f *fakeTunnels) Probe() error                            { return f.none }
func (f *fakeTunnels) Set(port uint16, _ []netip.Prefix) error { f.port = port; return f.none }
func (f *fakeTunnels) PublicKey() (string, error)              { return "key", nil }
func (f *fakeTunnels) SetPeers(p []Peer) error                 { f.peers = p; return f.none }

// The vendor's peer exists only while his window is open; his packets reach
// the box, and his address inside the tunnel the device.
func TestWireGuardWindow(t *testing.T) {
	b := newBox(t)
	tunnels := &fakeTunnels{}
	b.o.Tunnels = tunnels
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31", "fdc1:1c:10::31")
	ask := want(time.Hour, 3389)
	ask.Kind = window.WireGuard
	w, err := b.AskWindow(t.Context(), staff, ask)
	if err != nil {
		t.Fatal(err)
	}
	if len(tunnels.peers) != 0 {
		t.Fatal("a peer before approval")
	}
	if w, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false); err != nil {
		t.Fatal(err)
	}
	o := b.fw.live[firewall.Mark(w.Mark)].opening
	if len(tunnels.peers) != 1 || tunnels.port != 51820 || len(o.Outer) != 2 || len(o.Passes) != 3 {
		t.Errorf("%d peers on port %d; in the kernel %+v", len(tunnels.peers), tunnels.port, o)
	}
	for _, p := range o.Passes {
		if !p.Direct || p.Source.Bits() != p.Source.Addr().BitLen() {
			t.Errorf("a way in that is translated or wide: %+v", p)
		}
	}
	b.time.pass(time.Hour + time.Second)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Closed, window.RanOut)
	if len(tunnels.peers) != 0 {
		t.Error("the peer is still there after the end")
	}
}

// A kernel without WireGuard: the kind is refused, and the page knows why.
func TestNoWireGuard(t *testing.T) {
	b := running(t)
	ask := want(time.Hour, 3389)
	ask.Kind = window.WireGuard
	_, err := b.AskWindow(t.Context(), staff, ask)
	fails(t, err, "window.no_wireguard")
	if v := b.Vendors(t.Context()); v[0].WireGuard || v[0].NoWireGuard != "window.no_wireguard" {
		t.Errorf("%+v", v[0])
	}
}
