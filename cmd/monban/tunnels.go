package main

import (
	"net/netip"
	"sync"

	"monban/gateway"
	"monban/gateway/wg"
)

// tunnels is WireGuard as the gateway sees it. The interface is there only
// while a window needs it, and stays when the daemon ends in between.
type tunnels struct {
	state string // where our key is kept

	mu     sync.Mutex
	device *wg.Device // nil: none was needed yet
}

// Probe says why the kernel cannot have tunnels, or nil.
func (t *tunnels) Probe() error { return wg.Probe() }

// Set makes the interface, or takes over the one that is there.
func (t *tunnels) Set(port uint16, addrs []netip.Prefix) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, err := wg.LoadKey(t.state)
	if err != nil {
		return err
	}
	d, err := wg.Open(wg.Config{Name: gateway.TunnelName, Key: key, Port: port, Addresses: addrs})
	if err != nil {
		return err
	}
	if t.device != nil {
		t.device.Close()
	}
	t.device = d
	return nil
}

// PublicKey is ours, for the vendors.
func (t *tunnels) PublicKey() (string, error) {
	key, err := wg.LoadKey(t.state)
	if err != nil {
		return "", err
	}
	return key.Public().String(), nil
}

// SetPeers makes the interface have exactly these peers; with none it goes.
func (t *tunnels) SetPeers(all []gateway.Peer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(all) == 0 || t.device == nil {
		if t.device != nil {
			t.device.Close()
			t.device = nil
		}
		return wg.Remove(gateway.TunnelName)
	}
	var peers []wg.Peer
	for _, p := range all {
		peers = append(peers, wg.Peer{Key: wg.Key(p.Key), Addrs: p.Addrs})
	}
	return t.device.SetPeers(peers)
}
