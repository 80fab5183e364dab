// Package kernel puts a firewall.Ruleset into the kernel and opens and closes
// maintenance windows in it, by nftables and conntrack.
//
// It decides nothing: what the rules mean stands in package firewall.
package kernel

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// bufferSize of the sockets: with the default 208 KiB the kernel commits a big
// batch and then reports ENOBUFS. Without the right to force it (a user
// namespace) the system's maximum is what we get.
const bufferSize = 8 << 20

// A Kernel holds the lasting sockets. Its methods may be called at once from
// several goroutines; the two that watch block and have sockets of their own.
// All belong to the network namespace of the thread that called Open, except
// the sockets of the watching methods, which belong to their caller's.
type Kernel struct {
	mu     sync.Mutex // one writer; also guards what follows
	writer *nftables.Conn
	reader *netlink.Conn
	neigh  *neighbours
	buffer int // bytes
	// What win_bytes and win_dead held when a change of schema made them anew.
	passed, dead map[firewall.Mark]firewall.Count

	opened map[firewall.Mark][]firewall.Gate // gates since the last DropStale

	told   told
	layout map[string]firewall.Set // of the live sets, which every ruleset has

	// A look through all of conntrack takes tens of milliseconds, for which
	// nothing else waits. It is locked after mu, if both are.
	ctMu sync.Mutex
	ct   *conntrack.Conn

	portMu sync.Mutex
	ports  map[uint32]bool // netlink addresses that changes of our own come from
}

// Open dials the lasting sockets in the caller's network namespace. It needs
// CAP_NET_ADMIN there.
func Open() (*Kernel, error) { return openWith(bufferSize) }

func openWith(buffer int) (*Kernel, error) {
	k := &Kernel{buffer: buffer, ports: map[uint32]bool{}, passed: map[firewall.Mark]firewall.Count{}, dead: map[firewall.Mark]firewall.Count{},
		layout: map[string]firewall.Set{}, opened: map[firewall.Mark][]firewall.Gate{}}
	for _, s := range firewall.Closed().Sets {
		k.layout[s.Name] = s
	}
	var err error
	if k.reader, err = netlink.Dial(unix.NETLINK_NETFILTER, nil); err != nil {
		return nil, fmt.Errorf("opening nftables socket: %w", err)
	}
	if err = errors.Join(buffers(k.reader, buffer), k.dialWriter()); err == nil {
		if k.ct, err = conntrack.Dial(nil); err == nil {
			err = buffers(k.ct, buffer)
		}
	}
	if err == nil {
		k.neigh, err = openNeighbours()
	}
	if err == nil {
		_, err = k.generation() // refused without CAP_NET_ADMIN: say so now
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening netfilter sockets: %w", err), k.Close())
	}
	return k, nil
}

// Close closes the sockets. The rules stay, and open windows run out by
// themselves.
func (k *Kernel) Close() error {
	var errs []error
	if k.writer != nil {
		errs = append(errs, k.writer.CloseLasting())
	}
	if k.reader != nil {
		errs = append(errs, k.reader.Close())
	}
	if k.ct != nil {
		errs = append(errs, k.ct.Close())
	}
	if k.neigh != nil {
		k.neigh.Close()
	}
	return errors.Join(errs...)
}

// buffers sets the size of a socket's buffers.
func buffers(c interface {
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}, bytes int) error {
	return errors.Join(c.SetReadBuffer(bytes), c.SetWriteBuffer(bytes))
}

// dialWriter opens the socket changes go through, and remembers its address:
// by it WatchForeign knows our own changes.
func (k *Kernel) dialWriter() error {
	w, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
		k.portMu.Lock()
		k.ports[c.PID()] = true
		k.portMu.Unlock()
		return buffers(c, k.buffer)
	}))
	if err != nil {
		return fmt.Errorf("opening nftables socket: %w", err)
	}
	k.writer = w
	return nil
}

func (k *Kernel) isOurs(port uint32) bool {
	k.portMu.Lock()
	defer k.portMu.Unlock()
	return k.ports[port]
}

// table is the one we write.
func table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: firewall.Table}
}

// batch queues what fill asks for and sends it in one transaction. After an
// error the socket is made anew: the library keeps the first error of a build
// for ever and leaves answers unread after ENOBUFS. The caller holds k.mu.
func (k *Kernel) batch(fill func(*nftables.Conn) error) error {
	err := fill(k.writer)
	if err == nil {
		if err = k.writer.Flush(); err == nil {
			return nil
		}
	}
	return errors.Join(err, k.writer.CloseLasting(), k.dialWriter())
}
