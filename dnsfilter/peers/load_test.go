package peers_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A load is questions sent to one server, in batches and from one thread, so
// that the server is the slower one.
type load struct {
	to      netip.AddrPort
	free    bool // the answer is the question: the floor
	clients int  // how many addresses ask
	lanes   []*lane
	q       *questions
	began   time.Time
	got     result
}

// A result is what a load saw.
type result struct {
	sent, answered, wrong, lost int
	took                        time.Duration
	late                        []uint32 // ns of each answer
}

const (
	lanes    = 8
	window   = 100 // questions on their way at a time, of all lanes
	batch    = 32
	giveUp   = 400 * time.Millisecond
	packet   = 512
	pktinfo  = unix.SizeofCmsghdr + 16
	firstIP4 = 127<<24 | 1<<8 // 127.0.1.0; the clients follow
)

// A lane is a socket: a source port.
type lane struct {
	fd     int
	id     uint16
	open   int
	sent   [1 << 16]int64 // when, ns since the load began, and the kind; 0: not
	tx, rx batches
}

// mmsg is the kernel's struct mmsghdr.
type mmsg struct {
	hdr unix.Msghdr
	n   uint32
}

type batches struct {
	msgs [batch]mmsg
	iov  [batch]unix.Iovec
	data [batch][packet]byte
	name unix.RawSockaddrInet4
	oob  [batch][pktinfo]byte
	kind [batch]kind
	ids  [batch]uint16
}

func newLoad(to netip.AddrPort, q *questions, clients, n int) (*load, error) {
	l := &load{to: to, q: q, clients: clients}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("opening a lane: %w", err)
		}
		a := &lane{fd: fd}
		l.lanes = append(l.lanes, a)
		if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
			return nil, fmt.Errorf("opening a lane: %w", err)
		}
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
		a.tx.name.Family = unix.AF_INET
		a.tx.name.Addr = to.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&a.tx.name.Port))[:], to.Port())
		for i := range batch {
			t, r := &a.tx, &a.rx
			t.iov[i].Base, r.iov[i].Base = &t.data[i][0], &r.data[i][0]
			r.iov[i].SetLen(packet)
			t.msgs[i].hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&t.name)), Namelen: unix.SizeofSockaddrInet4, Iov: &t.iov[i], Control: &t.oob[i][0]}
			t.msgs[i].hdr.SetIovlen(1)
			t.msgs[i].hdr.SetControllen(pktinfo)
			r.msgs[i].hdr = unix.Msghdr{Iov: &r.iov[i]}
			r.msgs[i].hdr.SetIovlen(1)
			h := (*unix.Cmsghdr)(unsafe.Pointer(&t.oob[i][0]))
			h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
			h.SetLen(unix.SizeofCmsghdr + unix.SizeofInet4Pktinfo)
		}
	}
	return l, nil
}

func (l *load) close() {
	for _, a := range l.lanes {
		unix.Close(a.fd)
	}
}

func mmsgs(trap uintptr, fd int, m []mmsg) int {
	n, _, e := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

func (l *load) now() int64 { return int64(time.Since(l.began)) }

// send sends n questions of m on a, at most a batch, and says how many went.
// due is when they were to be sent.
func (l *load) send(a *lane, m *mix, n int, due int64) int {
	t := &a.tx
	n = min(n, batch)
	k := 0
	for ; k < n; k++ {
		id := a.id + uint16(k)
		if a.sent[id] != 0 {
			break
		}
		size, what := l.q.next(t.data[k][:], m, id)
		t.iov[k].SetLen(size)
		t.kind[k], t.ids[k] = what, id
		who := uint32(firstIP4 + 1 + (int(id)*lanes)%l.clients)
		if l.clients == 1 {
			who = 127<<24 | 1
		}
		info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&t.oob[k][unix.SizeofCmsghdr]))
		binary.BigEndian.PutUint32(info.Spec_dst[:], who)
	}
	if k == 0 {
		return 0
	}
	for i := range k { // before: an answer may be there before the call returns
		a.sent[t.ids[i]] = due<<2 | int64(t.kind[i])
	}
	done := mmsgs(unix.SYS_SENDMMSG, a.fd, t.msgs[:k])
	for i := done; i < k; i++ {
		a.sent[t.ids[i]] = 0
	}
	a.id += uint16(done)
	a.open += done
	l.got.sent += done
	return done
}

