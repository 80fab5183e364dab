package kernel

import (
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// maxElements per netlink message: an attribute holds 64 KiB, and the longest
// of our elements take some 160 bytes.
const maxElements = 400

var dataTypes = map[firewall.Type]nftables.SetDatatype{
	firewall.TypeIPv4: nftables.TypeIPAddr, firewall.TypeIPv6: nftables.TypeIP6Addr,
	firewall.TypeEther: nftables.TypeEtherAddr, firewall.TypeProto: nftables.TypeInetProto,
	firewall.TypePort: nftables.TypeInetService, firewall.TypeMark: nftables.TypeMark,
	firewall.TypeIfName: nftables.TypeIFName, firewall.TypePktType: nftables.TypePktType,
	firewall.TypeICMP: nftables.TypeICMPType, firewall.TypeICMPv6: nftables.TypeICMP6Type,
}

func encodeTypes(ts []firewall.Type) (nftables.SetDatatype, error) {
	var ds []nftables.SetDatatype
	for _, t := range ts {
		d, ok := dataTypes[t]
		if !ok {
			return nftables.SetDatatype{}, fmt.Errorf("type %q: not for sets", t)
		}
		ds = append(ds, d)
	}
	if len(ds) == 1 {
		return ds[0], nil
	}
	return nftables.ConcatSetType(ds...)
}

// encodeSet returns the kernel's description of a set, without elements.
func encodeSet(t *nftables.Table, s firewall.Set) (*nftables.Set, error) {
	key, err := encodeTypes(s.Key)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", s.Name, err)
	}
	n := &nftables.Set{Table: t, Name: s.Name, KeyType: key, Concatenation: len(s.Key) > 1,
		Interval: s.Interval, HasTimeout: s.Timeout, Dynamic: s.Dynamic, Counter: s.Dynamic, Size: s.Size}
	if s.Key[0] == firewall.TypeMark || s.Key[0] == firewall.TypeIfName {
		n.KeyByteOrder = binaryutil.NativeEndian
	}
	if len(s.Data) > 0 {
		n.IsMap = true
		if n.DataType, err = encodeTypes(s.Data); err != nil {
			return nil, fmt.Errorf("map %s: %w", s.Name, err)
		}
	}
	return n, nil
}

// encodeElem returns the kernel's element or elements of e. An interval of one
// field is two, its start and what lies behind its end; of several fields it
// is one with two keys. A timeout the kernel would take as "for ever" is
// refused: it counts whole milliseconds, and a set without the flag none.
func encodeElem(s firewall.Set, e firewall.Elem, timeout time.Duration) ([]nftables.SetElement, error) {
	if len(e.Key) != len(s.Key) || len(e.Data) != len(s.Data) {
		return nil, fmt.Errorf("set %s: element does not fit", s.Name)
	}
	if s.Timeout != (timeout != 0) || timeout < 0 || timeout != 0 && timeout < time.Millisecond {
		return nil, fmt.Errorf("set %s: element cannot live for %s", s.Name, timeout)
	}
	var from, to []firewall.Value
	for _, r := range e.Key {
		if r.From > r.To || !s.Interval && r.From != r.To {
			return nil, fmt.Errorf("set %s: takes no ranges", s.Name)
		}
		from, to = append(from, r.From), append(to, r.To)
	}
	first, err := joined(s.Key, from)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", s.Name, err)
	}
	last, err := joined(s.Key, to)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", s.Name, err)
	}
	el := nftables.SetElement{Key: first, Timeout: timeout}
	if len(e.Data) > 0 {
		if el.Val, err = joined(s.Data, e.Data); err != nil {
			return nil, fmt.Errorf("map %s: %w", s.Name, err)
		}
	}
	switch {
	case s.Interval && len(s.Key) > 1:
		el.KeyEnd = last
	case s.Interval:
		if end, more := after(last); more {
			return []nftables.SetElement{el, {Key: end, IntervalEnd: true}}, nil
		}
	}
	return []nftables.SetElement{el}, nil
}

// joined are the bytes of values in a set: one as it is, several each filled
// up to whole registers.
func joined(ts []firewall.Type, vs []firewall.Value) ([]byte, error) {
	var out []byte
	for i, v := range vs {
		b, n := []byte(v), int(dataTypes[ts[i]].Bytes)
		switch {
		case ts[i] == firewall.TypeIfName && len(b) < unix.IFNAMSIZ:
			b = append(b, make([]byte, unix.IFNAMSIZ-len(b))...)
		case ts[i] == firewall.TypeMark && len(b) == n:
			b = toHost(b)
		}
		if len(b) != n {
			return nil, fmt.Errorf("value %x: has %d bytes, not %d", b, len(b), n)
		}
		out = append(out, b...)
		for len(vs) > 1 && len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out, nil
}

// after is the number after b, unless b is the last.
func after(b []byte) ([]byte, bool) {
	out := append([]byte(nil), b...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out, true
		}
	}
	return nil, false
}
