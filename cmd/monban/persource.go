package main

import (
	"net"
	"net/netip"
	"sync"
)

// perSource is how many connections of one listener one source may have. A
// browser keeps some six at a time, and two browsers may stand on one computer.
const perSource = 24

// fair refuses connections of a source that has perSource already, so that no
// computer of the LAN takes all there are and keeps everybody else waiting.
// The box itself, and who comes by a Unix socket, may have all of them.
type fair struct {
	net.Listener

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func newFair(l net.Listener) *fair { return &fair{Listener: l, open: map[netip.Prefix]int{}} }

// Accept returns the next connection that is not one too many.
func (f *fair) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, ok := source(c)
		if !ok {
			return c, nil
		}
		if f.take(from) {
			return &fairConn{Conn: c, leave: sync.OnceFunc(func() { f.leave(from) })}, nil
		}
		c.Close()
	}
}

func (f *fair) take(from netip.Prefix) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[from] >= perSource {
		return false
	}
	f.open[from]++
	return true
}

func (f *fair) leave(from netip.Prefix) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[from]--; f.open[from] == 0 {
		delete(f.open, from)
	}
}

// fairConn is a connection that counts for its source until it is closed.
type fairConn struct {
	net.Conn
	leave func()
}

func (c *fairConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// source is what counts as one source, and false for what is not counted: an
// IPv4 address or an IPv6 /64, since a computer may use any address of its
// network. The network the connection came in by is everybody's, so there each
// address counts.
func source(c net.Conn) (netip.Prefix, bool) {
	from, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	a := from.AddrPort().Addr().Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() {
		return netip.Prefix{}, false
	}
	whole := netip.PrefixFrom(a, a.BitLen())
	if a.Is4() {
		return whole, true
	}
	net64 := netip.PrefixFrom(a, 64).Masked()
	if at, ok := c.LocalAddr().(*net.TCPAddr); ok && net64.Contains(at.AddrPort().Addr().WithZone("")) {
		return whole, true
	}
	return net64, true
}
