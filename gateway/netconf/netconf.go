// Package netconf turns a configuration into what systemd is to be told of it:
// which port is which, its addresses, where the sockets listen, whom to ask for
// the time.
//
// It writes nothing and asks nobody; the command net puts the files in place.
package netconf

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter/upstream"
	"monban/gateway/config"
)

// Files are whole files by their path below /run. A path that is not there is
// a file that is not to be.
type Files map[string]string

// Paths of the files. They stand after the files of the image, which they
// complete, and before any of the distribution.
const (
	lanLink    = "systemd/network/10-monban-lan.link"
	lanNetwork = "systemd/network/10-monban-lan.network"
	wanLink    = "systemd/network/10-monban-wan.link"
	wanNetwork = "systemd/network/10-monban-wan.network"
	timeServer = "systemd/timesyncd.conf.d/20-monban.conf"
	resolvConf = "monban-net/resolv.conf"
	setUpEnv   = "monban-net/setup.env"
)

// The four sockets of monban.service, as the units are called.
var sockets = []struct {
	unit, listen string
	port         uint16
	perCore      bool // one per reader: see the unit
}{
	{"monban-dns-udp.socket", "ListenDatagram", 53, true},
	{"monban-dns-tcp.socket", "ListenStream", 53, false},
	{"monban-page.socket", "ListenStream", 443, false},
	{"monban-http.socket", "ListenStream", 80, false},
}

// SocketUnits are the units the socket files complete.
func SocketUnits() []string {
	var all []string
	for _, s := range sockets {
		all = append(all, s.unit)
	}
	return all
}

func socketFile(unit string) string { return "systemd/system/" + unit + ".d/10-monban.conf" }

// Paths are all that Files can hold, in order.
func Paths() []string {
	all := []string{lanLink, lanNetwork, wanLink, wanNetwork, timeServer, resolvConf, setUpEnv}
	for _, s := range sockets {
		all = append(all, socketFile(s.unit))
	}
	return slices.Sorted(slices.Values(all))
}

// For are the files of a configuration that passed config.Parse, on a machine
// with that many cores.
func For(c config.Config, cores int) Files {
	f := Files{}
	f.link(lanLink, c.LAN.Interface, c.LAN.MAC)
	f.link(wanLink, c.WAN.Interface, c.WAN.MAC)
	f.lan(c.LAN)
	f[wanNetwork] = wan(c.WAN)
	f.listen(c.LAN.Addresses, cores)
	f[resolvConf] = resolvers(c)
	if len(c.Time.Servers) > 0 {
		f[timeServer] = fmt.Sprintf("%s[Time]\nNTP=\nNTP=%s\n", head, strings.Join(c.Time.Servers, " "))
	}
	return f
}

// SetUpAddress is the box's address before it has a site.toml. Nobody is given
// one by the box: whoever sets it up writes 192.168.100.2/24 on his machine.
const SetUpAddress = "192.168.100.1/24"

// SetUp are the files of a box without a configuration: the LAN port has
// SetUpAddress, and nothing else has anything. With no port, or one that is no
// name of a port, there is no file at all.
func SetUp(port string, cores int) Files {
	f := Files{}
	if !config.IsInterface(port) {
		return f
	}
	lan := config.LAN{Interface: port, Addresses: []netip.Prefix{netip.MustParsePrefix(SetUpAddress)}}
	f.lan(lan)
	f.listen(lan.Addresses, cores)
	f[setUpEnv] = "MONBAN_SETUP_LAN=" + port + "\n"
	return f
}

// head begins each file.
const head = "# Made from site.toml by `monban net`. Changes here are lost.\n"

// link gives the port of that address its name. Virtual ports that bear the
// same address are somebody else's.
func (f Files) link(path, name string, mac net.HardwareAddr) {
	if len(mac) > 0 {
		f[path] = fmt.Sprintf("%s[Match]\nMACAddress=%s\nType=ether\nKind=!*\n\n[Link]\nName=%s\n", head, mac, name)
	}
}

// lan is a port whose addresses are there whether a cable is plugged in or
// not, and that learns nothing from who is behind it.
func (f Files) lan(l config.LAN) {
	f[lanNetwork] = network(l.Interface, "DHCP=no", "IPv6AcceptRA=no", "ConfigureWithoutCarrier=yes") + addresses(l.Addresses)
}

