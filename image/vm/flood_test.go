package vm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attacker and attacker6 are where the flood says it comes from. The box's way
// there leads to our side of the cable, so any answer is seen.
var (
	attacker  = netip.MustParseAddr("198.51.100.66")
	attacker6 = netip.MustParseAddr("2001:db8:0:66::66")
)

// A witness counts the frames that come out of the box on one side and have
// certain addresses, by a packet socket: it is none of the box's own.
type witness struct {
	whom     []netip.Addr
	from, to atomic.Uint64 // frames from these addresses, and to them
	all      atomic.Uint64 // frames at all: the box lives
	first    atomic.Pointer[[]byte]
}

// watch counts the attacker's frames until the test ends.
func watch(t *testing.T, s *side) *witness { return watchFrom(t, s, attacker, attacker6) }

func watchFrom(t *testing.T, s *side, whom ...netip.Addr) *witness {
	t.Helper()
	w, fd := &witness{whom: whom}, s.packets(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		frame := make([]byte, 2048)
		for ctx.Err() == nil {
			n, from, err := unix.Recvfrom(fd, frame, 0)
			if err != nil {
				continue // the time-out
			}
			if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
				continue // our own
			}
			w.count(frame[:n])
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

func (w *witness) count(frame []byte) {
	w.all.Add(1)
	if len(frame) < 14+20 {
		return
	}
	ip := frame[14:]
	var from, to netip.Addr
	switch {
	case ip[0]>>4 == 4:
		from, to = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
	case ip[0]>>4 == 6 && len(ip) >= 40:
		from, to = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
	}
	switch {
	case slices.Contains(w.whom, from):
		w.from.Add(1)
	case slices.Contains(w.whom, to):
		w.to.Add(1)
	default:
		return
	}
	first := bytes.Clone(frame)
	w.first.CompareAndSwap(nil, &first)
}

// example is the first frame that should not have come, for the report.
func (w *witness) example() []byte {
	if p := w.first.Load(); p != nil {
		return *p
	}
	return nil
}

// A flood sends every frame of a set to the box's WAN card again and again.
type flood struct{ sent, refused atomic.Uint64 }

// pour floods until the test ends or stop is called.
func pour(t *testing.T, s *side, frames [][]byte) (f *flood, stop func()) {
	t.Helper()
	f = &flood{}
	fd := s.packets(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			for _, frame := range frames {
				if _, err := unix.Write(fd, frame); err != nil {
					f.refused.Add(1) // the box is off, or its card not up: the queue is full
					continue
				}
				f.sent.Add(1)
			}
			<-tick.C
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return f, stop
}

// attack is a flood's frames: UDP, TCP connection requests and pings, to the
// box and to what is behind it, of both families.
func attack() (frames [][]byte) {
	for _, to := range []netip.Addr{boxWAN, boxLAN, device, boxWAN6, boxLAN6, device6} {
		from := attacker
		if to.Is6() {
			from = attacker6
		}
		for _, port := range []uint16{22, 53, 80, 443, 3389, 51820} {
			frames = append(frames, frame(from, to, unix.IPPROTO_TCP, synTo(port)), frame(from, to, unix.IPPROTO_UDP, udpTo(port)))
		}
		kind, proto := byte(8), uint8(unix.IPPROTO_ICMP)
		if to.Is6() {
			kind, proto = 128, unix.IPPROTO_ICMPV6
		}
		frames = append(frames, frame(from, to, proto, []byte{kind, 0, 0, 0, 0x77, 0x77, 0, 1, 'm', 'o', 'n', 'b', 'a', 'n'}))
	}
	return frames
}

func synTo(port uint16) []byte {
	b := make([]byte, 20) // RFC 9293, section 3.1
	binary.BigEndian.PutUint16(b[0:], 40_001)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint32(b[4:], 1)
	b[12], b[13] = 5<<4, 2 // five words; SYN
	binary.BigEndian.PutUint16(b[14:], 65_535)
	return b
}

func udpTo(port uint16) []byte {
	b := make([]byte, 8+18)
	binary.BigEndian.PutUint16(b[0:], 40_002)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

// frame packs a payload for the box's WAN card, with its checksums: a packet
// that is wrong would be dropped for that.
func frame(from, to netip.Addr, proto uint8, payload []byte) []byte {
	mac, _ := net.ParseMAC(wanMAC)
	b := append(append([]byte{}, mac...), 0x02, 0, 0, 0, 0, 1)
	var ip []byte
	if to.Is4() {
		b = append(b, 0x08, 0x00)
		ip = make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, 64, proto
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(payload)))
		copy(ip[12:], from.AsSlice())
		copy(ip[16:], to.AsSlice())
		binary.BigEndian.PutUint16(ip[10:], ^sum(ip))
	} else {
		b = append(b, 0x86, 0xdd)
		ip = make([]byte, 40)
		ip[0], ip[6], ip[7] = 0x60, proto, 64
		binary.BigEndian.PutUint16(ip[4:], uint16(len(payload)))
		copy(ip[8:], from.AsSlice())
		copy(ip[24:], to.AsSlice())
	}
	at := map[uint8]int{unix.IPPROTO_TCP: 16, unix.IPPROTO_UDP: 6, unix.IPPROTO_ICMP: 2, unix.IPPROTO_ICMPV6: 2}[proto]
	over := bytes.Clone(payload)
	if proto != unix.IPPROTO_ICMP { // the pseudo-header
		over = append(over, make([]byte, len(over)%2)...)
		over = append(append(append(over, from.AsSlice()...), to.AsSlice()...), 0, proto)
		over = binary.BigEndian.AppendUint16(over, uint16(len(payload)))
	}
	binary.BigEndian.PutUint16(payload[at:], ^sum(over))
	return append(append(b, ip...), payload...)
}

// sum is the Internet checksum's sum (RFC 1071).
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(b[i]) << 8
		if i+1 < len(b) {
			s += uint32(b[i+1])
		}
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
