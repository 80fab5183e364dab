package config

import (
	"encoding/base64"
	"net/netip"
	"slices"
)

// lowestTunnel keeps the tunnel off the ports that services have, ours too.
const lowestTunnel = 1024

// wireGuard checks the box's end of the tunnels. A file that never speaks of
// them has none.
func (f *faults) wireGuard(w fileWireGuard) WireGuard {
	if _, written := f.lines["wireguard"]; !written {
		return WireGuard{}
	}
	if w.Port < lowestTunnel || w.Port > 65535 {
		f.add("wireguard.port", "config.wireguard_port", "value", w.Port, "min", lowestTunnel)
	}
	if len(w.Addresses) == 0 {
		f.add("wireguard.addresses", "config.missing")
	}
	return WireGuard{uint16(w.Port), f.addresses("wireguard.addresses", w.Addresses)}
}

// tunnels checks the vendors' ends against each other and ours.
type tunnels struct {
	f           *faults
	ours        []netip.Prefix
	keys, addrs unique
}

func (f *faults) tunnels(c Config) tunnels {
	return tunnels{f, c.WireGuard.Addresses, f.unique(), f.unique()}
}

// check fills in the tunnel of v, which stands at path. Key and addresses go
// together: either without the other opens nothing.
func (t tunnels) check(path string, w fileVendor, v *Vendor) {
	key, addrs := join(path, "wireguard_key"), join(path, "wireguard_addresses")
	if w.WireGuardKey == "" && len(w.WireGuardAddresses) == 0 {
		return
	}
	if _, written := t.f.lines["wireguard"]; !written {
		t.f.add(key, "config.wireguard_none")
		return
	}
	if w.WireGuardKey == "" {
		t.f.add(key, "config.wireguard_pair", "other", "wireguard_addresses")
	} else {
		v.WireGuardKey = t.key(key, w.WireGuardKey)
	}
	if len(w.WireGuardAddresses) == 0 {
		t.f.add(addrs, "config.wireguard_pair", "other", "wireguard_key")
	}
	for i, s := range w.WireGuardAddresses {
		if a, ok := t.addr(index(addrs, i), s); ok {
			v.WireGuardAddresses = append(v.WireGuardAddresses, a)
		}
	}
}

// key reads a public key as `wg pubkey` prints it: 32 bytes in base64.
func (t tunnels) key(path, s string) (key [32]byte) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(key) || [32]byte(b) == key {
		t.f.add(path, "config.wireguard_key", "value", show(s))
		return key
	}
	t.keys.add(path, base64.StdEncoding.EncodeToString(b))
	return [32]byte(b)
}

// addr reads what one engineer has inside the tunnel: a host of one of our
// nets there, and neither our own nor a net as a whole.
func (t tunnels) addr(path, s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		t.f.add(path, "config.wireguard_address", "value", show(s))
		return a, false
	}
	i := slices.IndexFunc(t.ours, func(p netip.Prefix) bool { return p.Contains(a) })
	switch {
	case i < 0 && (len(t.ours) == 0 || slices.Contains(t.ours, netip.Prefix{})):
		return a, false // perhaps it lies in the net that has its own fault
	case i < 0:
		t.f.add(path, "config.wireguard_outside", "value", a)
	case t.ours[i].Addr() == a:
		t.f.add(path, "config.wireguard_ours", "value", a)
	case !isHost(netip.PrefixFrom(a, t.ours[i].Bits())):
		t.f.add(path, "config.wireguard_address", "value", a)
	default:
		t.addrs.add(path, a.String())
		return a, true
	}
	return a, false
}
