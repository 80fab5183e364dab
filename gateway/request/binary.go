package request

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"monban/gateway/text"
	"monban/gateway/window"
)

// The signed bytes, in this order:
//
//	version 1 · length of all of it · kind, 0x80 if planned · made, 4 bytes ·
//	planned start, 4 bytes if planned · nonce, 8 bytes · site, 5 bytes ·
//	length in seconds, 2 bytes · vendor · device ·
//	ports, targets or the tool, as the kind has · sources · requester · reason
//
// Numbers are big-endian, times seconds since 1970. Lists begin with how many.
const (
	version = 1
	maxBody = 255 // what one byte of length can say, and one QR code hold
	planned = 0x80

	flagUDP = 1
	flagWAN = 2 // of a port: the one on the WAN address follows
	flag6   = 2 // of a target: 16 bytes of address
)

// kinds as they are encoded, from 1.
var kinds = []window.Kind{1: window.Inbound, 2: window.Outbound, 3: window.Tool, 4: window.WireGuard}

// encode returns the bytes of a checked r, or the Fault request.too_long.
func encode(r Request) ([]byte, error) {
	b := []byte{version, 0, 0}
	for i, k := range kinds {
		if k == r.Kind {
			b[2] = byte(i)
		}
	}
	b = binary.BigEndian.AppendUint32(b, uint32(r.MadeAt.Unix()))
	if !r.NotBefore.IsZero() {
		b[2] |= planned
		b = binary.BigEndian.AppendUint32(b, uint32(r.NotBefore.Unix()))
	}
	b = append(b, r.Nonce[:]...)
	b = append(b, join(fold(r.Site))...)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Length/time.Second))
	b, ok1 := appendText(b, r.Vendor)
	b, ok2 := appendText(b, r.Device)
	ok3 := true
	switch r.Kind {
	case window.Outbound:
		b = appendTargets(b, r.Targets)
	case window.Tool:
		b, ok3 = appendText(b, r.Tool)
	default:
		b = appendPorts(b, r.Ports)
	}
	b = append(b, byte(len(r.Sources)))
	for _, s := range r.Sources {
		b = appendPrefix(b, s)
	}
	b, ok4 := appendText(b, r.Requester)
	b, ok5 := appendText(b, r.Reason)
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || len(b) > maxBody {
		return nil, text.NewFault("request.too_long")
	}
	b[1] = byte(len(b))
	return b, nil
}

