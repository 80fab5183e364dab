package kernel_test

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tick is how often both ends of a session speak, unasked.
const tick = 5 * time.Millisecond

// A talker speaks at every tick and remembers when it last heard the other.
type talker struct {
	last atomic.Int64 // of hearing, Unix nanoseconds
	n    atomic.Int64 // pieces heard

	closers []func() error // of a server
}

func (k *talker) close() {
	for _, c := range k.closers {
		c()
	}
}

func (k *talker) heard()        { k.last.Store(time.Now().UnixNano()); k.n.Add(1) }
func (k *talker) at() time.Time { return time.Unix(0, k.last.Load()) }

// talk speaks on c and listens, until c is closed. Write errors do not end it:
// the inside keeps talking.
func (k *talker) talk(c net.Conn) {
	go func() {
		for {
			c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			if _, err := c.Write([]byte("0123456789")); errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(tick)
		}
	}()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			k.heard()
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(tick)
		}
	}
}

// serve answers TCP and UDP on addr in the namespace: it talks to whoever has
// spoken to it once. The talker hears all of them.
func (n *netns) serve(t testing.TB, addr string) *talker {
	t.Helper()
	k := &talker{}
	n.do(t, func() error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		p, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		k.closers = append(k.closers, l.Close, p.Close)
		t.Cleanup(k.close)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { c.Close() })
				go k.talk(c)
			}
		}()
		go k.answer(p)
		return nil
	})
	return k
}

func (k *talker) answer(p net.PacketConn) {
	var known sync.Map
	buf := make([]byte, 4096)
	for {
		_, from, err := p.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		k.heard()
		if _, ok := known.LoadOrStore(from.String(), true); ok {
			continue
		}
		go func() {
			for {
				if _, err := p.WriteTo([]byte("0123456789"), from); errors.Is(err, net.ErrClosed) {
					return
				}
				time.Sleep(tick)
			}
		}()
	}
}

// dial opens a session from the namespace; from may be an address or an
// address and port.
func (n *netns) dial(t testing.TB, network, from, to string) (*talker, net.Conn, error) {
	t.Helper()
	var c net.Conn
	var err error
	n.do(t, func() error {
		d := net.Dialer{Timeout: 1500 * time.Millisecond}
		ap, perr := netip.ParseAddrPort(from)
		if perr != nil {
			ap = netip.AddrPortFrom(netip.MustParseAddr(from), 0)
		}
		if network == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(ap)
		} else {
			d.LocalAddr = net.UDPAddrFromAddrPort(ap)
		}
		c, err = d.Dial(network, to)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { c.Close() })
	k := &talker{}
	go k.talk(c)
	return k, c, nil
}

// eventually waits a little for something to become true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
