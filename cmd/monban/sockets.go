package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Names of inherited sockets, as the socket units give them.
const (
	fdDNSUDP = "dns-udp"
	fdDNSTCP = "dns-tcp"
	fdPage   = "page"
	fdHTTP   = "http"
)

// sockets are what the daemon serves on.
type sockets struct {
	mu   sync.Mutex
	udp  []net.PacketConn
	tcp  []net.Listener
	page []net.Listener
	http []net.Listener
}

// inherited takes the sockets systemd (or the lab) passes. They outlive the
// daemon, so that a query sent during a restart waits instead of being lost.
func inherited() (*sockets, error) {
	s := &sockets{}
	var errs []error
	for _, f := range activation.Files(true) {
		if err := s.take(f); err != nil {
			errs = append(errs, fmt.Errorf("inherited socket %s: %w", f.Name(), err))
		}
		f.Close() // net holds its own copy
	}
	return s, errors.Join(errs...)
}

func (s *sockets) take(f *os.File) error {
	if f.Name() == fdDNSUDP {
		c, err := net.FilePacketConn(f)
		if err == nil {
			s.udp = append(s.udp, c)
		}
		return err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	switch f.Name() {
	case fdDNSTCP:
		s.tcp = append(s.tcp, l)
	case fdPage:
		s.page = append(s.page, l)
	case fdHTTP:
		s.http = append(s.http, l)
	default:
		l.Close()
		return errors.New("nothing here serves a socket of that name")
	}
	return nil
}

// bound returns the sockets, after opening those that were neither inherited
// nor opened before on the given addresses of ours.
func (s *sockets) bound(ctx context.Context, inside []netip.Addr) (*sockets, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.bind(ctx, inside)
	return &sockets{udp: s.udp, tcp: s.tcp, page: s.page, http: s.http}, err
}

// bind opens what was not inherited, on the LAN addresses only: one UDP socket
// per core and address, so that the kernel spreads clients over the readers.
func (s *sockets) bind(ctx context.Context, inside []netip.Addr) error {
	lc := net.ListenConfig{Control: reuse}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	noUDP, noTCP, noPage, noHTTP := len(s.udp) == 0, len(s.tcp) == 0, len(s.page) == 0, len(s.http) == 0
	for _, a := range inside {
		if noUDP {
			for range runtime.NumCPU() {
				u, err := lc.ListenPacket(ctx, "udp", hostPort(a, 53))
				if note(err); err == nil {
					s.udp = append(s.udp, u)
				}
			}
		}
		for _, l := range []struct {
			want bool
			port uint16
			to   *[]net.Listener
		}{{noTCP, 53, &s.tcp}, {noPage, 443, &s.page}, {noHTTP, 80, &s.http}} {
			if !l.want {
				continue
			}
			x, err := lc.Listen(ctx, "tcp", hostPort(a, l.port))
			if note(err); err == nil {
				*l.to = append(*l.to, x)
			}
		}
	}
	return errors.Join(errs...)
}

func hostPort(a netip.Addr, port uint16) string {
	return net.JoinHostPort(a.String(), strconv.Itoa(int(port)))
}

// reuse lets several sockets share a port, and lets them be bound before the
// address is on the interface (ip(7) IP_FREEBIND).
func reuse(network, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		set := func(level, name int) {
			if e := unix.SetsockoptInt(int(fd), level, name, 1); err == nil {
				err = e
			}
		}
		set(unix.SOL_SOCKET, unix.SO_REUSEPORT)
		set(unix.SOL_SOCKET, unix.SO_REUSEADDR)
		set(unix.SOL_IP, unix.IP_FREEBIND)
	}); e != nil {
		return e
	}
	return err
}