// appendText adds s as UTF-8 or UTF-16, whichever is shorter: Japanese takes
// two bytes a letter and not three. The first byte has the length, in bytes or
// in units of 16 bits, and 0x80 for UTF-16. It is false if s is too long.
func appendText(b []byte, s string) ([]byte, bool) {
	const most = 0x7f
	units := utf16.Encode([]rune(s))
	if len(s) <= 2*len(units) {
		return append(append(b, byte(len(s))), s...), len(s) <= most
	}
	b = append(b, 0x80|byte(len(units)))
	for _, u := range units {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b, len(units) <= most
}

func appendPorts(b []byte, ports []window.Port) []byte {
	b = append(b, byte(len(ports)))
	for _, p := range ports {
		flags := udp(p.Proto)
		if p.WAN != p.Port {
			flags |= flagWAN
		}
		b = binary.BigEndian.AppendUint16(append(b, flags), p.Port)
		if p.WAN != p.Port {
			b = binary.BigEndian.AppendUint16(b, p.WAN)
		}
	}
	return b
}

func appendTargets(b []byte, targets []window.Target) []byte {
	b = append(b, byte(len(targets)))
	for _, t := range targets {
		flags := udp(t.Proto)
		if t.Addr.Is6() {
			flags |= flag6
		}
		b = append(append(b, flags), t.Addr.AsSlice()...)
		b = binary.BigEndian.AppendUint16(b, t.Port)
	}
	return b
}

// appendPrefix adds the bits, 64 more for IPv6, and as many bytes of address
// as hold them.
func appendPrefix(b []byte, p netip.Prefix) []byte {
	n := p.Bits()
	if p.Addr().Is6() {
		n += 64
	}
	return append(append(b, byte(n)), p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

func udp(p window.Proto) byte {
	if p == window.UDP {
		return flagUDP
	}
	return 0
}

// A reader takes fields off the front of a body; after the first that is not
// there everything it returns is zero.
type reader struct {
	b   []byte
	bad bool
}

func (d *reader) take(n int) []byte {
	if d.bad = d.bad || n > len(d.b); d.bad {
		return make([]byte, n)
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *reader) byte() byte     { return d.take(1)[0] }
func (d *reader) uint16() uint16 { return binary.BigEndian.Uint16(d.take(2)) }
func (d *reader) time() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(d.take(4))), 0).UTC()
}

// count reads how many follow, none if that is more than there may be.
func (d *reader) count() int {
	n := int(d.byte())
	if d.bad = d.bad || n > maxWays; d.bad {
		return 0
	}
	return n
}

func (d *reader) text() string {
	n := int(d.byte())
	if n&0x80 == 0 {
		s := d.take(n)
		d.bad = d.bad || !utf8.Valid(s)
		return string(s)
	}
	units := make([]uint16, n&^0x80)
	for i := range units {
		units[i] = d.uint16()
	}
	return string(utf16.Decode(units))
}

func (d *reader) proto(flags byte) window.Proto {
	if flags&flagUDP != 0 {
		return window.UDP
	}
	return window.TCP
}

func (d *reader) ports() (ports []window.Port) {
	for range d.count() {
		flags := d.byte()
		p := window.Port{Proto: d.proto(flags), Port: d.uint16()}
		if p.WAN = p.Port; flags&flagWAN != 0 {
			p.WAN = d.uint16()
		}
		ports = append(ports, p)
	}
	return ports
}

func (d *reader) targets() (targets []window.Target) {
	for range d.count() {
		flags, size := d.byte(), 4
		if flags&flag6 != 0 {
			size = 16
		}
		a, _ := netip.AddrFromSlice(d.take(size))
		targets = append(targets, window.Target{Addr: a, Proto: d.proto(flags), Port: d.uint16()})
	}
	return targets
}

func (d *reader) prefixes() (all []netip.Prefix) {
	for range d.count() {
		bits, size := int(d.byte()), 4
		if bits > 64 {
			bits, size = bits-64, 16
		}
		if d.bad = d.bad || bits > 8*size; d.bad {
			return nil
		}
		raw := make([]byte, size)
		copy(raw, d.take((bits+7)/8))
		a, _ := netip.AddrFromSlice(raw)
		all = append(all, netip.PrefixFrom(a, bits))
	}
	return all
}

// decode reads what encode wrote. Whatever encode would have written in
// another way is refused, so that one request has one encoding.
func decode(body []byte) (Request, error) {
	d := reader{b: body}
	if v := d.byte(); v != version {
		return Request{}, fmt.Errorf("version %d is not %d", v, version)
	}
	if n := int(d.byte()); n != len(body) {
		return Request{}, fmt.Errorf("%d bytes that say they are %d", len(body), n)
	}
	var r Request
	kind := d.byte()
	if k := int(kind &^ planned); k < len(kinds) {
		r.Kind = kinds[k]
	}
	r.MadeAt = d.time()
	if kind&planned != 0 {
		r.NotBefore = d.time()
	}
	copy(r.Nonce[:], d.take(len(r.Nonce)))
	r.Site = grouped(split(d.take(siteSigns*5/8)), "-")
	r.Length = time.Duration(d.uint16()) * time.Second
	r.Vendor, r.Device = d.text(), d.text()
	switch r.Kind {
	case window.Outbound:
		r.Targets = d.targets()
	case window.Tool:
		r.Tool = d.text()
	default:
		r.Ports = d.ports()
	}
	r.Sources = d.prefixes()
	r.Requester, r.Reason = d.text(), d.text()
	if d.bad {
		return Request{}, errors.New("it ends early")
	}
	if err := r.check(); err != nil {
		return Request{}, err
	}
	if again, err := encode(r); err != nil || !bytes.Equal(again, body) {
		return Request{}, errors.New("it is not in the one form it may have")
	}
	return r, nil
}
