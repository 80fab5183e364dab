package gateway

import (
	"fmt"
	"net/netip"

	"monban/dnsfilter"
	"monban/dnsfilter/bypass"
	"monban/dnsfilter/list"
	"monban/dnsfilter/upstream"
	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/window"
)

// pagePorts are where the page answers on the LAN: HTTPS, and HTTP for the
// one page that explains how to trust it.
var pagePorts = []uint16{443, 80}

// Desired is what the kernel and the name filter shall hold.
type Desired struct {
	Rules  firewall.Ruleset
	Names  *dnsfilter.Policy
	Routes upstream.Routes
	// Devices are the addresses of those that Routes names.
	Devices map[string][]netip.Addr
}

// Plan is the meaning of a configuration: it decides, nothing else. known are
// the devices, blocked the compiled block lists (nil before the first is
// read), around the ways around the name filter, allowed the names the clinic
// has allowed to all devices. The findings are what people should be told.
//
// Windows are no part of it. They live beside the rules in the kernel's own
// sets, so that replacing rules touches none of them.
func Plan(c config.Config, known []device.Device, blocked *list.List, around *bypass.Set, allowed []string) (Desired, []Note, error) {
	var notes []Note
	p := firewall.Policy{
		WAN:        []string{c.WAN.Interface},
		LAN:        []string{c.LAN.Interface},
		LAN4:       c.LAN.Addr4(),
		LAN6:       c.LAN.Addr6(),
		PagePorts:  pagePorts,
		ServeDNS:   true,
		DNSExempt:  c.ExemptMACs(),
		Masquerade: true,
		WANGlobal:  global(c.WAN.Addresses),
	}
	for _, a := range c.LAN.Addresses {
		p.LANPrefixes = append(p.LANPrefixes, a.Masked())
	}
	planAround(&p, c, around, allowed)
	now := holdingsOf(known)
	for _, d := range c.Devices {
		if d.Egress == config.Answered {
			p.Answered = append(p.Answered, d.MAC)
		}
	}
	if len(c.WireGuard.Addresses) > 0 {
		p.Tunnels = []string{TunnelName}
	}
	for _, v := range c.Vendors {
		p.Vendors = append(p.Vendors, firewall.Vendor{Name: v.Name, Sources: v.Sources})
		for _, o := range v.Outbound {
			d, ok := c.Device(o.Device)
			if !ok {
				continue // config.Parse refuses it
			}
			addrs := dialling(now.of(d), o.To.Is4())
			if len(addrs) == 0 {
				notes = append(notes, Note{Code: "gateway.outbound_unseen", Level: "info",
					Args: map[string]any{"device": d.Label, "vendor": v.Label}, Link: "/devices"})
			}
			for _, a := range addrs {
				p.Outbound = append(p.Outbound, firewall.Outbound{
					Device: a, To: netip.PrefixFrom(o.To, o.To.BitLen()), Proto: protocol(o.Proto), Port: o.Port})
			}
		}
	}
	rules, err := firewall.Compile(p)
	if err != nil {
		return Desired{}, notes, err
	}
	n, err := names(c, now, blocked)
	d := Desired{Rules: rules, Names: n}
	d.Routes, d.Devices = routes(c, now)
	return d, notes, err
}

// TunnelName is the WireGuard interface of the vendors' tunnels.
const TunnelName = "monban-wg"

// carrierNAT is the shared address space between a carrier and its customers
// (RFC 6598).
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// global says whether our IPv4 addresses outside are all public ones, so that
// private sources arriving there are forged. Without a fixed address the box
// may stand behind a home gateway.
func global(wan []netip.Prefix) bool {
	found := false
	for _, p := range wan {
		if a := p.Addr(); a.Is4() {
			if a.IsPrivate() || carrierNAT.Contains(a) {
				return false
			}
			found = true
		}
	}
	return found
}

// names is the name filter's policy, but for what is granted by windows.
func names(c config.Config, now holdings, blocked *list.List) (*dnsfilter.Policy, error) {
	must, err := dnsfilter.NewNames(c.DNS.MustWork...)
	if err != nil {
		return nil, fmt.Errorf("names that must work: %w", err)
	}
	closed, err := dnsfilter.NewNames(zoneNames(c)...)
	if err != nil {
		return nil, fmt.Errorf("names with resolvers of their own: %w", err)
	}
	denied, err := dnsfilter.NewNames(c.DNS.Deny...)
	if err != nil {
		return nil, fmt.Errorf("names that are refused: %w", err)
	}
	allowed, err := dnsfilter.NewNames(c.DNS.Allow...)
	if err != nil {
		return nil, fmt.Errorf("names that are allowed: %w", err)
	}
	p := &dnsfilter.Policy{List: blocked, MustWork: must, Denied: denied, Allowed: allowed, Private: closed, Answered: map[netip.Addr]bool{}}
	for _, d := range c.Devices {
		if d.Egress != config.Answered {
			continue
		}
		for _, a := range now.of(d) {
			p.Answered[a] = true
		}
	}
	for _, a := range c.LAN.Addresses {
		p.Inside = append(p.Inside, a.Masked())
		p.AddLocal(config.PageName, a.Addr())
	}
	p.Refusal = refusal(c)
	addGroups(p, c, now)
	return p, nil
}

// dialling are those of a device's addresses from which it can reach beyond the
// link by that family.
func dialling(all []netip.Addr, by4 bool) (out []netip.Addr) {
	for _, a := range all {
		if a.Is4() == by4 && !a.IsLinkLocalUnicast() {
			out = append(out, a)
		}
	}
	return out
}

func protocol(p window.Proto) firewall.Proto {
	if p == window.UDP {
		return firewall.UDP
	}
	return firewall.TCP
}
