package lab

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Capture counts the TCP and UDP packets, and the errors about them, that go through interfaces of this
// host, by packet sockets: a witness of the rules that is none of the rules'.
type Capture struct {
	Devs  []string // interfaces; at least one
	Ports []uint16 // only packets from or to one of these ports; all if empty
}

// A Catch is what a capture has seen so far.
type Catch struct {
	At      int64    `json:"at"`      // Unix ns
	Dropped uint64   `json:"dropped"` // packets that came too fast: with any, nothing is proven
	Flows   []Caught `json:"flows"`
}

// Caught is one direction of one flow at one interface. First and Last are the
// kernel's own stamps, in Unix nanoseconds.
type Caught struct {
	Dev     string         `json:"dev"`
	Out     bool           `json:"out"`   // sent by this host, or passed on
	Proto   string         `json:"proto"` // tcp, udp; icmp: an error about such a flow
	From    netip.AddrPort `json:"from"`
	To      netip.AddrPort `json:"to"`
	Packets uint64         `json:"packets"`
	Bytes   uint64         `json:"bytes"` // of IP packets, headers included
	First   int64          `json:"first"`
	Last    int64          `json:"last"`
}

// caughtKey is what Caught are told apart by.
type caughtKey struct {
	tap      int
	out      bool
	proto    uint8
	from, to netip.AddrPort
}

// A tap is the packet socket of one interface.
type tap struct {
	dev     string
	fd      int
	ring    []byte // frames of ringFrame bytes
	next    int    // frame
	dropped uint64
}

// A ring shared with the kernel (packet_mmap) takes heads of packets alone: a
// socket's own buffer would be full of their bodies, and is small for users
// without rights on the machine. It holds 16,384 packets.
const (
	ringFrame  = 256
	ringBlock  = 1 << 20
	ringBlocks = 4
)

// Run captures until ctx ends, and then writes what it saw as one line of
// JSON. It does so as well whenever something comes in at in, if given. First
// it says that it has begun, with a Catch of nothing. It needs CAP_NET_RAW.
func (c Capture) Run(ctx context.Context, in *os.File, out io.Writer) error {
	if len(c.Devs) == 0 {
		return errors.New("capturing: no interface")
	}
	var taps []*tap
	defer func() {
		for _, t := range taps {
			t.close()
		}
	}()
	for _, dev := range c.Devs {
		t, err := newTap(dev)
		if err != nil {
			return fmt.Errorf("capturing at %s: %w", dev, err)
		}
		taps = append(taps, t)
	}
	seen, enc := map[caughtKey]*Caught{}, json.NewEncoder(out)
	tell := func() error { return enc.Encode(catch(taps, seen)) }
	if err := tell(); err != nil {
		return err
	}
	fds := make([]unix.PollFd, len(taps))
	for i, t := range taps {
		fds[i] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN}
	}
	if in != nil {
		fds = append(fds, unix.PollFd{Fd: int32(in.Fd()), Events: unix.POLLIN})
	}
	for {
		over := ctx.Err() != nil
		if _, err := unix.Poll(fds, 20); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for packets: %w", err)
		}
		asked := false
		if len(fds) > len(taps) && fds[len(taps)].Revents != 0 {
			n, err := unix.Read(int(fds[len(taps)].Fd), make([]byte, 4096))
			if asked = n > 0; n <= 0 && !errors.Is(err, unix.EINTR) {
				fds = fds[:len(taps)] // nobody will ask any more
			}
		}
		// What came before the question is counted before it is answered.
		for i, t := range taps {
			t.drain(func(p packet) { c.count(seen, i, t.dev, p) })
		}
		if asked || over {
			if err := tell(); err != nil || over {
				return err
			}
		}
	}
}

func (c Capture) count(seen map[caughtKey]*Caught, tap int, dev string, p packet) {
	if len(c.Ports) > 0 && !slices.Contains(c.Ports, p.from.Port()) && !slices.Contains(c.Ports, p.to.Port()) {
		return
	}
	k := caughtKey{tap, p.out, p.proto, p.from, p.to}
	f := seen[k]
	if f == nil {
		f = &Caught{Dev: dev, Out: p.out, Proto: protocol(p.proto), From: p.from, To: p.to, First: p.at}
		seen[k] = f
	}
	f.Packets++
	f.Bytes += uint64(p.length)
	f.Last = p.at
}

func catch(taps []*tap, seen map[caughtKey]*Caught) Catch {
	c := Catch{At: time.Now().UnixNano(), Flows: []Caught{}}
	for _, t := range taps {
		if s, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			t.dropped += uint64(s.Drops) // reading it sets it back
		}
		c.Dropped += t.dropped
	}
	for _, f := range seen {
		c.Flows = append(c.Flows, *f)
	}
	slices.SortFunc(c.Flows, func(a, b Caught) int { return int(a.First - b.First) })
	return c
}

