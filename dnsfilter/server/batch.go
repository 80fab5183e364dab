package server

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many questions are read, and answers sent, with one
	// call of the system. The first of a full batch waits for the last, some
	// twenty microseconds; one that comes alone waits for nobody.
	batchSize = 32
	// queryRoom is a little more than maxQuery, so that the questions of a
	// batch do not fall into the same lines of the processor's cache.
	queryRoom = maxQuery + 192
	// answerRoom is what an answer may grow to before it is cut to the length
	// its asker takes; a longer one is written elsewhere.
	answerRoom = ednsSize + 16
)

// mmsghdr is the kernel's: a message, and how many octets of it came.
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// A batch is questions of one socket on their way in and their answers on
// their way out. The standard library reads one at a time, and package ipv4
// allocates an address for each.
type batch struct {
	raw  syscall.RawConn
	lost *counters

	in, out [batchSize]mmsghdr
	parts   [2 * batchSize]unix.Iovec
	from    [batchSize]unix.RawSockaddrInet6 // or Inet4, which is shorter
	oob     [batchSize]control
	pkts    [batchSize][queryRoom]byte
	dsts    [batchSize][answerRoom]byte

	read, write func(fd uintptr) bool // made once: a closure a call would be allocated
	got, sent   int
	answers     int // of out
	err         error
}

func newBatch(u *udpSocket) (*batch, error) {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{raw: raw, lost: u.lost}
	b.read, b.write = b.readOnce, b.writeAll
	for i := range b.in {
		h, part := &b.in[i], &b.parts[i]
		part.Base = &b.pkts[i][0]
		part.SetLen(maxQuery)
		h.Name, h.Iov = (*byte)(unsafe.Pointer(&b.from[i])), part
		h.SetIovlen(1)
		if u.any {
			h.Control = &b.oob[i].b[0]
		}
		b.expect(i)
		out := &b.out[i]
		out.Iov = &b.parts[batchSize+i]
		out.SetIovlen(1)
	}
	return b, nil
}

// expect makes place i ready for a question: the kernel notes there how long
// the last one's address and control were.
func (b *batch) expect(i int) {
	h := &b.in[i]
	h.Namelen = unix.SizeofSockaddrInet6
	if h.Control != nil {
		h.SetControllen(len(b.oob[i].b))
	}
}

// receive waits for a question and takes those that are there with it. It
// returns how many, at least one.
func (b *batch) receive() (int, error) {
	for i := range b.got {
		b.expect(i)
	}
	b.got, b.err = 0, nil
	if err := b.raw.Read(b.read); err != nil {
		return 0, err
	}
	return b.got, b.err
}

// The calls of the system here and below never wait, and are raw: told of a
// call after a pause, the runtime wakes its monitor thread, which sleeps again
// some microseconds later, and that costs more than answering the question.

func (b *batch) readOnce(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			b.got = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			b.err = os.NewSyscallError("recvmmsg", errno)
			return true
		}
	}
}

// question returns what came as number i.
func (b *batch) question(i int) []byte { return b.pkts[i][:min(b.in[i].n, maxQuery)] }

// room is where to write the answer to it.
func (b *batch) room(i int) []byte { return b.dsts[i][:0] }

// asker fills a with who asked it; false if that is nobody who can be answered.
func (b *batch) asker(i int, a *asker, u *udpSocket) bool {
	*a = asker{sock: u}
	from := &b.from[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&from.Port))[:])
	var addr netip.Addr
	switch from.Family {
	case unix.AF_INET:
		addr = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(from)).Addr)
	case unix.AF_INET6:
		if addr = netip.AddrFrom16(from.Addr).Unmap(); from.Scope_id != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(from.Scope_id), 10))
		}
	default:
		return false
	}
	a.addr = netip.AddrPortFrom(addr, port)
	if u.any {
		a.oob.n = min(int(b.in[i].Controllen), len(a.oob.b))
		copy(a.oob.b[:a.oob.n], b.oob[i].b[:])
	}
	return true
}

// add puts answer, to question i, among those to be sent. It must stay as it
// is until then.
func (b *batch) add(i int, answer []byte) {
	in, out := &b.in[i], &b.out[b.answers]
	out.Name, out.Namelen = in.Name, in.Namelen
	out.Control, out.Controllen = in.Control, in.Controllen // from where it was asked
	out.Iov.Base = &answer[0]
	out.Iov.SetLen(len(answer))
	b.answers++
}

// flush sends the answers. One that cannot be sent is lost like any other
// datagram: the client asks again.
func (b *batch) flush() {
	if b.sent = 0; b.answers > 0 {
		if err := b.raw.Write(b.write); err != nil {
			b.lost.unsent.Add(uint64(b.answers - b.sent))
		}
		b.answers = 0
	}
}

func (b *batch) writeAll(fd uintptr) bool {
	return sendAll(fd, b.out[:b.answers], &b.sent, b.lost)
}

// sendAll sends what of out is not sent yet; false if fd takes no more now.
func sendAll(fd uintptr, out []mmsghdr, sent *int, lost *counters) bool {
	for *sent < len(out) {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&out[*sent])), uintptr(len(out)-*sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			*sent += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default: // it says why the first of them did not go
			lost.unsent.Add(1)
			*sent++
		}
	}
	return true
}
