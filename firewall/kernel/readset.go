package kernel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Flags of sets and their elements, and attributes x/sys/unix lacks
// (include/uapi/linux/netfilter/nf_tables.h).
const (
	setAnonymous = 0x1
	setInterval  = 0x4
	setMap       = 0x8
	setTimeout   = 0x10
	setEval      = 0x20
	elemIsEnd    = 0x1

	attrSetExpr        = 0x11
	attrElemKeyEnd     = 0xa
	attrChainFlags     = 0xa
	attrFlowtableTable = 0x1
	attrFlowtableName  = 0x2
)

// A kind is a data type of nft by its number, with the length it has in a key.
type kind struct {
	t    firewall.Type
	len  int
	host bool
}

var kinds = map[uint32]kind{
	2: {firewall.TypeFamily, 1, false}, 7: {firewall.TypeIPv4, 4, false}, 8: {firewall.TypeIPv6, 16, false},
	9: {firewall.TypeEther, 6, false}, 12: {firewall.TypeProto, 1, false}, 13: {firewall.TypePort, 2, false},
	14: {firewall.TypeICMP, 1, false}, 19: {firewall.TypeMark, 4, true}, 29: {firewall.TypeICMPv6, 1, false},
	31: {firewall.TypePktType, 1, false}, 41: {firewall.TypeIfName, 16, false},
}

// kindsOf takes a type number apart: six bits per field, the last lowest.
func kindsOf(magic uint32) []kind {
	var ks []kind
	for ; magic != 0; magic >>= 6 {
		k, ok := kinds[magic&63]
		if !ok {
			k = kind{t: firewall.Type(fmt.Sprintf("type%d", magic&63)), len: 4}
		}
		ks = append(ks, k)
	}
	slices.Reverse(ks)
	return ks
}

func typesOf(ks []kind) []firewall.Type {
	var ts []firewall.Type
	for _, k := range ks {
		ts = append(ts, k.t)
	}
	return ts
}

// split cuts the bytes of a key or of data into its fields.
func split(ks []kind, b []byte) ([]firewall.Value, error) {
	var vs []firewall.Value
	for i, k := range ks {
		if len(b) < k.len {
			return nil, fmt.Errorf("field %d of %v: too short", i, typesOf(ks))
		}
		vs = append(vs, k.value(b[:k.len]))
		b = b[min(len(b), (k.len+3)&^3):]
	}
	return vs, nil
}

func (k kind) value(b []byte) firewall.Value {
	switch {
	case k.t == firewall.TypeIfName:
		return firewall.Value(strings.TrimRight(string(b), "\x00"))
	case k.host:
		return firewall.Value(toHost(b)) // there and back is the same step
	}
	return firewall.Value(b)
}

func decodeSet(a attrs) (s firewall.Set, flags uint32, keys, data []kind) {
	flags = a.u32(unix.NFTA_SET_FLAGS)
	keys = kindsOf(a.u32(unix.NFTA_SET_KEY_TYPE))
	s = firewall.Set{Name: a.str(unix.NFTA_SET_NAME), Key: typesOf(keys), Interval: flags&setInterval != 0,
		Timeout: flags&setTimeout != 0, Dynamic: flags&setEval != 0, Size: a.nested(unix.NFTA_SET_DESC).u32(unix.NFTA_SET_DESC_SIZE)}
	if flags&setMap != 0 {
		data = kindsOf(a.u32(unix.NFTA_SET_DATA_TYPE))
		s.Data = typesOf(data)
	}
	return s, flags, keys, data
}

