package kernel_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// A raw sends hand-made segments from a namespace.
type raw struct {
	fd int
	v6 bool
}

func (n *netns) raw(t testing.TB, v6 bool, proto int) *raw {
	r := &raw{v6: v6}
	n.do(t, func() (err error) {
		family := unix.AF_INET
		if v6 {
			family = unix.AF_INET6
		}
		r.fd, err = unix.Socket(family, unix.SOCK_RAW, proto)
		return err
	})
	t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send sends one transport payload between two addresses, with its checksum
// put at offset sum.
func (r *raw) send(from, to netip.Addr, proto firewall.Proto, b []byte, sum int) error {
	if sum >= 0 {
		binary.BigEndian.PutUint16(b[sum:], 0)
		binary.BigEndian.PutUint16(b[sum:], checksum(from, to, proto, b))
	}
	oob := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: as4(from)})
	var dst unix.Sockaddr = &unix.SockaddrInet4{Addr: as4(to)}
	if r.v6 {
		oob = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: from.As16()})
		dst = &unix.SockaddrInet6{Addr: to.As16()}
	}
	return unix.Sendmsg(r.fd, b, oob, dst, 0)
}

func as4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		b = a.As4()
	}
	return b
}

func checksum(from, to netip.Addr, proto firewall.Proto, b []byte) uint16 {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	if proto == firewall.ICMP {
		pseudo = nil
	} else {
		pseudo = append(pseudo, 0, byte(proto), byte(len(b)>>8), byte(len(b)))
	}
	var s uint32
	for _, part := range [][]byte{pseudo, b} {
		for i := 0; i+1 < len(part); i += 2 {
			s += uint32(part[i])<<8 | uint32(part[i+1])
		}
		if len(part)%2 == 1 {
			s += uint32(part[len(part)-1]) << 8
		}
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

// segment is a TCP header without data.
func segment(sport, port uint16, flags uint8) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint32(b[4:], 12345)
	b[12], b[13] = 5<<4, flags
	binary.BigEndian.PutUint16(b[14:], 1024)
	return b
}

// Every TCP port is tried from outside, and the kernel's counters say exactly
// how many were refused and where. A window open on purpose is found, so the
// probing proves something.
func TestEveryPortIsCounted(t *testing.T) {
	c := newClinic(t)
	c.lan.serve(t, dev4+":3389")
	stranger, vendor := netip.MustParseAddr(stranger4), netip.MustParseAddr(vendor4)
	for _, x := range []struct {
		name     string
		from, to netip.Addr
		counter  string
		step     int
	}{
		{"stranger to the box", stranger, netip.MustParseAddr(wan4), firewall.Refused(true, 4, firewall.TCP), 1},
		{"vendor to the box", vendor, netip.MustParseAddr(wan4), firewall.Refused(true, 4, firewall.TCP), 7},
		{"vendor to the box's IPv6", netip.MustParseAddr(vendor6), netip.MustParseAddr(wan6), firewall.Refused(true, 6, firewall.TCP), 7},
		{"stranger to the page", netip.MustParseAddr(stranger6), netip.MustParseAddr(box6), firewall.Refused(true, 6, firewall.TCP), 7},
		{"vendor to the device", netip.MustParseAddr(vendor6), netip.MustParseAddr(dev6), firewall.Refused(false, 6, firewall.TCP), 1},
	} {
		before, err := c.k.Counts()
		if err != nil {
			t.Fatal(err)
		}
		r := c.out.raw(t, x.from.Is6(), unix.IPPROTO_TCP)
		var sent uint64
		for port := 1; port <= 65535; port += x.step {
			sent++
			if err := r.send(x.from, x.to, firewall.TCP, segment(40000, uint16(port), firewall.FlagSYN), 16); err != nil {
				t.Fatalf("%s port %d: %v", x.name, port, err)
			}
		}
		var n uint64
		for range 100 {
			after, err := c.k.Counts()
			if err != nil {
				t.Fatal(err)
			}
			if n = after.Named[x.counter].Packets - before.Named[x.counter].Packets; n >= sent {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n != sent {
			t.Errorf("%s: %d of %d counted in %s", x.name, n, sent, x.counter)
		}
	}
	c.open(2, time.Minute, way(firewall.TCP, false))
	if s, _, err := c.out.dial(t, "tcp", vendor4, wan4+":13389"); err != nil {
		t.Error("the open port was not found:", err)
	} else {
		eventually(t, "the open port answers", func() bool { return s.n.Load() > 0 })
	}
}
