package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"monban/gateway/config"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Tunnels are the box's ends of the vendors' WireGuard tunnels.
type Tunnels interface {
	// Probe says why tunnels cannot be, or nil.
	Probe() error
	// Set makes the interface with our addresses and port, if it is not there.
	Set(port uint16, addrs []netip.Prefix) error
	// PublicKey is the box's, for the vendor, as wg(8) writes it.
	PublicKey() (string, error)
	// SetPeers makes the interface have exactly these peers; with none it goes.
	SetPeers([]Peer) error
}

// A Peer is a vendor's end of a tunnel.
type Peer struct {
	Key   [32]byte // public
	Addrs []netip.Addr
}

// tunnelFor says why no tunnel can be opened for a vendor, or nil.
func (g *Gateway) tunnelFor(v config.Vendor) error {
	switch {
	case v.WireGuardKey == [32]byte{} || len(g.current().config.WireGuard.Addresses) == 0:
		return text.NewFault("window.no_tunnel", "vendor", v.Label).On("vendor")
	case g.o.Tunnels == nil:
		return text.NewFault("window.no_wireguard").On("kind")
	}
	if err := g.o.Tunnels.Probe(); err != nil {
		return text.NewFault("window.no_wireguard").On("kind").Because(err)
	}
	return nil
}

// release does what a window needs besides the kernel's rules, before they let
// anything in: its vendor's peer.
func (g *Gateway) release(w window.Window) error {
	if w.Kind != window.WireGuard {
		return nil
	}
	v, _ := g.current().config.Vendor(w.Vendor)
	if err := g.tunnelFor(v); err != nil {
		return err
	}
	return g.setPeers(g.peers(w.Vendor))
}

// withdraw takes back what a window had besides the kernel's rules, once it is
// over.
func (g *Gateway) withdraw(w window.Window) {
	switch w.Kind {
	case window.Tool:
		if err := g.setNames(); err != nil {
			g.o.Log.Error("names not as planned", "err", err)
		}
	case window.WireGuard:
		g.keepPeers()
	}
}

// keepPeers makes the tunnel have only the peers of open windows.
func (g *Gateway) keepPeers() {
	if g.o.Tunnels == nil || len(g.current().config.WireGuard.Addresses) == 0 || g.o.Tunnels.Probe() != nil {
		return
	}
	if err := g.setPeers(g.peers()); err != nil {
		g.o.Log.Error("tunnel peers not as planned", "err", err)
	}
}

func (g *Gateway) setPeers(all []Peer) error {
	wg := g.current().config.WireGuard
	if len(all) > 0 {
		if err := g.o.Tunnels.Set(wg.Port, wg.Addresses); err != nil {
			return fmt.Errorf("making the tunnel: %w", err)
		}
	}
	return g.o.Tunnels.SetPeers(all)
}

// peers are those of the vendors with an open tunnel window, and of more.
func (g *Gateway) peers(more ...string) []Peer {
	c := g.current().config
	for _, w := range g.open() {
		if w.Kind == window.WireGuard {
			more = append(more, w.Vendor)
		}
	}
	slices.Sort(more)
	var out []Peer
	for _, name := range slices.Compact(more) {
		if v, ok := c.Vendor(name); ok && v.WireGuardKey != [32]byte{} {
			out = append(out, Peer{Key: v.WireGuardKey, Addrs: v.WireGuardAddresses})
		}
	}
	return out
}
