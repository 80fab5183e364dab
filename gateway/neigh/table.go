package neigh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/gateway/device"
)

const (
	// resync is how often the whole table is read: events may be lost, and a
	// neighbour that stays reachable causes none.
	resync = 30 * time.Second
	// firstBuffer and lastBuffer bound the event socket's receive buffer; it
	// doubles whenever events were lost.
	firstBuffer = 1 << 20
	lastBuffer  = 16 << 20
	// tick is the unit of the kernel's neighbour times (USER_HZ).
	tick = time.Second / 100
	// dumps is how often a dump that was interrupted by a change is read
	// again before what came is taken.
	dumps = 5
)

// A table follows the kernel's neighbour table on some interfaces.
type table struct {
	ifaces []string
	names  map[int]string      // by link index
	own    map[device.MAC]bool // our own interfaces
	seen   func(device.Sighting) error
}

// run follows the table until ctx ends or an interface is not there.
func (t *table) run(ctx context.Context) error {
	for size := firstBuffer; ctx.Err() == nil; size *= 2 {
		if size > lastBuffer {
			return errors.New("neighbour events are lost again and again")
		}
		began := time.Now()
		if err := t.subscribed(ctx, size); err != nil {
			return err
		}
		if time.Since(began) > time.Minute {
			size = firstBuffer / 2
		}
	}
	return nil
}

// subscribed follows the table with one subscription. It returns nil when the
// subscription broke (the kernel had to drop events) or ctx ended.
func (t *table) subscribed(ctx context.Context, size int) error {
	// The library ends its reader on any error and closes ch; it sends while
	// nobody reads only as far as ch holds.
	ch, done := make(chan netlink.NeighUpdate, 4096), make(chan struct{})
	defer func() {
		close(done)
		for range ch { // until its reader has ended
		}
	}()
	opt := netlink.NeighSubscribeOptions{ReceiveBufferSize: size, ReceiveBufferForceSize: true}
	err := netlink.NeighSubscribeWithOptions(ch, done, opt)
	if errors.Is(err, fs.ErrPermission) { // in a user namespace only the system's limit can be had
		opt.ReceiveBufferForceSize = false
		err = netlink.NeighSubscribeWithOptions(ch, done, opt)
	}
	if err != nil {
		close(ch)
		return fmt.Errorf("subscribing to neighbours: %w", err)
	}
	// Subscribed first, read then: nothing falls between.
	if err := t.dump(); err != nil {
		return err
	}
	tick := time.NewTicker(resync)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := t.dump(); err != nil {
				return err
			}
		case u, ok := <-ch:
			if !ok {
				return nil
			}
			if u.Type == unix.RTM_NEWNEIGH {
				t.take(u.Neigh, time.Now())
			}
		}
	}
}

// dump reads the whole table and who we are.
func (t *table) dump() error {
	if err := t.links(); err != nil {
		return err
	}
	for index := range t.names {
		all, err := list(index)
		if err != nil {
			return err
		}
		now := time.Now()
		for _, n := range all {
			t.take(n, now)
		}
	}
	return nil
}

func list(index int) (all []netlink.Neigh, err error) {
	for range dumps {
		all, err = netlink.NeighList(index, netlink.FAMILY_ALL)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("listing neighbours: %w", err)
	}
	return all, nil
}

// links looks up our interfaces; an index changes when one is unplugged.
func (t *table) links() error {
	t.names, t.own = map[int]string{}, map[device.MAC]bool{}
	for _, name := range t.ifaces {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("looking up interface %s: %w", name, err)
		}
		t.names[ifi.Index] = name
		if m, ok := device.MACFrom(ifi.HardwareAddr); ok {
			t.own[m] = true
		}
	}
	return nil
}

// take reports an entry if it proves that somebody is or was there.
func (t *table) take(n netlink.Neigh, now time.Time) {
	s, ok := sighting(n, now)
	s.Iface = t.names[n.LinkIndex]
	if !ok || s.Iface == "" || t.own[s.MAC] {
		return
	}
	// An error means that we are being stopped; the caller's loop sees it.
	_ = t.seen(s)
}

// sighting reads an entry. Failed and incomplete ones are ghosts: we asked
// and nobody answered. Permanent and NOARP ones were written by a person or
// follow from the address. The others say when the neighbour last proved
// itself.
func sighting(n netlink.Neigh, now time.Time) (device.Sighting, bool) {
	s := device.Sighting{Source: device.FromNeigh}
	if n.Family != unix.AF_INET && n.Family != unix.AF_INET6 || n.Flags&netlink.NTF_PROXY != 0 {
		return s, false
	}
	ago := n.Confirmed
	switch n.State {
	case netlink.NUD_REACHABLE, netlink.NUD_DELAY, netlink.NUD_PROBE:
	case netlink.NUD_STALE:
		// An entry made by what the neighbour sent starts stale, with an
		// invented time of confirmation. One that went stale by its timer was
		// confirmed less than a minute earlier.
		ago = min(ago, n.Updated)
	default:
		return s, false
	}
	s.At = now.Add(-time.Duration(ago) * tick)
	var ok bool
	if s.MAC, ok = device.MACFrom(n.HardwareAddr); !ok {
		return s, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	if a = a.Unmap(); !ok || !ownable(a) {
		return s, false
	}
	s.Addr = a
	return s, true
}
