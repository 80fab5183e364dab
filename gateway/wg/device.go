package wg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// A Peer is a vendor's end of a tunnel. Where he calls from is learnt from his
// packets; the packet rules say where that may be.
type Peer struct {
	Key   Key
	Addrs []netip.Addr // his inside the tunnel: no other source is taken from him
}

// Status is a peer as the kernel has it.
type Status struct {
	Peer
	Endpoint  netip.AddrPort // where his last good packet came from; zero: none has
	Handshake time.Time      // zero: never
	Received  uint64         // bytes, with what WireGuard adds
	Sent      uint64
}

// A Device is the interface. It may be used by many goroutines.
type Device struct {
	name  string
	addrs []netip.Prefix

	mu  sync.Mutex
	ctl *wgctrl.Client
}

// Open makes the interface, or takes over the one that is there, with its
// peers as they are: they may belong to windows that outlived the daemon. It
// is harmless to tunnels in use. The error is ErrNone if the kernel has no
// WireGuard.
func Open(c Config) (*Device, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("tunnel interface: %w", err)
	}
	l, err := find(c.Name)
	if err != nil {
		return nil, err
	}
	made := l == nil
	if made {
		if err := netlink.LinkAdd(newLink(c.Name)); err != nil {
			return nil, adding(c.Name, err)
		}
		if l, err = netlink.LinkByName(c.Name); err != nil {
			return nil, fmt.Errorf("looking up interface %s: %w", c.Name, err)
		}
	}
	d, err := adopt(l, c)
	if err != nil && made {
		err = errors.Join(err, Remove(c.Name)) // half of one is none
	}
	return d, err
}

// adopt makes l what c says, and sets it up.
func adopt(l netlink.Link, c Config) (*Device, error) {
	ctl, err := wgctrl.New()
	if err != nil {
		return nil, fmt.Errorf("talking to WireGuard: %w", err)
	}
	d := &Device{name: c.Name, addrs: slices.Clone(c.Addresses), ctl: ctl}
	key, port := wgtypes.Key(c.Key), int(c.Port)
	if err = ctl.ConfigureDevice(c.Name, wgtypes.Config{PrivateKey: &key, ListenPort: &port}); err != nil {
		err = fmt.Errorf("giving %s its key and port: %w", c.Name, err)
	} else if err = setAddrs(l, c.Addresses); err == nil {
		if err = netlink.LinkSetUp(l); err != nil {
			err = fmt.Errorf("setting %s up with port %d: %w", c.Name, c.Port, err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close lets go of the interface and leaves it as it is: a daemon that stops
// cuts no open window. Remove takes it away.
func (d *Device) Close() error { return d.ctl.Close() }

// Peers returns who may speak to the interface, by key.
func (d *Device) Peers() ([]Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peers()
}

func (d *Device) peers() ([]Status, error) {
	dev, err := d.ctl.Device(d.name)
	if err != nil {
		return nil, fmt.Errorf("reading the peers of %s: %w", d.name, err)
	}
	var all []Status
	for _, p := range dev.Peers {
		s := Status{Peer: Peer{Key: Key(p.PublicKey)}, Received: uint64(p.ReceiveBytes), Sent: uint64(p.TransmitBytes)}
		for _, n := range p.AllowedIPs {
			a, _ := netip.AddrFromSlice(n.IP)
			if ones, bits := n.Mask.Size(); ones != bits {
				a = netip.Addr{} // a net, which we never give: like no peer that is wanted
			}
			s.Addrs = append(s.Addrs, a.Unmap())
		}
		slices.SortFunc(s.Addrs, netip.Addr.Compare)
		if p.Endpoint != nil {
			s.Endpoint = netip.AddrPortFrom(p.Endpoint.AddrPort().Addr().Unmap(), uint16(p.Endpoint.Port))
		}
		if p.LastHandshakeTime.Unix() > 0 {
			s.Handshake = p.LastHandshakeTime
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int { return a.Key.compare(b.Key) })
	return all, nil
}

// SetPeers makes the interface have exactly these peers. The tunnel of who is
// there already lives on; who is not wanted any more is cut at once, keys and
// all. If he is let in again later, his end may take 15 s to notice that it
// must begin anew. Afterwards the kernel is asked whether it is so.
func (d *Device) SetPeers(want []Peer) error {
	want, err := d.check(want)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	have, err := d.peers()
	if err != nil {
		return err
	}
	var change []wgtypes.PeerConfig
	for _, h := range have {
		if !slices.ContainsFunc(want, func(p Peer) bool { return p.Key == h.Key }) {
			change = append(change, wgtypes.PeerConfig{PublicKey: wgtypes.Key(h.Key), Remove: true, UpdateOnly: true})
		}
	}
	for _, p := range want {
		if !slices.ContainsFunc(have, func(h Status) bool { return h.Peer.equal(p) }) {
			change = append(change, p.config())
		}
	}
	if len(change) == 0 {
		return nil
	}
	if err := d.ctl.ConfigureDevice(d.name, wgtypes.Config{Peers: change}); err != nil {
		return fmt.Errorf("setting the peers of %s: %w", d.name, err)
	}
	if have, err = d.peers(); err != nil {
		return err
	}
	if !slices.EqualFunc(have, want, func(h Status, w Peer) bool { return h.Peer.equal(w) }) {
		return fmt.Errorf("%s has other peers than it was given", d.name)
	}
	return nil
}

// check returns the peers in order, or why they cannot be: the kernel would
// give an address that two have to the latter in silence.
func (d *Device) check(peers []Peer) ([]Peer, error) {
	keys, owners := map[Key]bool{}, map[netip.Addr]bool{}
	for _, p := range peers {
		if p.Key == (Key{}) || keys[p.Key] {
			return nil, fmt.Errorf("peer key %s is missing or given twice", p.Key)
		}
		keys[p.Key] = true
		if len(p.Addrs) == 0 {
			return nil, fmt.Errorf("peer %s has no address", p.Key)
		}
		for _, a := range p.Addrs {
			inside := slices.ContainsFunc(d.addrs, func(n netip.Prefix) bool { return n.Contains(a) })
			ours := slices.ContainsFunc(d.addrs, func(n netip.Prefix) bool { return n.Addr() == a })
			if !inside || ours || owners[a] {
				return nil, fmt.Errorf("peer %s cannot have %s: ours, another's, or outside the tunnels' nets", p.Key, a)
			}
			owners[a] = true
		}
	}
	out := make([]Peer, len(peers))
	for i, p := range peers {
		out[i] = Peer{p.Key, slices.SortedFunc(slices.Values(p.Addrs), netip.Addr.Compare)}
	}
	slices.SortFunc(out, func(a, b Peer) int { return a.Key.compare(b.Key) })
	return out, nil
}

// equal compares two peers whose addresses are in order.
func (p Peer) equal(o Peer) bool { return p.Key == o.Key && slices.Equal(p.Addrs, o.Addrs) }

func (p Peer) config() wgtypes.PeerConfig {
	c := wgtypes.PeerConfig{PublicKey: wgtypes.Key(p.Key), ReplaceAllowedIPs: true}
	for _, a := range p.Addrs {
		c.AllowedIPs = append(c.AllowedIPs, *ipNet(netip.PrefixFrom(a, a.BitLen())))
	}
	return c
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
