// Package wg keeps the box's end of the vendors' WireGuard tunnels in the
// kernel: the interface, its key and addresses, and who may speak to it.
//
// It decides nothing: whose peer is there and for how long is for package
// gateway to say, and what a peer may reach inside the tunnel for the packet
// rules. It needs CAP_NET_ADMIN and no other right.
package wg

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kind is what the kernel calls such interfaces.
const kind = "wireguard"

// ErrNone says that this kernel has no WireGuard.
var ErrNone = errors.New("the kernel has no WireGuard")

// Config is what the interface is to be.
type Config struct {
	Name string     // required; the packet rules know the interface by it
	Key  PrivateKey // required
	Port uint16     // required; UDP, on every address of the box
	// Addresses are ours inside the tunnels, with their nets: the peers'
	// addresses are in those. Required.
	Addresses []netip.Prefix
}

func (c Config) check() error {
	switch {
	case c.Name == "" || len(c.Name) >= unix.IFNAMSIZ:
		return fmt.Errorf("%q cannot be an interface's name", c.Name)
	case c.Key == PrivateKey{}:
		return errors.New("a private key is required")
	case c.Port == 0:
		return errors.New("a port is required")
	case len(c.Addresses) == 0:
		return errors.New("an address is required")
	}
	for _, a := range c.Addresses {
		if !a.IsValid() || a.Bits() == 0 || a.Addr().Is4In6() || a.Addr().IsMulticast() || a.Addr().IsUnspecified() {
			return fmt.Errorf("%s cannot be our address", a)
		}
	}
	return nil
}

// Probe returns nil if the kernel has WireGuard, ErrNone if not, and any other
// error if that cannot be told. It leaves no interface behind. It is cheap
// once the answer was yes.
func Probe() error {
	if _, err := netlink.GenlFamilyGet(kind); err == nil {
		return nil
	}
	// A module that is not loaded yet: the kernel loads it for the first
	// interface of its kind.
	const name = "monban-wgprobe"
	err := netlink.LinkAdd(newLink(name))
	if err != nil && !errors.Is(err, unix.EEXIST) { // a crash may have left it
		return adding(name, err)
	}
	return Remove(name)
}

// adding explains why an interface could not be made.
func adding(name string, err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return ErrNone
	}
	return fmt.Errorf("making interface %s: %w", name, err)
}

func newLink(name string) netlink.Link {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return &netlink.Wireguard{LinkAttrs: a}
}

// find returns the interface, nil if there is none of that name, and an error
// if it is somebody else's.
func find(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	if none := (netlink.LinkNotFoundError{}); errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up interface %s: %w", name, err)
	}
	if l.Type() != kind {
		return nil, fmt.Errorf("interface %s is of kind %s and not ours", name, l.Type())
	}
	return l, nil
}

// Remove takes the interface away with its peers, if it is there.
func Remove(name string) error {
	l, err := find(name)
	if l == nil || err != nil {
		return err
	}
	var gone netlink.LinkNotFoundError
	if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) && !errors.As(err, &gone) {
		return fmt.Errorf("removing interface %s: %w", name, err)
	}
	return nil
}

// setAddrs makes the interface have exactly these addresses. The nets' routes
// come and go with them.
func setAddrs(l netlink.Link, want []netip.Prefix) error {
	have, err := addrs(l)
	if err != nil {
		return err
	}
	// First what goes: an old address may hold the place of a new one's route.
	for _, p := range have {
		if !slices.Contains(want, p) {
			if err := netlink.AddrDel(l, address(p)); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return fmt.Errorf("taking %s from %s: %w", p, l.Attrs().Name, err)
			}
		}
	}
	for _, p := range want {
		// Also what is there already: it may have gone with another of its net.
		if err := netlink.AddrReplace(l, address(p)); err != nil {
			return fmt.Errorf("giving %s to %s: %w", p, l.Attrs().Name, err)
		}
	}
	return nil
}

// addrs returns the addresses of the interface but the link-local ones, which
// are the kernel's affair.
func addrs(l netlink.Link) ([]netip.Prefix, error) {
	for range 5 { // a list that changed while it was read is read again
		as, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the addresses of %s: %w", l.Attrs().Name, err)
		}
		var all []netip.Prefix
		for _, a := range as {
			ip, _ := netip.AddrFromSlice(a.IP)
			bits, _ := a.Mask.Size()
			if ip = ip.Unmap(); !ip.IsLinkLocalUnicast() {
				all = append(all, netip.PrefixFrom(ip, bits))
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("reading the addresses of %s: %w", l.Attrs().Name, netlink.ErrDumpInterrupted)
}

// address is p for netlink. A tunnel has nobody to ask whether an address is
// taken (DAD).
func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}
