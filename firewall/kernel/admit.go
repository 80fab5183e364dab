package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// How long an address may be told for, and how many one device may be told at
// once: enough for a day of a busy computer, too few for one to fill the
// kernel's set alone.
const (
	minTold   = time.Second
	maxTold   = 24 * time.Hour
	maxDevice = 4096
	maxNotes  = 65536
)

// ErrTold is Admit's refusal of a device that was told too much.
var ErrTold = errors.New("told too many addresses")

// told remembers until when the kernel admits what, so that most answers need
// no call of it. What it forgets costs a call, not an admission.
type told struct {
	mu    sync.Mutex
	ends  map[netip.Addr]map[netip.Addr]time.Duration // device, target: boot time
	n     int
	epoch int // raised when the kernel may have lost what is noted
}

// Admit lets a device under answered-only egress begin flows to addresses the
// name filter has just told it, for ttl at least (of 1 s to 24 h) and twice
// that at most: an element lives twice as long as asked and is renewed when half
// of that is over. Addresses the device cannot dial from this address of its own
// are left out. It is ErrTold if the device was told too many.
func (k *Kernel) Admit(device netip.Addr, to []netip.Addr, ttl time.Duration) error {
	ttl = min(max(ttl, minTold), maxTold)
	now := bootTime()
	due, epoch := k.told.due(device, to, now+ttl)
	if len(due) == 0 {
		return nil
	}
	els, err := firewall.AnsweredElems(device, due)
	if err != nil || len(els) == 0 {
		return err
	}
	if !k.told.room(device, due, now) {
		return fmt.Errorf("admitting for %s: %w", device, ErrTold)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	end := bootTime() + 2*ttl
	for range 3 {
		// Added first, so that there is something to delete, then deleted, so
		// that the end is the new one on kernels that cannot change it.
		err = k.batch(func(c *nftables.Conn) error {
			return errors.Join(k.queueAdd(c, els, end), k.queueRemove(c, els), k.queueAdd(c, els, end))
		})
		if !errors.Is(err, unix.ENOENT) || k.gone() {
			break // else one ended between the two
		}
	}
	if err != nil {
		return fmt.Errorf("admitting for %s: %w", device, err)
	}
	k.told.note(device, due, end, epoch)
	return nil
}

// gone reports whether there is no table.
func (k *Kernel) gone() bool {
	_, _, err := k.liveElements("win_live")
	return errors.Is(err, unix.ENOENT)
}

// Unadmit takes back all that was told at an address of a device, since another
// device has it now. Flows that began go on.
func (k *Kernel) Unadmit(device netip.Addr) error {
	k.told.forget(device)
	k.mu.Lock()
	defer k.mu.Unlock()
	fail := func(err error) error { return fmt.Errorf("taking back what %s was told: %w", device, err) }
	for range 10 {
		els := map[string][]firewall.Elem{}
		for _, name := range []string{"answered4", "answered6"} {
			have, _, err := k.liveElements(name)
			if errors.Is(err, unix.ENOENT) {
				return nil // no table
			}
			if err != nil {
				return fail(err)
			}
			for _, e := range have {
				if string(e.Key[0].From) == string(device.AsSlice()) {
					els[name] = append(els[name], e.Elem)
				}
			}
		}
		if err := k.remove(els); err == nil {
			return nil
		} else if !errors.Is(err, unix.ENOENT) { // else one ended meanwhile
			return fail(err)
		}
	}
	return fail(errInterrupted)
}

// due returns the targets that are not admitted until end.
func (t *told) due(device netip.Addr, to []netip.Addr, end time.Duration) (due []netip.Addr, epoch int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range to {
		if e, ok := t.ends[device][a]; !ok || e < end {
			due = append(due, a)
		}
	}
	return due, t.epoch
}

// room reports whether a device may be told these too.
func (t *told) room(device netip.Addr, to []netip.Addr, now time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	fits := func() bool {
		n := len(t.ends[device])
		for _, a := range to {
			if _, ok := t.ends[device][a]; !ok {
				n++
			}
		}
		return n <= maxDevice
	}
	if fits() {
		return true
	}
	t.prune(device, now)
	return fits()
}

// note remembers an admission made in an epoch.
func (t *told) note(device netip.Addr, to []netip.Addr, end time.Duration, epoch int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != epoch {
		return
	}
	if t.n+len(to) > maxNotes {
		now := bootTime()
		for d := range t.ends {
			t.prune(d, now)
		}
	}
	if t.n+len(to) > maxNotes {
		return
	}
	if t.ends == nil {
		t.ends = map[netip.Addr]map[netip.Addr]time.Duration{}
	}
	if t.ends[device] == nil {
		t.ends[device] = map[netip.Addr]time.Duration{}
	}
	t.n -= len(t.ends[device])
	for _, a := range to {
		t.ends[device][a] = end
	}
	t.n += len(t.ends[device])
}

// prune forgets what has ended. The caller holds t.mu.
func (t *told) prune(device netip.Addr, now time.Duration) {
	t.n -= len(t.ends[device])
	for a, end := range t.ends[device] {
		if end <= now {
			delete(t.ends[device], a)
		}
	}
	if t.n += len(t.ends[device]); len(t.ends[device]) == 0 {
		delete(t.ends, device)
	}
}

func (t *told) forget(device netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n -= len(t.ends[device])
	delete(t.ends, device)
	t.epoch++
}

// forgetAll is for when the kernel may hold less than is noted.
func (t *told) forgetAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends, t.n, t.epoch = nil, 0, t.epoch+1
}
