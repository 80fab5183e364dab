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
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"monban/gateway/run"
)

// A Flood sends as much as it is told to, or as goes through: zeros to an echo
// service by TCP, or numbered datagrams to a Sink, which can say what is missing.
type Flood struct {
	Net  string // tcp or udp
	To   netip.AddrPort
	Size int           // of a datagram's data, 8 to 1452
	Rate int64         // bits per second of data; 0: what goes
	For  time.Duration // required
	// Together is how many datagrams travel as one until the receiver, as a
	// network card's offloading has it; 1 if 0. At most 44.
	Together int
}

// A Flooded is what a flood sent. Sent are datagrams; Refused are those that
// the kernel did not take.
type Flooded struct {
	Sent    uint64        `json:"sent"`
	Refused uint64        `json:"refused"`
	Bytes   uint64        `json:"bytes"`
	Took    time.Duration `json:"took_ns"`
}

// floodBatch is how many datagrams one system call sends. Less than a
// receiver's queue holds (1000 packets).
const floodBatch = 64

// Run sends until the time is over.
func (f Flood) Run(ctx context.Context) (Flooded, error) {
	ctx, cancel := context.WithTimeout(ctx, f.For)
	defer cancel()
	if f.Net == "udp" {
		return f.datagrams(ctx)
	}
	return f.stream(ctx)
}

// stream pushes zeros through one connection, and drops what comes back. It
// returns when the peer has taken all of them.
func (f Flood) stream(ctx context.Context) (Flooded, error) {
	var r Flooded
	c, err := dialFrom(ctx, "tcp", "", f.To.String())
	if err != nil {
		return r, err
	}
	defer c.Close()
	g, _ := run.NewGroup(ctx)
	g.Go("hearing", func(context.Context) error {
		_, err := io.Copy(io.Discard, c)
		return err
	})
	began, zeros := time.Now(), make([]byte, 256<<10)
	for ctx.Err() == nil {
		n, err := c.Write(zeros)
		if r.Bytes += uint64(n); err != nil {
			return r, fmt.Errorf("sending: %w", err)
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return r, fmt.Errorf("sending: %w", err)
	}
	err = g.Wait() // the peer closes when it has read all
	r.Took = time.Since(began)
	return r, err
}

// datagrams sends numbered datagrams, many with each system call: what the
// calls cost is no part of what is measured.
func (f Flood) datagrams(ctx context.Context) (Flooded, error) {
	var r Flooded
	together := max(1, f.Together)
	if f.Size < 8 || f.Size > 1452 || together > 44 {
		return r, errors.New("flooding: datagrams of 8 to 1452 bytes, at most 44 together")
	}
	fd, err := datagramSocket(f.To.Addr())
	if err != nil {
		return r, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, sockaddr(f.To)); err != nil {
		return r, fmt.Errorf("flooding %s: %w", f.To, err)
	}
	if together > 1 {
		if err := unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, f.Size); err != nil {
			return r, fmt.Errorf("sending datagrams together: %w", err)
		}
	}
	b := newBatch(floodBatch/together+1, f.Size*together)
	began := time.Now()
	for ctx.Err() == nil {
		due := len(b.data)
		if f.Rate > 0 {
			all := time.Since(began).Seconds() * float64(f.Rate) / float64(8*f.Size)
			if due = min(due, int(all-float64(r.Sent))/together); due <= 0 {
				time.Sleep(100 * time.Microsecond)
				continue
			}
		}
		for i := range due * together {
			binary.BigEndian.PutUint64(b.data[i/together][i%together*f.Size:], r.Sent+uint64(i))
		}
		n, err := b.send(fd, due)
		r.Sent += uint64(n * together)
		switch {
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ECONNREFUSED):
			r.Refused++ // its number goes to the next
		case err != nil && !errors.Is(err, unix.EINTR):
			return r, fmt.Errorf("flooding %s: %w", f.To, err)
		}
	}
	r.Took, r.Bytes = time.Since(began), r.Sent*uint64(f.Size)
	return r, nil
}

