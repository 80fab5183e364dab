package upstream

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A port is a connected socket: the kernel drops what others than the server
// send, and reports a closed port there. Whoever took it has it alone.
//
// Its calls of the system never wait and are raw: told of each, the runtime
// would wake its monitor thread, which costs more than the call.
type port struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	life *time.Timer // nil: not to be kept
	uses int
	over bool // it had its time; under ports.mu

	read, write func(fd uintptr) bool // made once: a closure a call would be allocated
	packet      []byte                // being sent
	n           int                   // octets read
	errno       syscall.Errno         // of either
	buf         [ednsSize + 300]byte
}

func newPort(addr netip.AddrPort) (*port, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	p := &port{conn: conn, raw: raw}
	p.read, p.write = p.readOnce, p.writeOnce
	return p, nil
}

// send sends one datagram.
func (p *port) send(packet []byte) error {
	p.packet, p.errno = packet, 0
	err := p.raw.Write(p.write)
	if p.packet = nil; err == nil && p.errno != 0 {
		err = os.NewSyscallError("sendto", p.errno)
	}
	return err
}

func (p *port) writeOnce(fd uintptr) bool {
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p.packet))), uintptr(len(p.packet)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			p.errno = errno
			return true
		}
	}
}

// receive waits for a datagram, until the deadline of conn. It is p's until
// the next one.
func (p *port) receive() ([]byte, error) {
	p.errno = 0
	if err := p.raw.Read(p.read); err != nil {
		return nil, err
	}
	if p.errno != 0 {
		return nil, os.NewSyscallError("recvfrom", p.errno)
	}
	return p.buf[:p.n], nil
}

func (p *port) readOnce(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p.buf[0])), uintptr(len(p.buf)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			p.n, p.errno = int(n), errno
			return true
		}
	}
}
