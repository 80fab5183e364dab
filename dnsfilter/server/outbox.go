package server

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An outbox sends the answers that come later, from flights, to the askers of
// one socket: those that are ready in the same moment with one call of the
// system, which halves what each costs.
type outbox struct {
	raw  syscall.RawConn
	four bool // the socket is of IPv4, not of IPv6 or both
	lost *counters

	mu    sync.Mutex
	open  *parcel // is being filled; nil: nothing is in it
	spare *parcel
}

// A parcel is answers that are sent together.
type parcel struct {
	out   [batchSize]mmsghdr
	parts [batchSize]unix.Iovec
	to    [batchSize]unix.RawSockaddrInet6 // or Inet4, which is shorter
	oob   [batchSize]control
	text  [batchSize][]byte

	n, sent int
	write   func(fd uintptr) bool
}

// post sends b, which must stay as it is, to a. Whoever posts first lets all
// others who could go on now go on before it sends for them.
func (o *outbox) post(b []byte, a *asker) {
	o.mu.Lock()
	p := o.open
	if p == nil {
		p = o.fresh()
	}
	p.add(b, a, o.four)
	o.open = p
	switch {
	case p.n == batchSize:
		o.open = nil
		o.mu.Unlock()
	case p.n == 1:
		o.mu.Unlock()
		runtime.Gosched()
		if !o.close(p) { // it became full
			return
		}
	default:
		o.mu.Unlock()
		return
	}
	if err := o.raw.Write(p.write); err != nil {
		o.lost.unsent.Add(uint64(p.n - p.sent))
	}
	clear(p.text[:p.n])
	p.n = 0
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = p
}

func (o *outbox) fresh() *parcel {
	p := o.spare
	if o.spare = nil; p == nil {
		p = &parcel{}
		p.write = func(fd uintptr) bool { return sendAll(fd, p.out[:p.n], &p.sent, o.lost) }
	}
	p.sent = 0
	return p
}

// close takes p out of the box, if it is still the open one.
func (o *outbox) close(p *parcel) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open != p {
		return false
	}
	o.open = nil
	return true
}

func (p *parcel) add(b []byte, a *asker, four bool) {
	i := p.n
	h, part := &p.out[i], &p.parts[i]
	p.text[i], p.oob[i] = b, a.oob
	part.Base = &b[0]
	part.SetLen(len(b))
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&p.to[i])), sockaddr(&p.to[i], a.addr, four)
	h.Iov = part
	h.SetIovlen(1)
	h.Control = nil
	if h.SetControllen(a.oob.n); a.oob.n > 0 {
		h.Control = &p.oob[i].b[0]
	}
	p.n++
}

// sockaddr writes a as the kernel has it, and returns how long that is. On a
// socket of IPv6 an address of IPv4 is a mapped one (RFC 4291 section 2.5.5.2).
func sockaddr(to *unix.RawSockaddrInet6, a netip.AddrPort, four bool) uint32 {
	if four {
		to := (*unix.RawSockaddrInet4)(unsafe.Pointer(to))
		*to = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], a.Port())
		return unix.SizeofSockaddrInet4
	}
	*to = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.Addr().As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], a.Port())
	if zone := a.Addr().Zone(); zone != "" { // a number: see batch.asker
		n, _ := strconv.ParseUint(zone, 10, 32)
		to.Scope_id = uint32(n)
	}
	return unix.SizeofSockaddrInet6
}
