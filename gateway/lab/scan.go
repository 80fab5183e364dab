package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Scan asks every port of a target by a raw SYN (RFC 9293), so that no
// socket of this host has an opinion of its own.
type Scan struct {
	Target   netip.Addr
	From, To uint16        // first and last port; 1 and 65535 if 0
	Wait     time.Duration // for answers after the last probe; 1 s if 0
}

// A ScanResult counts what went out and what came back. Sent is what the
// kernel took from us; every other port is Silent.
type ScanResult struct {
	Target netip.Addr `json:"target"`
	Source netip.Addr `json:"source"`
	Sent   int        `json:"sent"`
	Open   []uint16   `json:"open"`   // answered SYN+ACK
	Closed int        `json:"closed"` // answered RST
	Silent int        `json:"silent"`
	// Dropped is what the sending interface says it lost; a scan with any is
	// no proof.
	Dropped uint64 `json:"dropped"`
}

// Answers are taken in every scanDrain probes, and every scanBurst the sender
// waits until none came for scanPause: a veth's receiver has a queue of 1000
// packets and our socket one of some 250, and what overflows them is lost in
// silence.
const (
	scanDrain = 32
	scanBurst = 512
	scanPause = time.Millisecond
)

// Run scans. It needs CAP_NET_RAW.
func (s Scan) Run(ctx context.Context) (ScanResult, error) {
	if s.From == 0 {
		s.From = 1
	}
	if s.To == 0 {
		s.To = 65535
	}
	if s.Wait == 0 {
		s.Wait = time.Second
	}
	r := ScanResult{Target: s.Target, Open: []uint16{}}
	source, link, err := routeTo(s.Target)
	if err != nil {
		return r, err
	}
	r.Source = source
	before, err := dropped(link)
	if err != nil {
		return r, err
	}
	fd, err := rawTCP(s.Target)
	if err != nil {
		return r, err
	}
	defer unix.Close(fd)
	own := uint16(40000 + time.Now().UnixNano()%20000)
	answers := map[uint16]byte{}
	for p := int(s.From); p <= int(s.To); p++ {
		if err := sendSYN(fd, source, s.Target, own, uint16(p)); err != nil {
			return r, err
		}
		r.Sent++
		quiet := time.Duration(0)
		if r.Sent%scanBurst == 0 {
			quiet = scanPause
		}
		if r.Sent%scanDrain == 0 {
			if err := hear(ctx, fd, s.Target, own, answers, quiet); err != nil {
				return r, err
			}
		}
	}
	for until := time.Now().Add(s.Wait); time.Now().Before(until); {
		if err := hear(ctx, fd, s.Target, own, answers, time.Until(until)); err != nil {
			return r, err
		}
	}
	for p, flags := range answers {
		if flags&flagRST != 0 {
			r.Closed++
		} else {
			r.Open = append(r.Open, p)
		}
	}
	slices.Sort(r.Open)
	r.Silent = r.Sent - r.Closed - len(r.Open)
	after, err := dropped(link)
	r.Dropped = after - before
	return r, err
}

const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// rawTCP opens a raw socket of the target's family.
func rawTCP(target netip.Addr) (int, error) {
	family := unix.AF_INET
	if target.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return 0, fmt.Errorf("opening a raw socket: %w", err)
	}
	return fd, nil
}

// sendSYN sends one SYN; a full queue is waited for.
func sendSYN(fd int, from, to netip.Addr, sport, dport uint16) error {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b[0:], sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	binary.BigEndian.PutUint32(b[4:], 0x6d6f6e00+uint32(dport))
	b[12], b[13] = 5<<4, flagSYN
	binary.BigEndian.PutUint16(b[14:], 64240)
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	pseudo = append(pseudo, 0, unix.IPPROTO_TCP, 0, byte(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(pseudo, b))
	var sa unix.Sockaddr = &unix.SockaddrInet6{Addr: to.As16()}
	if to.Is4() {
		sa = &unix.SockaddrInet4{Addr: to.As4()}
	}
	for {
		err := unix.Sendto(fd, b, 0, sa)
		if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) {
			time.Sleep(scanPause)
			continue
		}
		if err != nil {
			return fmt.Errorf("probing port %d: %w", dport, err)
		}
		return nil
	}
}

// hear notes the first answer of each port of target to our own port, until
// none came for quiet.
func hear(ctx context.Context, fd int, target netip.Addr, own uint16, answers map[uint16]byte, quiet time.Duration) error {
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(quiet.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for answers: %w", err)
		}
		if n == 0 {
			return nil
		}
		size, sa, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("hearing answers: %w", err)
		}
		var from netip.Addr
		switch a := sa.(type) {
		case *unix.SockaddrInet4:
			from = netip.AddrFrom4(a.Addr)
		case *unix.SockaddrInet6:
			from = netip.AddrFrom16(a.Addr)
		}
		port, to, flags, ok := parseAnswer(buf[:size], from.Is4())
		if _, known := answers[port]; ok && !known && from == target && to == own {
			answers[port] = flags
		}
	}
	return ctx.Err()
}

// parseAnswer reads what a raw TCP socket gives: in IPv4 the IP header comes
// first. ok is false for what answers no SYN.
func parseAnswer(b []byte, v4 bool) (from, to uint16, flags byte, ok bool) {
	if v4 {
		if len(b) == 0 {
			return 0, 0, 0, false
		}
		b = b[min(len(b), int(b[0]&0x0f)*4):]
	}
	if len(b) < 20 {
		return 0, 0, 0, false
	}
	flags = b[13]
	ok = flags&flagRST != 0 || flags&(flagSYN|flagACK) == flagSYN|flagACK
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), flags, ok
}

// routeTo returns the address and interface this host uses towards a.
func routeTo(a netip.Addr) (netip.Addr, string, error) {
	c, err := net.Dial("udp", netip.AddrPortFrom(a, 9).String()) // sends nothing
	if err != nil {
		return netip.Addr{}, "", fmt.Errorf("finding the way to %s: %w", a, err)
	}
	defer c.Close()
	source := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	link, err := linkOf(source)
	if err != nil {
		return source, "", fmt.Errorf("finding the way to %s: %w", a, err)
	}
	return source, link, nil
}

// linkOf is the interface of this host that has the address.
func linkOf(a netip.Addr) (string, error) {
	links, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("listing interfaces: %w", err)
	}
	for _, l := range links {
		addrs, err := l.Addrs()
		if err != nil {
			continue
		}
		for _, p := range addrs {
			if ip, ok := p.(*net.IPNet); ok && ip.IP.Equal(a.AsSlice()) {
				return l.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has %s", a)
}
