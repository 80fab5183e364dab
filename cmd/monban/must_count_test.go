package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
	"monban/gateway/window"
)

// The packets and bytes shown for a window are those a capture on the LAN port
// sees, to the packet and the byte: for TCP and UDP, IPv4 and IPv6, small
// lines and a full stream, inbound and outbound, while open and when over.
func TestCountsEqualACapture(t *testing.T) {
	c := open(t)
	const first = 22000
	var windows []gateway.Window
	c.answers(first, 2, "udp")
	c.answers(first+2, 2, "tcp")
	for i, proto := range []string{"udp", "udp", "tcp", "tcp"} {
		windows = append(windows, c.breakOpen(inbound(time.Minute, fmt.Sprintf("%d/%s", first+i, proto))))
	}
	k := c.watch()
	for i := range windows {
		args := []string{"flows", "--each", "5", "--every", "20ms", "--for", "700ms"}
		if i < 2 {
			args = append(args, "--udp")
		}
		if _, errs, status := c.in("vendor", append(args, c.dials(i%2 == 1), fmt.Sprint(first+i))...); status != 0 {
			t.Fatal(errs)
		}
		if i < 2 {
			continue
		}
		to := netip.AddrPortFrom(netip.MustParseAddr(c.dials(i%2 == 1)), uint16(first+i))
		if _, errs, status := c.in("vendor", "flood", "--for", "300ms", to.String()); status != 0 {
			t.Fatal(errs)
		}
	}
	c.reach("rececom", "udp", netip.AddrPortFrom(vendor4, 4433).String()) // no window is for it: it counts nowhere
	for i, w := range windows {
		t.Run(fmt.Sprintf("%s, IPv%d", w.Ports[0].Proto, 4+i%2*2), func(t *testing.T) { c.with(t).counted(k, w.ID, onPort(first+i)) })
	}
	t.Run("outbound", func(t *testing.T) {
		c := c.with(t)
		out := gateway.Ask{Kind: window.Outbound, Vendor: lab.Vendor, Device: "rececom", Length: time.Minute, Reason: "test", Requester: "保守 太郎",
			Targets: []window.Target{{Addr: vendor4, Proto: window.TCP, Port: 4433}, {Addr: vendor6, Proto: window.UDP, Port: 4433}}}
		w := c.breakOpen(out)
		c.in("rececom", "flood", "--for", "200ms", netip.AddrPortFrom(vendor4, 4433).String())
		c.in("rececom", "flows", "--udp", "--each", "5", "--every", "10ms", "--for", "300ms", vendor6.String(), "4433")
		c.counted(k, w.ID, func(f lab.Caught) bool {
			return onPort(4433)(f) && (f.Proto == "tcp") == f.From.Addr().Is4()
		})
	})
	c.verified()
}

// dials is what the vendor dials to reach the receipt computer.
func (c *clinic) dials(is6 bool) string {
	if is6 {
		return c.lan("rececom", true).String()
	}
	return c.WAN[0].String()
}

// counted holds what a window shows against a capture, waits until nothing
// moves any more, and then once more when the window is closed.
func (c *clinic) counted(k witness, id int64, match func(lab.Caught) bool) {
	c.t.Helper()
	var want, before window.Count
	for range 100 {
		before, want = want, window.Count{}
		for _, f := range k.seen().Flows {
			if f.Dev == "lan0" && match(f) {
				want.Packets, want.Bytes = want.Packets+f.Packets, want.Bytes+f.Bytes
			}
		}
		if want == before && want.Packets > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := c.show(id).Passed; got != want || want.Packets == 0 {
		c.t.Errorf("the open window shows %+v, the capture %+v", got, want)
	}
	c.closeOff(id)
	got := c.show(id)
	if got.Passed != want {
		c.t.Errorf("the closed window shows %+v, the capture %+v", got.Passed, want)
	}
	c.t.Logf("%d packets, %d bytes", want.Packets, want.Bytes)
}
