package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// This file and decode.go read the table back from the kernel's own messages,
// apart from the library that wrote it and from encode.go: what one of them
// got wrong the other does not repeat.

// attrs are the attributes of a message or of a nested one, by type.
type attrs map[uint16][]byte

func parseAttrs(b []byte) (attrs, error) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return nil, err
	}
	out := attrs{}
	for ad.Next() {
		out[ad.Type()] = ad.Bytes()
	}
	return out, ad.Err()
}

// list calls f for each attribute nested in b, in order.
func list(b []byte, f func(attrs) error) error {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	for ad.Next() {
		a, err := parseAttrs(ad.Bytes())
		if err != nil {
			return err
		}
		if err := f(a); err != nil {
			return err
		}
	}
	return ad.Err()
}

func (a attrs) str(t uint16) string {
	b := a[t]
	if i := slices.Index(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func (a attrs) u16(t uint16) uint16 {
	if b := a[t]; len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (a attrs) u32(t uint16) uint32 {
	if b := a[t]; len(b) == 4 {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (a attrs) u64(t uint16) uint64 {
	if b := a[t]; len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (a attrs) nested(t uint16) attrs {
	out, err := parseAttrs(a[t])
	if err != nil {
		return nil
	}
	return out
}

// errInterrupted means that the rules changed while they were read.
var errInterrupted = errors.New("rules changed while they were read")

// dump asks for all objects of a kind, of our table where the kernel filters
// by it.
func (k *Kernel) dump(kind uint16, filter ...netlink.Attribute) ([]attrs, error) {
	data, err := netlink.MarshalAttributes(filter)
	if err != nil {
		return nil, err
	}
	msgs, err := k.reader.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, data...),
	})
	if err != nil {
		return nil, err
	}
	var out []attrs
	for _, m := range msgs {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return nil, errInterrupted
		}
		if len(m.Data) < 4 {
			continue
		}
		a, err := parseAttrs(m.Data[4:])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func tableAttr(t uint16) netlink.Attribute {
	return netlink.Attribute{Type: t, Data: []byte(firewall.Table + "\x00")}
}

// An element is what the kernel holds of one: with what is left of its time,
// and what it has counted.
type element struct {
	firewall.Elem
	left  time.Duration
	count firewall.Count
}

// A snapshot is our table as the kernel has it.
type snapshot struct {
	exists bool
	rules  firewall.Ruleset // without elements of live sets
	counts map[string]firewall.Count
	odd    []string // what no Ruleset of ours can say: flags, flowtables, …
}

// snapshot reads our table. The kernel answers piece by piece, so it reads
// again when the rules changed meanwhile.
func (k *Kernel) snapshot() (snapshot, error) {
	for range 10 {
		before, err := k.generation()
		if err != nil {
			return snapshot{}, err
		}
		s, err := k.readOnce()
		if errors.Is(err, errInterrupted) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return snapshot{}, err
		}
		if now, err := k.generation(); err != nil || now == before {
			return s, err
		}
	}
	return snapshot{}, errInterrupted
}

// generation is the number the kernel raises with every change of rules.
func (k *Kernel) generation() (uint32, error) {
	msgs, err := k.reader.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN), Flags: netlink.Request},
		Data:   []byte{0, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return 0, fmt.Errorf("reading generation: %w", err)
	}
	if len(msgs) == 0 || len(msgs[0].Data) < 4 {
		return 0, errors.New("reading generation: empty answer")
	}
	a, err := parseAttrs(msgs[0].Data[4:])
	return a.u32(unix.NFTA_GEN_ID), err
}

func (k *Kernel) readOnce() (snapshot, error) {
	var s snapshot
	tables, err := k.dump(unix.NFT_MSG_GETTABLE)
	if err != nil {
		return s, fmt.Errorf("reading tables: %w", err)
	}
	for _, a := range tables {
		if a.str(unix.NFTA_TABLE_NAME) == firewall.Table {
			s.exists = true
			if f := a.u32(unix.NFTA_TABLE_FLAGS); f != 0 {
				s.odd = append(s.odd, fmt.Sprintf("table flags %d", f))
			}
		}
	}
	if !s.exists {
		return s, nil
	}
	sets, err := k.readSets(&s)
	if err != nil {
		return s, fmt.Errorf("reading sets: %w", err)
	}
	if err := k.readCounters(&s); err != nil {
		return s, fmt.Errorf("reading counters: %w", err)
	}
	if err := k.readChains(&s, sets); err != nil {
		return s, fmt.Errorf("reading chains: %w", err)
	}
	s.rules.Sort()
	slices.Sort(s.odd)
	return s, nil
}

// readCounters reads named objects; of ours all are counters.
func (k *Kernel) readCounters(s *snapshot) error {
	objs, err := k.dump(unix.NFT_MSG_GETOBJ, tableAttr(unix.NFTA_OBJ_TABLE))
	if err != nil {
		return err
	}
	s.counts = map[string]firewall.Count{}
	for _, a := range objs {
		if a.str(unix.NFTA_OBJ_TABLE) != firewall.Table {
			continue
		}
		name := a.str(unix.NFTA_OBJ_NAME)
		if t := a.u32(unix.NFTA_OBJ_TYPE); t != unix.NFT_OBJECT_COUNTER {
			s.odd = append(s.odd, fmt.Sprintf("object %s of type %d", name, t))
			continue
		}
		s.rules.Counters = append(s.rules.Counters, name)
		s.counts[name] = countOf(a.nested(unix.NFTA_OBJ_DATA))
	}
	return nil
}

func countOf(a attrs) firewall.Count {
	return firewall.Count{Packets: a.u64(unix.NFTA_COUNTER_PACKETS), Bytes: a.u64(unix.NFTA_COUNTER_BYTES)}
}

var hookNames = []string{"prerouting", "input", "forward", "output", "postrouting"} // NF_INET_*

func (k *Kernel) readChains(s *snapshot, sets map[string]firewall.Set) error {
	chains, err := k.dump(unix.NFT_MSG_GETCHAIN)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for _, a := range chains {
		if a.str(unix.NFTA_CHAIN_TABLE) != firewall.Table {
			continue
		}
		c := firewall.Chain{Name: a.str(unix.NFTA_CHAIN_NAME)}
		if a[unix.NFTA_CHAIN_HOOK] != nil {
			h := a.nested(unix.NFTA_CHAIN_HOOK)
			n := h.u32(unix.NFTA_HOOK_HOOKNUM)
			if int(n) >= len(hookNames) {
				s.odd = append(s.odd, fmt.Sprintf("chain %s at hook %d", c.Name, n))
				continue
			}
			c.Hook = &firewall.Hook{Type: a.str(unix.NFTA_CHAIN_TYPE), At: hookNames[n],
				Priority: int(int32(h.u32(unix.NFTA_HOOK_PRIORITY))), Policy: firewall.Verdict(a.u32(unix.NFTA_CHAIN_POLICY))}
		}
		if f := a.u32(attrChainFlags); f&^1 != 0 { // 1: is a base chain
			s.odd = append(s.odd, fmt.Sprintf("chain %s with flags %d", c.Name, f))
		}
		at[c.Name] = len(s.rules.Chains)
		s.rules.Chains = append(s.rules.Chains, c)
	}
	if err := k.readFlowtables(s); err != nil {
		return err
	}
	rules, err := k.dump(unix.NFT_MSG_GETRULE, tableAttr(unix.NFTA_RULE_TABLE))
	if err != nil {
		return err
	}
	for _, a := range rules {
		i, ok := at[a.str(unix.NFTA_RULE_CHAIN)]
		if a.str(unix.NFTA_RULE_TABLE) != firewall.Table || !ok {
			continue
		}
		r := decodeRule(a, sets)
		s.rules.Chains[i].Rules = append(s.rules.Chains[i].Rules, r)
	}
	return nil
}

// readFlowtables notes flowtables: packets in them pass by every rule.
func (k *Kernel) readFlowtables(s *snapshot) error {
	fts, err := k.dump(unix.NFT_MSG_GETFLOWTABLE)
	if err != nil {
		return nil // a kernel without them has none
	}
	for _, a := range fts {
		if a.str(attrFlowtableTable) == firewall.Table {
			s.odd = append(s.odd, "flowtable "+a.str(attrFlowtableName))
		}
	}
	return nil
}
