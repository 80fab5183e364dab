package gateway

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/device"
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
	for i := range device.MaxAddrs { // so many that the ledger forgets the first ones
		b.seen(rececom, fmt.Sprintf("192.168.10.%d", 100+i))
	}
	b.keepOnce(t.Context())
	if got := held(); len(got) != 3+device.MaxAddrs || !slices.Equal(got[:2], want) {
		t.Errorf("after addresses it shows no more: %v", got)
	}
	if n := b.lines("window.put_right"); n != 0 || b.fw.called("OpenWindow") != 1 || b.fw.called("CloseWindow") != 0 {
		t.Errorf("%d lines call that a repair; %v", n, b.fw.calls)
	}
	b.seen(stranger, "192.168.10.31")
	b.keepOnce(t.Context())
	if got := held(); len(got) != 2+device.MaxAddrs || slices.Contains(got, want[0]) {
		t.Errorf("after somebody else has an address: %v", got)
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
	b.Gateway.o.LocalAddrs = func(string) ([]netip.Addr, error) { // the provider gave another one
		return []netip.Addr{netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("2001:db8:0:1::10")}, nil
	}
	b.keepOnce(t.Context())
	if l := b.fw.live[firewall.Mark(w.Mark)]; len(l.opening.Outer) != 3 || len(l.passes) != 3 || b.lines("window.put_right") != 0 || b.fw.called("OpenWindow") != 1 {
		t.Errorf("with another address outside the kernel holds %+v", l)
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

// A tool's window keeps what its names led to when its device takes a further
// address, and gives up what it had at one that is somebody else's now.
func TestToolWindowFollowsDevice(t *testing.T) {
	b := newBox(t).withTools().start()
	four, six, further := netip.MustParseAddr("192.168.10.32"), netip.MustParseAddr("2001:db8:10::32"), netip.MustParseAddr("2001:db8:10::1:32")
	relay4, relay6 := netip.MustParseAddr("198.51.100.140"), netip.MustParseAddr("2001:db8:0:9::140")
	b.seen(ehr, four.String(), six.String())
	w := b.tool("ehr", "TeamViewer")
	tell := func() {
		t.Helper()
		if err := b.Admit(t.Context(), four, "TeamViewer", []netip.Addr{relay4, relay6}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(when string, egress []netip.Addr, gates []firewall.Gate) {
		t.Helper()
		for range 2 {
			b.settleAll(t.Context())
		}
		l := b.fw.live[firewall.Mark(w.Mark)]
		if !slices.Equal(l.opening.Egress, egress) || !slices.Equal(l.gates, gates) {
			t.Errorf("%s the kernel holds %v and gates %v", when, l.opening.Egress, l.gates)
		}
	}
	tell()
	gates := []firewall.Gate{{Device: four, Target: relay4}, {Device: six, Target: relay6}}
	wants("at first", []netip.Addr{four, six}, gates)
	b.seen(ehr, further.String())
	wants("with a further address", []netip.Addr{four, six, further}, gates)
	if n := b.lines("window.put_right"); n != 0 {
		t.Errorf("%d lines call that a repair", n)
	}
	b.seen(stranger, four.String())
	wants("without an address of its own", []netip.Addr{six, further}, gates[1:])
	if b.fw.called("OpenWindow") != 1 || b.fw.called("CloseWindow") != 0 || b.fw.called("AddWays") != 1 {
		t.Errorf("the window came and went: %v", b.fw.calls)
	}
}
