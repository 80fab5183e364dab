package selftest

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/gateway/window"
)

// A shot is one packet that must not pass.
type shot struct {
	segment
	counter string // that refuses it
	hits    int    // rounds in which the kernel counted it
	missed  bool   // it was surely not counted in one
	back    bool   // something came back
}

// firstPort is the source port of the first shot; the others follow, so that
// an answer says which shot it is for.
const firstPort = 20000

// often are ports that are commonly attacked, beside those in use.
var (
	oftenTCP = [...]uint16{22, 23, 53, 80, 139, 443, 445, 853, 3389, 5900, 8080, 8443}
	oftenUDP = [...]uint16{53, 69, 123, 161, 443, 500, 1194, 1900, 4500, 5353, 51820}
)

// shots returns a shot for each way in, and how many targets had to be left
// out because the box has no way to them.
func (b *bench) shots(r Request) (out []*shot, skipped int) {
	own := slices.Concat(r.WAN, r.LAN)
	slices.SortFunc(own, netip.Addr.Compare)
	for _, a := range slices.Compact(own) {
		if b.way(a) != unix.RTN_LOCAL {
			skipped++
			continue
		}
		ports := ways(r, func(p window.Port) uint16 { return p.WAN })
		out = b.aim(out, a, true, ports)
	}
	devices := slices.SortedFunc(slices.Values(r.Devices), netip.Addr.Compare)
	for _, a := range slices.Compact(devices) {
		if b.way(a) != unix.RTN_UNICAST {
			skipped++
			continue
		}
		out = b.aim(out, a, false, ways(r, func(p window.Port) uint16 { return p.Port }))
	}
	return out, skipped
}

// ways are the ports to try.
func ways(r Request, of func(window.Port) uint16) map[firewall.Proto][]uint16 {
	tcp, udp := slices.Concat(oftenTCP[:], r.Pages), slices.Clone(oftenUDP[:])
	for _, p := range r.Ports {
		n := of(p)
		if n == 0 {
			n = p.Port
		}
		if p.Proto == window.UDP {
			udp = append(udp, n)
		} else {
			tcp = append(tcp, n)
		}
	}
	for _, l := range []*[]uint16{&tcp, &udp} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
	return map[firewall.Proto][]uint16{firewall.TCP: tcp, firewall.UDP: udp}
}

func (b *bench) aim(out []*shot, a netip.Addr, toBox bool, ports map[firewall.Proto][]uint16) []*shot {
	from, family, echo := b.probe4, 4, firewall.ICMP
	if a.Is6() {
		from, family, echo = b.probe6, 6, firewall.ICMPv6
	}
	add := func(p firewall.Proto, port uint16) {
		s := &shot{counter: firewall.Refused(toBox, family, p)}
		s.segment = segment{from: netip.AddrPortFrom(from, firstPort+uint16(len(out))), to: netip.AddrPortFrom(a, port), proto: p, flags: syn}
		out = append(out, s)
	}
	for _, p := range []firewall.Proto{firewall.TCP, firewall.UDP} {
		for _, n := range ports[p] {
			if n != 0 {
				add(p, n)
			}
		}
	}
	add(echo, 0)
	return out
}

// way is the kind of route the box has to a; 0 if none, or if the address or
// its family is not for us to try.
func (b *bench) way(a netip.Addr) int {
	if !a.IsGlobalUnicast() || a.Is4In6() || a.Zone() != "" || a.Is4() && !b.has4 || a.Is6() && !b.has6 {
		return 0
	}
	routes, err := netlink.RouteGet(net.IP(a.AsSlice()))
	if err != nil || len(routes) == 0 {
		return 0
	}
	return routes[0].Type
}