// A batch is what sendmmsg(2) and recvmmsg(2) work on: datagrams of one size.
type batch struct {
	data [][]byte
	iov  []unix.Iovec
	hdr  []mmsghdr
	oob  [][]byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2), padded as the compiler of the
// kernel does.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [unsafe.Sizeof(uintptr(0)) - 4]byte
}

func newBatch(n, size int) *batch {
	b := &batch{iov: make([]unix.Iovec, n), hdr: make([]mmsghdr, n)}
	for i := range n {
		b.data = append(b.data, make([]byte, size))
		b.iov[i].Base = &b.data[i][0]
		b.iov[i].SetLen(size)
		b.hdr[i].hdr.Iov = &b.iov[i]
		b.hdr[i].hdr.SetIovlen(1)
	}
	return b
}

// send sends the first n and returns how many the kernel took.
func (b *batch) send(fd, n int) (int, error) {
	return b.call(unix.SYS_SENDMMSG, fd, n, 0)
}

// receive waits for one and takes as many as there are.
func (b *batch) receive(fd int) (int, error) {
	return b.call(unix.SYS_RECVMMSG, fd, len(b.hdr), unix.MSG_WAITFORONE)
}

func (b *batch) call(trap uintptr, fd, n, flags int) (int, error) {
	done, _, errno := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&b.hdr[0])), uintptr(n), uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(done), nil
}

// A Sink takes the datagrams that floods send.
type Sink struct{ At netip.AddrPort }

// A Sunk is what a sink took: how many datagrams, the highest number and one,
// and how many came too fast for it.
type Sunk struct {
	Got      uint64 `json:"got"`
	Next     uint64 `json:"next"`
	Overflow uint64 `json:"overflow"`
	Bytes    uint64 `json:"bytes"`
}

// Run takes until ctx ends. It writes a Sunk of nothing when it is there and
// what it took at the end, each as a line of JSON.
func (s Sink) Run(ctx context.Context, out io.Writer) error {
	enc := json.NewEncoder(out)
	fd, err := datagramSocket(s.At.Addr())
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, sockaddr(s.At)); err != nil {
		return fmt.Errorf("listening at %s: %w", s.At, err)
	}
	if err := enc.Encode(Sunk{}); err != nil {
		return err
	}
	r, err := takeDatagrams(ctx, fd)
	if err != nil {
		return err
	}
	return enc.Encode(r)
}

// takeDatagrams reads until ctx ends and nothing more waits.
func takeDatagrams(ctx context.Context, fd int) (Sunk, error) {
	var r Sunk
	b := newBatch(floodBatch, 2048)
	for i := range b.hdr {
		b.oob = append(b.oob, make([]byte, 64))
		b.hdr[i].hdr.Control = &b.oob[i][0]
	}
	for {
		for i := range b.hdr {
			b.hdr[i].hdr.SetControllen(len(b.oob[i]))
		}
		n, err := b.receive(fd)
		switch {
		case errors.Is(err, unix.EAGAIN): // nothing came for a while
			if ctx.Err() != nil {
				return r, nil
			}
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return r, fmt.Errorf("taking datagrams: %w", err)
		}
		for i := range n {
			size := int(b.hdr[i].len)
			r.Got++
			r.Bytes += uint64(size)
			if size >= 8 {
				r.Next = max(r.Next, binary.BigEndian.Uint64(b.data[i])+1)
			}
			r.Overflow = max(r.Overflow, overflowOf(b.oob[i][:b.hdr[i].hdr.Controllen]))
		}
	}
}

// overflowOf is how many datagrams the socket has lost since it was opened.
func overflowOf(oob []byte) uint64 {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL && len(m.Data) >= 4 {
			return uint64(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// sinkBuffer is what a socket may hold while nobody reads.
const sinkBuffer = 32 << 20

// datagramSocket has room for a tenth of a second at 1 Gbit/s, and wakes its
// reader ten times a second.
func datagramSocket(of netip.Addr) (int, error) {
	family := unix.AF_INET6
	if of.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	wake := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
	for _, buffer := range []int{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF} { // the first needs the machine's rights
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, buffer, sinkBuffer) == nil {
			break
		}
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wake))
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("setting up a socket: %w", err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