func newTap(dev string) (*tap, error) {
	l, err := net.InterfaceByName(dev)
	if err != nil {
		return nil, err
	}
	// No protocol yet: nothing is received before the socket is bound.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	t := &tap{dev: dev, fd: fd}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2)
	if err == nil {
		err = unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{
			Block_size: ringBlock, Block_nr: ringBlocks, Frame_size: ringFrame, Frame_nr: ringBlocks * ringBlock / ringFrame})
	}
	if err == nil {
		t.ring, err = unix.Mmap(fd, 0, ringBlocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		all := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL})
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: l.Index})
	}
	if err != nil {
		t.close()
		return nil, fmt.Errorf("setting up a packet socket: %w", err)
	}
	return t, nil
}

func (t *tap) close() {
	if t.ring != nil {
		_ = unix.Munmap(t.ring)
	}
	unix.Close(t.fd)
}

// A packet is what counts of one.
type packet struct {
	at       int64
	out      bool
	proto    uint8
	from, to netip.AddrPort
	length   int
}

// Where things are in a frame of TPACKET_V2: struct tpacket2_hdr, then a
// sockaddr_ll (packet(7)).
const (
	frameSnaplen = 8
	frameNet     = 14
	frameSec     = 16
	frameNsec    = 20
	framePkttype = 32 + 10
)

// drain hands every packet that waits to f.
func (t *tap) drain(f func(packet)) {
	for {
		b := t.ring[t.next*ringFrame:][:ringFrame]
		status := (*uint32)(unsafe.Pointer(&b[0])) // the kernel's turn or ours
		if atomic.LoadUint32(status)&unix.TP_STATUS_USER == 0 {
			return
		}
		head := int(binary.NativeEndian.Uint16(b[frameNet:]))
		end := head + int(binary.NativeEndian.Uint32(b[frameSnaplen:]))
		if p, ok := parsePacket(b[min(head, ringFrame):min(end, ringFrame)]); ok {
			p.out = b[framePkttype] == unix.PACKET_OUTGOING
			p.at = int64(binary.NativeEndian.Uint32(b[frameSec:]))*1e9 + int64(binary.NativeEndian.Uint32(b[frameNsec:]))
			f(p)
		}
		atomic.StoreUint32(status, unix.TP_STATUS_KERNEL)
		t.next = (t.next + 1) % (len(t.ring) / ringFrame)
	}
}

// parsePacket reads the head of an IP packet. An ICMP error counts as a packet
// of the flow that it is about, from its target back to its source. ok is false
// for other packets without ports, for later fragments, and for IPv6 with
// extension headers.
func parsePacket(b []byte) (p packet, ok bool) {
	length, proto, from, to, rest, ok := parseIP(b)
	if !ok {
		return p, false
	}
	p = packet{proto: proto, length: length}
	kind := byte(255)
	if len(rest) > 8 {
		kind = rest[0]
	}
	switch {
	case proto == unix.IPPROTO_TCP || proto == unix.IPPROTO_UDP:
		if len(rest) < 4 {
			return p, false
		}
		p.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(rest))
		p.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(rest[2:]))
		return p, true
	case proto == unix.IPPROTO_ICMP && (kind == 3 || kind == 11 || kind == 12), // RFC 792
		proto == unix.IPPROTO_ICMPV6 && kind >= 1 && kind <= 4: // RFC 4443
		_, about, source, target, ports, ok := parseIP(rest[8:])
		if !ok || about != unix.IPPROTO_TCP && about != unix.IPPROTO_UDP || len(ports) < 4 {
			return p, false
		}
		p.from = netip.AddrPortFrom(target, binary.BigEndian.Uint16(ports[2:]))
		p.to = netip.AddrPortFrom(source, binary.BigEndian.Uint16(ports))
		return p, true
	}
	return p, false
}

func parseIP(b []byte) (length int, proto uint8, from, to netip.Addr, rest []byte, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		head := int(b[0]&0x0f) * 4
		if head < 20 || head > len(b) || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
			return 0, 0, from, to, nil, false
		}
		return int(binary.BigEndian.Uint16(b[2:])), b[9], netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[head:], true
	case len(b) >= 40 && b[0]>>4 == 6:
		return 40 + int(binary.BigEndian.Uint16(b[4:])), b[6], netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[40:], true
	}
	return 0, 0, from, to, nil, false
}

// protocol names a protocol; an ICMP error's is "icmp" in both families.
func protocol(proto uint8) string {
	switch proto {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	}
	return "icmp"
}