// readSets reads the sets into s, and returns all of them by name, with the
// unnamed ones that stand for "{ tcp, udp }" in rules.
func (k *Kernel) readSets(s *snapshot) (map[string]firewall.Set, error) {
	sets, err := k.dump(unix.NFT_MSG_GETSET, tableAttr(unix.NFTA_SET_TABLE))
	if err != nil {
		return nil, err
	}
	byName := map[string]firewall.Set{}
	for _, a := range sets {
		if a.str(unix.NFTA_SET_TABLE) != firewall.Table {
			continue
		}
		set, flags, keys, data := decodeSet(a)
		if counts := a.nested(attrSetExpr).str(unix.NFTA_EXPR_NAME) == "counter"; counts != set.Dynamic {
			s.odd = append(s.odd, fmt.Sprintf("set %s: counter %t", set.Name, counts))
		}
		if t := a.u64(unix.NFTA_SET_TIMEOUT); t != 0 {
			s.odd = append(s.odd, fmt.Sprintf("set %s: default timeout %d ms", set.Name, t))
		}
		if !set.Live() {
			els, err := k.elements(set, keys, data)
			if err != nil {
				return nil, err
			}
			for _, e := range els {
				set.Elems = append(set.Elems, e.Elem)
			}
		}
		byName[set.Name] = set
		if flags&setAnonymous == 0 {
			s.rules.Sets = append(s.rules.Sets, set)
		}
	}
	return byName, nil
}

// elements reads a set. Those that have ended the kernel leaves out.
func (k *Kernel) elements(s firewall.Set, keys, data []kind) ([]element, error) {
	msgs, err := k.dump(unix.NFT_MSG_GETSETELEM, tableAttr(unix.NFTA_SET_ELEM_LIST_TABLE),
		netlink.Attribute{Type: unix.NFTA_SET_ELEM_LIST_SET, Data: []byte(s.Name + "\x00")})
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", s.Name, err)
	}
	var out []element
	var edges []edge
	for _, m := range msgs {
		err := list(m[unix.NFTA_SET_ELEM_LIST_ELEMENTS], func(a attrs) error {
			key := a.nested(unix.NFTA_SET_ELEM_KEY)[unix.NFTA_DATA_VALUE]
			if s.Interval && len(keys) == 1 {
				edges = append(edges, edge{string(key), a.u32(unix.NFTA_SET_ELEM_FLAGS)&elemIsEnd != 0})
				return nil
			}
			e, err := decodeElem(a, key, keys, data)
			out = append(out, e)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	for _, r := range intervals(edges) {
		out = append(out, element{Elem: firewall.Elem{Key: []firewall.Range{r}}})
	}
	return out, nil
}

func decodeElem(a attrs, key []byte, keys, data []kind) (element, error) {
	e := element{left: time.Duration(a.u64(unix.NFTA_SET_ELEM_EXPIRATION)) * time.Millisecond}
	from, err := split(keys, key)
	if err != nil {
		return e, err
	}
	to := from
	if end := a.nested(attrElemKeyEnd)[unix.NFTA_DATA_VALUE]; end != nil {
		if to, err = split(keys, end); err != nil {
			return e, err
		}
	}
	for i := range from {
		e.Key = append(e.Key, firewall.Range{From: from[i], To: to[i]})
	}
	if len(data) > 0 {
		if e.Data, err = split(data, a.nested(unix.NFTA_SET_ELEM_DATA)[unix.NFTA_DATA_VALUE]); err != nil {
			return e, err
		}
	}
	if x := a.nested(unix.NFTA_SET_ELEM_EXPR); x.str(unix.NFTA_EXPR_NAME) == "counter" {
		e.count = countOf(x.nested(unix.NFTA_EXPR_DATA))
	}
	return e, nil
}

// An edge is where an interval begins, or the first key behind one.
type edge struct {
	key string
	end bool
}

// intervals joins edges, which come in no stable order, to ranges. One
// without an end goes on to the last key there is.
func intervals(es []edge) []firewall.Range {
	slices.SortFunc(es, func(a, b edge) int {
		if c := strings.Compare(a.key, b.key); c != 0 || a.end == b.end {
			return c
		}
		if a.end {
			return -1
		}
		return 1
	})
	var out []firewall.Range
	for i, e := range es {
		if e.end {
			continue
		}
		to := strings.Repeat("\xff", len(e.key))
		if i+1 < len(es) {
			to = string(before([]byte(es[i+1].key)))
		}
		out = append(out, firewall.Range{From: firewall.Value(e.key), To: firewall.Value(to)})
	}
	return out
}

// before is the number before b.
func before(b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			break
		}
	}
	return b
}