// wan takes from the ISP what the family has no address for, and of that only
// addresses and the way out: routes to other nets could lead the LAN's own
// traffic outside, and resolvers and time are those of site.toml.
func wan(w config.WAN) string {
	has4 := slices.ContainsFunc(w.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	has6 := slices.ContainsFunc(w.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	way6 := slices.ContainsFunc(w.Gateways, netip.Addr.Is6)
	dhcp, ra := "DHCP=ipv4", "IPv6AcceptRA=yes" // DHCPv6 is begun by what an advertisement says
	if has4 {
		dhcp = "DHCP=no"
	}
	if has6 && way6 {
		ra = "IPv6AcceptRA=no"
	}
	s := network(w.Interface, dhcp, ra) + addresses(w.Addresses)
	for _, g := range w.Gateways {
		s += fmt.Sprintf("Gateway=%s\n", g)
	}
	if !has4 {
		s += "\n[DHCPv4]\nUseGateway=yes\nUseRoutes=no\nUseDNS=no\nUseNTP=no\nUseDomains=no\nUseHostname=no\nSendHostname=no\n"
	}
	if has6 && way6 {
		return s
	}
	s += "\n[IPv6AcceptRA]\nUseDNS=no\nUseDomains=no\nUseRoutePrefix=no\n"
	if has6 {
		return s + "UseAutonomousPrefix=no\nDHCPv6Client=no\n"
	}
	return s + "\n[DHCPv6]\nUseDNS=no\nUseNTP=no\nUseDomains=no\nUseHostname=no\nUseDelegatedPrefix=no\n"
}

// network begins a .network file. No protocol runs there but what is asked for.
func network(port string, settings ...string) string {
	return fmt.Sprintf("%s[Match]\nName=%s\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nLinkLocalAddressing=ipv6\nLLDP=no\nLLMNR=no\nMulticastDNS=no\n%s\n",
		head, port, strings.Join(settings, "\n"))
}

func addresses(all []netip.Prefix) string {
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, "Address=%s\n", p)
	}
	return b.String()
}

// listen puts the LAN's addresses in the place of the example's. The sockets
// are bound by address alone: bound to the port they would be dead for good
// once a port on USB was unplugged and came back, and the box could not ask
// itself whether it answers. Who may reach them is what the rules say.
func (f Files) listen(all []netip.Prefix, cores int) {
	for _, s := range sockets {
		var b strings.Builder
		fmt.Fprintf(&b, "%s[Socket]\n%s=\n", head, s.listen)
		each := 1
		if s.perCore {
			each = max(cores, 1)
		}
		for _, p := range all {
			for range each {
				fmt.Fprintf(&b, "%s=%s\n", s.listen, netip.AddrPortFrom(p.Addr(), s.port))
			}
		}
		f[socketFile(s.unit)] = b.String()
	}
}

// Sockets are the files about the product's own sockets alone: for a machine
// whose network is its owner's.
func (f Files) Sockets() Files {
	own := Files{}
	for path, content := range f {
		if strings.HasPrefix(path, "systemd/system/") || path == setUpEnv {
			own[path] = content
		}
	}
	return own
}

// mostResolvers is how many the C library asks (resolv.conf(5)).
const mostResolvers = 3

// resolvers is whom the box's own programs ask, of which only the one that
// keeps the time does: the box itself, and while it does not answer the
// resolvers it asks by plain DNS, or whichever there are.
func resolvers(c config.Config) string {
	ask := []netip.Addr{c.LAN.Addresses[0].Addr()}
	for _, plain := range []bool{true, false} {
		for _, s := range c.DNS.Upstreams {
			if len(ask) < mostResolvers && (s.Proto == upstream.UDP) == plain && !slices.Contains(ask, s.Addr.Addr()) {
				ask = append(ask, s.Addr.Addr())
			}
		}
	}
	var b strings.Builder
	b.WriteString(head)
	for _, a := range ask {
		fmt.Fprintf(&b, "nameserver %s\n", a)
	}
	return b.String()
}

// String shows all files, for people and tests.
func (f Files) String() string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "-- %s --\n%s", path, f[path])
	}
	return b.String()
}

// A Change is what the service that changes the network answers.
type Change struct {
	// Left is how long the network as it is now still waits for somebody who
	// confirms it before it goes back to what it was; 0: it waits for nobody.
	Left time.Duration `json:"left"`
}

// Patience is how long a change of the network waits for somebody who confirms
// that he still reaches the box.
const Patience = 180 * time.Second

// Files beside site.toml that the service keeps of a change.
const (
	BeforeFile   = "site.before.toml"   // what was in force before a change nobody has confirmed yet
	RevertedFile = "site.reverted.toml" // a change nobody confirmed, for whoever made it
)

// A Request is what the service that changes the network is asked for.
type Request string

// The requests.
const (
	Apply   Request = "apply"   // put in force what site.toml says, on trial if the network changes
	Confirm Request = "confirm" // the change stays
	Look    Request = "status"  // nothing but the answer
)
