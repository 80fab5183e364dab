package gateway

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter"
	"monban/gateway/config"
	"monban/gateway/device"
)

// hostLabel is what can stand in a name as a host's own part.
var hostLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// addrKept is how long a device keeps its name on an address without a sign of
// it there: a night and a weekend, after which somebody else may have it.
const addrKept = 3 * 24 * time.Hour

// nameLocal makes the devices of the ledger answer to NAME.monban.home.arpa,
// both ways. Only names that people or site.toml gave count, never what a
// device calls itself; those that are no host name are left out.
func (g *Gateway) nameLocal(p *dnsfilter.Policy) {
	now := g.o.Clock.Wall()
	g.mu.Lock()
	known := g.inventory.All(now)
	g.mu.Unlock()
	addLocal(p, g.current().config, known, now)
}

// addLocal is nameLocal for these devices. The name in site.toml goes before one
// given on the page; a name that two devices have is nobody's, and an address is
// that of the device last seen there.
func addLocal(p *dnsfilter.Policy, c config.Config, known []device.Device, now time.Time) {
	type claim struct {
		mac  device.MAC
		site bool
	}
	claims := map[string]claim{} // by name; the zero MAC: nobody
	put := func(name string, mac device.MAC, site bool) {
		name = strings.ToLower(name)
		if !hostLabel.MatchString(name) {
			return
		}
		had, there := claims[name]
		switch {
		case there && had.site && !site:
		case there && had.site == site && had.mac != mac:
			claims[name] = claim{site: site}
		default:
			claims[name] = claim{mac, site}
		}
	}
	for _, d := range c.Devices {
		if mac, ok := device.MACFrom(d.MAC); ok {
			put(d.Name, mac, true)
		}
	}
	for _, d := range known {
		put(d.Name, d.MAC, d.NamedBy == fromSite)
	}
	held := holdingsOf(known)
	byMAC := map[device.MAC][]string{}
	for name, k := range claims {
		if k.mac != (device.MAC{}) {
			byMAC[k.mac] = append(byMAC[k.mac], name)
		}
	}
	for _, d := range known {
		names := byMAC[d.MAC]
		slices.SortFunc(names, func(a, b string) int { // what the ledger says answers for the address
			if ledger := strings.ToLower(d.Name); a == ledger || b == ledger {
				return map[bool]int{true: -1, false: 1}[a == ledger]
			}
			return strings.Compare(a, b)
		})
		var addrs []netip.Addr
		for _, a := range d.Addrs {
			if slices.Contains(held[d.MAC], a.Addr) && behind(c.LAN.Addresses, a.Addr) && now.Sub(a.Seen) < addrKept {
				addrs = append(addrs, a.Addr)
			}
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		for _, name := range names {
			full := name + "." + config.PageName
			if _, taken := p.Local[full]; !taken && len(addrs) > 0 {
				p.AddLocal(full, addrs...)
			}
		}
	}
}
