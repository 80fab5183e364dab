package lab

import (
	"fmt"
	"net/netip"
	"slices"
)

// A host is a machine of the lab: what its agent is told to become.
type host struct {
	Name     string    `json:"name"`
	Ports    []port    `json:"ports"`
	Routes   []route   `json:"routes,omitempty"`
	Services []service `json:"services,omitempty"`
	Resolv   string    `json:"resolv,omitempty"` // file bound over /etc/resolv.conf
	Router   bool      `json:"router,omitempty"` // forwards both families
	Switch   bool      `json:"switch,omitempty"` // bridges all its ports, has no address
	Talks    []hello   `json:"talks,omitempty"`  // how it shows that it is there
}

// A port is a network interface with its cable.
type port struct {
	Name  string         `json:"name"`
	MAC   string         `json:"mac"`
	Addrs []netip.Prefix `json:"addrs,omitempty"`
	// To and ToPort are the other end; the cable is laid from here.
	To     string `json:"to,omitempty"`
	ToPort string `json:"to_port,omitempty"`
	// Knows are neighbours that never need to be asked for. The outside has
	// them, so that a scan's first packets are not lost to a slow answer.
	Knows []neighbour `json:"knows,omitempty"`
}

type neighbour struct {
	Addr netip.Addr `json:"addr"`
	MAC  string     `json:"mac"`
}

type route struct {
	To  netip.Prefix `json:"to"`
	Via netip.Addr   `json:"via"`
}

// A hello is an echo request a device sends now and then.
type hello struct {
	From netip.Addr `json:"from"`
	To   netip.Addr `json:"to"`
}

// A service is what a host answers. Addr may be unspecified: any of its own.
type service struct {
	Kind string         `json:"kind"` // echo, restless, web, resolver
	Net  string         `json:"net"`  // tcp, udp
	Addr netip.AddrPort `json:"addr"`
	Name string         `json:"name,omitempty"` // for a resolver: how it calls itself
}

// The fixed points of the lab. Outside are documentation ranges (RFC 5737,
// RFC 3849); inside are private, unique-local and documentation-global ones,
// so that private-range, rebinding and bogon rules are really met.
const (
	Vendor      = "rececom-hoshu"       // the registered vendor's name in site.toml
	BlockedName = "blocked.lab.example" // stands on the lab's block list, and exists
	AllowedName = "www.lab.example"     // the lab's resolver answers it
	// ToolName is a name of a remote-support tool: what it leads to hands a
	// client on to a relay that no name leads to, as such tools do.
	ToolName     = "router15.teamviewer.com"
	firstAdded   = 100 // last byte of the first added device
	lastAdded    = 250
	gatewayName  = "gateway"
	receptionist = "reception"
)

// outside is a host of the outside, one ISP port each. N is the host's part
// of both addresses.
type outside struct {
	name    string
	net4    string // the ISP's end of the link
	net6    string
	addrs   []string
	mac     string
	ispMAC  string
	service []service
}

func outsiders() []outside {
	return []outside{
		{"vendor", "198.51.100.1/28", "2001:db8:0:2::1/64", []string{"198.51.100.10", "2001:db8:0:2::10"},
			"00:00:5e:00:53:10", "00:00:5e:00:53:f2", vendorServices()},
		{"stranger", "198.51.100.65/28", "2001:db8:0:3::1/64", []string{"198.51.100.70", "2001:db8:0:3::70"},
			"00:00:5e:00:53:70", "00:00:5e:00:53:f3", nil},
		{"internet", "198.51.100.129/26", "2001:db8:0:4::1/64",
			[]string{"198.51.100.130", "198.51.100.140", "198.51.100.141", "198.51.100.153", "198.51.100.154",
				"2001:db8:0:4::130", "2001:db8:0:4::140", "2001:db8:0:4::141", "2001:db8:0:4::153", "2001:db8:0:4::154"},
			"00:00:5e:00:53:82", "00:00:5e:00:53:f4", internetServices()},
	}
}

func anywhere(network string, p uint16) service {
	return service{Kind: "echo", Net: network, Addr: netip.AddrPortFrom(netip.IPv6Unspecified(), p)}
}

// vendorServices are an update server, and the far ends of outbound windows:
// one that only answers and one that speaks by itself.
func vendorServices() []service {
	return []service{anywhere("tcp", 443), anywhere("tcp", 4433), anywhere("udp", 4433), restless("tcp", 4500), restless("udp", 4500)}
}

func restless(network string, p uint16) service {
	return service{Kind: "restless", Net: network, Addr: netip.AddrPortFrom(netip.IPv6Unspecified(), p)}
}

func internetServices() []service {
	at := func(kind, network, addr, name string) service {
		return service{Kind: kind, Net: network, Addr: netip.MustParseAddrPort(addr), Name: name}
	}
	s := []service{at("web", "tcp", "198.51.100.130:80", ""), at("web", "tcp", "[2001:db8:0:4::130]:80", "")}
	for _, network := range []string{"tcp", "udp"} {
		// RFC 862's echo, for flows that have nothing to do with windows; and
		// a tool's servers: .140 has its name, .141 is the relay.
		s = append(s, at("echo", network, "198.51.100.130:7", ""), at("echo", network, "[2001:db8:0:4::130]:7", ""))
		for _, a := range []string{"198.51.100.140", "198.51.100.141", "[2001:db8:0:4::140]", "[2001:db8:0:4::141]"} {
			s = append(s, at("restless", network, a+":5938", ""))
		}
	}
	for _, r := range [][3]string{{"resolver", "198.51.100.153", "2001:db8:0:4::153"}, {"foreign", "198.51.100.154", "2001:db8:0:4::154"}} {
		for _, network := range []string{"udp", "tcp"} {
			s = append(s, at("resolver", network, r[1]+":53", r[0]), at("resolver", network, "["+r[2]+"]:53", r[0]))
		}
	}
	// Encrypted DNS must not get through; something has to be there for that
	// to mean anything.
	return append(s, at("echo", "tcp", "198.51.100.154:853", ""), at("echo", "tcp", "[2001:db8:0:4::154]:853", ""))
}

