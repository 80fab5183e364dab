package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen opens the sockets to serve a at: several UDP sockets that share the
// port, among which the kernel spreads the clients, and one for TCP. With port
// 0 all of them share a free one. It is for when no service manager hands
// sockets over; the caller closes them.
func Listen(ctx context.Context, a netip.AddrPort, sockets int) ([]net.PacketConn, []net.Listener, error) {
	for try := 0; ; try++ {
		udp, tcp, err := listen(ctx, a, max(sockets, 1))
		// A port free for TCP may be taken for UDP.
		if a.Port() == 0 && errors.Is(err, unix.EADDRINUSE) && try < 20 {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("opening DNS sockets: %w", err)
		}
		return udp, []net.Listener{tcp}, nil
	}
}

func listen(ctx context.Context, a netip.AddrPort, sockets int) (udp []net.PacketConn, tcp net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, c := range udp {
				c.Close()
			}
			if tcp != nil {
				tcp.Close()
			}
		}
	}()
	if tcp, err = new(net.ListenConfig).Listen(ctx, "tcp", a.String()); err != nil {
		return nil, nil, err
	}
	a = netip.AddrPortFrom(a.Addr(), uint16(tcp.Addr().(*net.TCPAddr).Port))
	share := net.ListenConfig{Control: sharePort}
	for range sockets {
		c, err := share.ListenPacket(ctx, "udp", a.String())
		if err != nil {
			return udp, tcp, err
		}
		udp = append(udp, c)
		// Room for what arrives during a restart; the system may give less.
		c.(*net.UDPConn).SetReadBuffer(1 << 20)
	}
	return udp, tcp, nil
}

// sharePort lets several sockets of this user have one port.
func sharePort(_, _ string, raw syscall.RawConn) error {
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", set)
}
