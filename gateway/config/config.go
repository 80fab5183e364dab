// Package config turns site.toml, what the maintenance vendor sets, into a
// checked Config.
//
// It names every fault at once and applies nothing: package gateway decides
// what a Config means, and what the clinic itself does lives in the database.
package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"monban/dnsfilter/list"
	"monban/dnsfilter/upstream"
	"monban/gateway/minisign"
	"monban/gateway/window"
)

// ErrNone says that there is no site.toml yet. The box then stands in set-up
// mode: closed firewall, page on the LAN port. A broken file is another error.
var ErrNone = errors.New("no site.toml")

// Config is one site.toml that passed every check.
type Config struct {
	Clinic    string         // as printed on reports
	Timezone  *time.Location // never nil; Asia/Tokyo unless set
	WAN       WAN
	LAN       LAN
	DNS       DNS
	Tools     Tools
	Page      Page
	Approval  Approval
	Update    Update
	WireGuard WireGuard // zero: no vendor has a tunnel
	Time      Time
	Vendors   []Vendor
	Devices   []Device
}

// WAN is the port towards the internet.
type WAN struct {
	Interface string
	// MAC, if there is one, says which port of the machine has that name.
	MAC net.HardwareAddr
	// Addresses are our own host addresses with their prefix lengths. A family
	// that has none here is given them by DHCP and router advertisements.
	Addresses []netip.Prefix
	// Gateways are the next hops to the internet, at most one per family, and
	// only of a family that has Addresses. IPv4 lies in a net of Addresses, IPv6
	// there or is link-local.
	Gateways []netip.Addr
}

// LAN is the port towards the clinic. Its interface is never the WAN's.
type LAN struct {
	Interface string
	// MAC, if there is one, says which port of the machine has that name.
	MAC net.HardwareAddr
	// Addresses are our own host addresses with their prefix lengths, IPv4
	// first, otherwise in the order of the file. There is at least one.
	Addresses []netip.Prefix
}

// Addr4 returns our first IPv4 address on the LAN, or the zero Addr.
func (l LAN) Addr4() netip.Addr { return l.first(netip.Addr.Is4) }

// Addr6 returns our first IPv6 address on the LAN, or the zero Addr.
func (l LAN) Addr6() netip.Addr { return l.first(netip.Addr.Is6) }