// inside is a device of the clinic; N is the host part of its addresses.
type inside struct {
	name    string
	n       int
	mac     string
	service []service
}

// insiders carry real makers' prefixes, so that the maker look-up has
// something to show; no such device exists.
func insiders() []inside {
	return []inside{
		{receptionist, 21, "00:00:4c:00:00:21", nil},
		{"rececom", 31, "00:1b:8b:00:00:31", []service{restless("tcp", 3389), restless("udp", 3389)}},
		{"ehr", 32, "00:0b:5d:00:00:32", []service{anywhere("tcp", 443), anywhere("tcp", 5432)}},
		{"xray", 41, "00:20:6b:00:00:41", []service{anywhere("tcp", 104)}},
		{"printer", 51, "00:80:77:00:00:51", []service{anywhere("tcp", 9100)}},
	}
}

// The gateway's ports, as its site.toml has them.
func gatewayHost() host {
	return host{Name: gatewayName, Resolv: "outside",
		Ports: []port{
			{Name: "wan0", MAC: "00:00:5e:00:53:01", To: "isp", ToPort: "to-gateway", Addrs: prefixes("203.0.113.10/24", "2001:db8:0:1::10/64")},
			{Name: "lan0", MAC: "00:00:5e:00:53:02", To: "switch", ToPort: gatewayName, Addrs: prefixes("192.168.10.1/24", "fdc1:1c:10::1/64", "2001:db8:10::1/64")},
		},
		Routes: defaults("203.0.113.1", "2001:db8:0:1::1")}
}

// device is the host an insider or an added device becomes.
func device(d inside) host {
	h := host{Name: d.name, Resolv: "inside", Services: d.service, Routes: defaults("192.168.10.1", "fdc1:1c:10::1")}
	eth := port{Name: "eth0", MAC: d.mac, To: "switch", ToPort: d.name}
	for _, gw := range gatewayHost().Ports[1].Addrs {
		own := netip.PrefixFrom(withHostPart(gw.Addr(), d.n), gw.Bits())
		eth.Addrs = append(eth.Addrs, own)
		h.Talks = append(h.Talks, hello{From: own.Addr(), To: gw.Addr()})
	}
	h.Ports = []port{eth}
	return h
}

// withHostPart replaces the last part of a as it is written: decimal n in
// IPv4, and in IPv6 the digits of n read as hexadecimal (21 → ::21).
func withHostPart(a netip.Addr, n int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		b[3] = byte(n)
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	b[14], b[15] = byte(n/100), byte(n/10%10<<4|n%10)
	return netip.AddrFrom16(b)
}

// added is the n-th device plugged in later, from 0; ok is false when the
// subnet is full.
func added(name string, n int) (h host, ok bool) {
	last := firstAdded + n
	return device(inside{name: name, n: last, mac: fmt.Sprintf("02:00:5e:10:00:%02x", last)}), last <= lastAdded
}

// site is every host in the order they are built: routers first, so that a
// cable's far end is there.
func site() []host {
	gw := gatewayHost()
	wan := gw.Ports[0]
	isp := host{Name: "isp", Router: true, Routes: []route{{netip.MustParsePrefix("2001:db8:10::/64"), netip.MustParseAddr("2001:db8:0:1::10")}}}
	isp.Ports = []port{{Name: wan.ToPort, MAC: "00:00:5e:00:53:f1", Addrs: prefixes("203.0.113.1/24", "2001:db8:0:1::1/64"), Knows: knows(wan)}}
	hosts := []host{isp, {Name: "switch", Switch: true}, gw}
	for _, o := range outsiders() {
		up := prefixes(o.net4, o.net6)
		eth := port{Name: "eth0", MAC: o.mac, To: "isp", ToPort: "to-" + o.name}
		for _, a := range o.addrs {
			addr := netip.MustParseAddr(a)
			near := up[slices.IndexFunc(up, func(p netip.Prefix) bool { return p.Contains(addr) })]
			eth.Addrs = append(eth.Addrs, netip.PrefixFrom(addr, near.Bits()))
		}
		there := port{Name: eth.ToPort, MAC: o.ispMAC, Addrs: up}
		eth.Knows = knows(there)
		there.Knows = knows(eth)
		hosts[0].Ports = append(hosts[0].Ports, there)
		hosts = append(hosts, host{Name: o.name, Resolv: "outside", Services: o.service, Ports: []port{eth},
			Routes: defaults(up[0].Addr().String(), up[1].Addr().String())})
	}
	for _, d := range insiders() {
		hosts = append(hosts, device(d))
	}
	return hosts
}

func knows(p port) []neighbour {
	var ns []neighbour
	for _, a := range p.Addrs {
		ns = append(ns, neighbour{a.Addr(), p.MAC})
	}
	return ns
}

func prefixes(ss ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(ss))
	for i, s := range ss {
		ps[i] = netip.MustParsePrefix(s)
	}
	return ps
}

func defaults(via4, via6 string) []route {
	return []route{{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr(via4)},
		{netip.MustParsePrefix("::/0"), netip.MustParseAddr(via6)}}
}

// addrs are the host's addresses in the order of its ports.
func (h host) addrs() []netip.Addr {
	var as []netip.Addr
	for _, p := range h.Ports {
		for _, a := range p.Addrs {
			as = append(as, a.Addr())
		}
	}
	return as
}