// receive takes what is there on a.
func (l *load) receive(a *lane) (got int) {
	for {
		n := mmsgs(unix.SYS_RECVMMSG, a.fd, a.rx.msgs[:])
		now := l.now()
		for i := range n {
			b := a.rx.data[i][:min(a.rx.msgs[i].n, packet)]
			if len(b) < 12 {
				continue
			}
			id := binary.BigEndian.Uint16(b)
			was := a.sent[id]
			if was == 0 {
				continue
			}
			a.sent[id] = 0
			a.open--
			if l.free || right(b, kind(was&3)) {
				l.got.answered++
				l.got.late = append(l.got.late, uint32(min(now-was>>2, math.MaxUint32)))
			} else {
				l.got.wrong++
			}
		}
		if got += n; n < batch {
			return got
		}
	}
}

// expire gives up what was sent too long ago.
func (l *load) expire() {
	now := l.now()
	for _, a := range l.lanes {
		for id, was := range a.sent {
			if was != 0 && now-was>>2 > int64(giveUp) {
				a.sent[id] = 0
				a.open--
				l.got.lost++
			}
		}
	}
}

func (l *load) wait(d time.Duration) {
	fds := make([]unix.PollFd, len(l.lanes))
	for i, a := range l.lanes {
		fds[i] = unix.PollFd{Fd: int32(a.fd), Events: unix.POLLIN}
	}
	ts := unix.NsecToTimespec(int64(max(d, 0)))
	unix.Ppoll(fds, &ts, nil)
}

func (l *load) start() {
	l.began, l.got = time.Now(), result{late: l.got.late[:0]}
	for _, a := range l.lanes {
		clear(a.sent[:])
		a.open = 0
	}
}

// flood keeps the window full for d.
func (l *load) flood(m mix, d time.Duration) result {
	l.start()
	each := window / len(l.lanes)
	next := int64(giveUp)
	for l.now() < int64(d) {
		got := 0
		for _, a := range l.lanes {
			got += l.receive(a)
			if a.open < each {
				l.send(a, &m, each-a.open, l.now())
			}
		}
		if got == 0 {
			l.wait(10 * time.Millisecond)
		}
		if l.now() > next {
			l.expire()
			next += int64(giveUp)
		}
	}
	l.got.took = time.Since(l.began)
	l.drain()
	return l.got
}

// pace sends rate questions a second for d, at random moments.
func (l *load) pace(m mix, d time.Duration, rate float64) result {
	l.start()
	due := l.q.rnd.ExpFloat64() / rate * 1e9
	for i := 0; due < float64(d); {
		for _, a := range l.lanes {
			l.receive(a)
		}
		if now := l.now(); float64(now) < due {
			l.wait(time.Duration(due) - time.Duration(now))
			continue
		}
		if l.send(l.lanes[i%len(l.lanes)], &m, 1, l.now()) == 0 {
			l.got.lost++
		}
		i++
		due += l.q.rnd.ExpFloat64() / rate * 1e9
	}
	l.got.took = time.Since(l.began)
	l.drain()
	return l.got
}

// drain waits for what is still on its way; what does not come is lost.
func (l *load) drain() {
	for end := l.now() + int64(giveUp); l.now() < end; {
		left := 0
		for _, a := range l.lanes {
			l.receive(a)
			left += a.open
		}
		if left == 0 {
			return
		}
		l.wait(5 * time.Millisecond)
	}
	for _, a := range l.lanes {
		l.got.lost += a.open
	}
}

// quantile of the answers' times.
func (r *result) quantile(p float64) time.Duration {
	if len(r.late) == 0 {
		return 0
	}
	slices.Sort(r.late)
	return time.Duration(r.late[min(int(p*float64(len(r.late))), len(r.late)-1)])
}