func (l LAN) first(family func(netip.Addr) bool) netip.Addr {
	for _, p := range l.Addresses {
		if family(p.Addr()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// DNS is where the box asks and what it refuses.
type DNS struct {
	Upstreams []upstream.Server // at least one; never at an address of ours
	// Zones are asked elsewhere. Their Devices are names of Config.Devices, and
	// no two Zones are for one name and one device, or both for all.
	Zones    []upstream.Zone
	Lists    []List
	MustWork []string // lower-case names no list may refuse
	Deny     []string // lower-case names that are refused, with all below
	Allow    []string // likewise, whatever a list says
	Exempt   []string // names of Devices, or MAC addresses in lower case
	Around   Around   // never empty
	Groups   []Group  // as written; see AllGroups
	Refuse   RefuseWith
	Log      NameLog
}

// Resolvers returns the address of every resolver, those of zones included.
func (d DNS) Resolvers() []netip.Addr {
	var all []netip.Addr
	for _, s := range d.Upstreams {
		all = append(all, s.Addr.Addr())
	}
	for _, z := range d.Zones {
		for _, s := range z.Servers {
			all = append(all, s.Addr.Addr())
		}
	}
	return all
}

// An Around is what becomes of DNS that goes past the box.
type Around string

// The kinds of Around. Both count it.
const (
	Refuse  Around = "refuse"
	Observe Around = "observe"
)

// A List is a list of names to refuse: a file, or a subscription.
type List struct {
	Name   string            // ascii id, shown as the reason of a refusal
	File   string            // as written: slash-separated, below the directory of site.toml; empty: it is fetched
	URL    string            // where it is fetched from, by HTTPS; empty: it is a file
	Format list.Format       // Auto unless written
	Sum    [sha256.Size]byte // of what is fetched; zero: any
	Key    minisign.Key      // that has signed what is fetched; zero: it is not signed
}

// Path returns where the list's file is when site.toml stands in dir.
func (l List) Path(dir string) string { return filepath.Join(dir, filepath.FromSlash(l.File)) }

// PageName is the name the page always answers to (RFC 8375 reserves
// home.arpa for networks like a clinic's).
const PageName = "monban.home.arpa"

// Time is where the box gets the time.
type Time struct {
	Servers []string // lower-case host names and addresses; empty: those of the image
}

// Page is how people reach the page.
type Page struct {
	Names []string // lower-case host names and addresses; PageName comes first
}

// Approval is who may approve a maintenance window.
type Approval struct {
	Alone bool // one person may both record and approve, after a call-back
}

// Tools is how the box treats remote-support tools outside their windows.
type Tools struct {
	ObserveDays int // 0…90, from the first start: so long they are only observed, not refused
}

// WireGuard is the box's end of the vendors' tunnels. Their peers are in the
// kernel only while a window of theirs is open.
type WireGuard struct {
	Port uint16 // UDP, on the WAN; 0 only if there are no Addresses
	// Addresses are our own inside the tunnel with their prefix lengths. Their
	// nets overlap no other net of the file.
	Addresses []netip.Prefix
}

// A Vendor is a maintenance company with a registered way in.
type Vendor struct {
	Name     string         // ascii id
	Label    string         // as people call it; Name if not given
	Phone    string         // for the call-back; may be empty
	Sources  []netip.Prefix // masked; at least one; no two vendors share an address
	Outbound []Outbound     // 常時許可(外向き)
	// WireGuardKey is the public key of his end of the tunnel, WireGuardAddresses
	// what he has inside it: hosts of Config.WireGuard's nets, nobody else's.
	// Without a tunnel there are no addresses and the key is zero.
	WireGuardKey       [32]byte
	WireGuardAddresses []netip.Addr
}

// An Outbound is a connection a device may always open to its vendor, for
// updates, licences and the like. All else towards a vendor's Sources is
// dropped outside a window.
type Outbound struct {
	Device string     // name of one of Devices
	To     netip.Addr // within the vendor's Sources
	Proto  window.Proto
	Port   uint16 // never 0
	Why    string // for the inspector; never empty
}

// An Egress is what a device may reach on the internet.
type Egress string

// The kinds of egress.
const (
	Open     Egress = "open"     // everything
	Answered Egress = "answered" // only addresses the name filter gave it
)

// A Device is one the vendor knew when the box was installed. Others are
// named on the page.
type Device struct {
	Name   string // ascii id
	Label  string // as people call it; Name if not given
	MAC    net.HardwareAddr
	Place  string // may be empty
	Egress Egress // never empty
}

// Device returns the device of that name.
func (c Config) Device(name string) (Device, bool) {
	return named(c.Devices, func(d Device) string { return d.Name }, name)
}

// Vendor returns the vendor of that name.
func (c Config) Vendor(name string) (Vendor, bool) {
	return named(c.Vendors, func(v Vendor) string { return v.Name }, name)
}

func named[T any](all []T, nameOf func(T) string, name string) (T, bool) {
	i := slices.IndexFunc(all, func(t T) bool { return nameOf(t) == name })
	if i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}

// ExemptMACs returns the hardware addresses of the devices whose DNS is left
// alone.
func (c Config) ExemptMACs() []net.HardwareAddr {
	var macs []net.HardwareAddr
	for _, e := range c.DNS.Exempt {
		if d, ok := c.Device(e); ok {
			macs = append(macs, d.MAC)
		} else if mac, err := net.ParseMAC(e); err == nil {
			macs = append(macs, mac)
		}
	}
	return macs
}

// Load reads and checks the file at path. It returns ErrNone if there is no
// such file, and the joined faults of Parse if it is broken.
func Load(path string) (Config, error) {
	b, err := read(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(b)
}

// Check is Load, and also looks for the files that site.toml names, which it
// expects beside it. A list that cannot be read is one more fault.
func Check(path string) (Config, error) {
	b, err := read(path)
	if err != nil {
		return Config{}, err
	}
	return CheckText(b, filepath.Dir(path))
}

// CheckText is Check for the text of a site.toml that is to lie in dir.
func CheckText(b []byte, dir string) (Config, error) {
	c, f := parse(b)
	for i, l := range c.DNS.Lists {
		if l.URL != "" {
			continue // the box fetches it
		}
		at := join(index("dns.list", i), "file")
		if info, err := os.Stat(l.Path(dir)); err != nil || !info.Mode().IsRegular() {
			f.add(at, "config.list_missing", "value", show(l.File))
		}
	}
	if err := f.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func read(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, fmt.Errorf("reading site.toml: %w", err)
	}
	return b, nil
}
