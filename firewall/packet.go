package firewall

import (
	"net"
	"net/netip"
	"slices"
)

// A Packet is what the rules can see of one packet and its flow. For a flow
// that exists (State established or related) the addresses and ports are
// those behind the translation, as the forward hook sees them.
type Packet struct {
	In, Out            string // interfaces; In empty: sent by the box; Out empty: as World routes it
	EtherSource        net.HardwareAddr
	Source, Target     netip.Addr
	Proto              Proto
	SourcePort, Port   uint16 // TCP and UDP
	Flags              uint8  // TCP
	Kind               uint8  // ICMP or ICMPv6 type
	HopLimit           uint8
	State              uint32 // StateNew if zero
	Mark               uint32 // of the flow in conntrack
	Reply              bool   // goes against the flow's first packet
	Begun              bool   // the flow's first packet was let through; so it was if State is established
	Broadcast, Several bool   // sent to the link's broadcast, or to several
}

// A World is what the rules ask of the box besides the packet.
type World struct {
	Box    []netip.Addr // addresses of the box
	Routes []Route      // the longest prefix wins
	Open   []Opening    // windows open now
	Probes []string     // interfaces of a running self-test

	Gates    map[Mark][]Gate // of open tool windows
	Answered []Gate          // what the name filter told whom
}

// A Route is the interface that leads to a network.
type Route struct {
	To    netip.Prefix
	Iface string
}

// A Decision is what becomes of a packet, and by which rule.
type Decision struct {
	Verdict Verdict
	Told    bool           // of one that is dropped: its sender learns it at once
	Chain   string         // that decided
	Why     string         // the rule's comment, counter or text; "policy" if none decided
	Mark    uint32         // of the flow afterwards
	Target  netip.AddrPort // after translation
	Masq    bool           // leaves with the WAN address
	Counts  []string       // counters that saw it
}

func (w World) route(a netip.Addr) string {
	best, iface := -1, ""
	for _, r := range w.Routes {
		if r.To.Contains(a) && r.To.Bits() > best {
			best, iface = r.To.Bits(), r.Iface
		}
	}
	return iface
}

func (w World) isBox(a netip.Addr) bool { return slices.Contains(w.Box, a) || a.IsLoopback() }

func (p Packet) hasPorts() bool { return p.Proto == TCP || p.Proto == UDP }

// value is a field of the packet, and whether the packet has it.
func (p Packet) value(f Field, w World) (Value, bool) {
	v4 := p.Source.Is4() && p.Target.Is4()
	v6 := p.Source.Is6() && p.Target.Is6() && !p.Source.Is4In6() && !p.Target.Is4In6()
	switch f {
	case InIface:
		return Value(p.In), p.In != ""
	case OutIface:
		return Value(p.Out), p.Out != ""
	case InType:
		return num16(1), p.In != "" && len(p.EtherSource) == 6
	case Family:
		if v4 {
			return num8(2), true
		}
		return num8(10), v6
	case L4Proto:
		return num8(uint8(p.Proto)), true
	case Cast:
		if p.Broadcast {
			return num8(1), true
		}
		if p.Several {
			return num8(2), true
		}
		return num8(0), true
	case State:
		return num32(p.State), true
	case Status:
		if p.Begun || p.State&answers != 0 {
			return num32(StatusConfirmed), p.State&(StateInvalid|StateUntracked) == 0
		}
		return num32(0), p.State&(StateInvalid|StateUntracked) == 0
	case CTMark:
		return num32(p.Mark), p.State&(StateInvalid|StateUntracked) == 0
	case Direction:
		if p.Reply {
			return num8(1), p.State&(StateInvalid|StateUntracked) == 0
		}
		return num8(0), p.State&(StateInvalid|StateUntracked) == 0
	case Source4:
		return addr(p.Source), v4
	case Target4:
		return addr(p.Target), v4
	case Source6:
		return addr(p.Source), v6
	case Target6:
		return addr(p.Target), v6
	case SourcePort:
		return num16(p.SourcePort), p.hasPorts()
	case TargetPort:
		return num16(p.Port), p.hasPorts()
	case Flags:
		return num8(p.Flags), p.Proto == TCP
	case ICMPKind:
		return num8(p.Kind), p.Proto == ICMP
	case ICMPv6Kind:
		return num8(p.Kind), p.Proto == ICMPv6
	case HopLimit:
		return num8(p.HopLimit), v6
	case SourceEther:
		return Value(p.EtherSource), p.In != "" && len(p.EtherSource) == 6
	case Reverse:
		back := !w.isBox(p.Source) && p.In != "" && w.route(p.Source) == p.In
		return num32(map[bool]uint32{true: 1}[back]), p.In != ""
	case TargetType:
		return num32(map[bool]uint32{true: 2, false: 1}[w.isBox(p.Target)]), true
	}
	return "", false
}
