package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Live is a window the kernel holds open now.
type Live struct {
	Mark      firewall.Mark
	Left      time.Duration // until the kernel ends it, whole milliseconds
	Passes    []firewall.Pass
	OutPasses []firewall.OutPass
	Outer     []firewall.Outer
	Egress    []netip.Addr
	Gates     []firewall.Gate // of a tool window, so far
}

// Counts is what the kernel has counted. Passed and Dead (refused after the
// end) survive the window's end and the daemon's; a mark that nothing was
// counted for is absent. Dead of mark 0 are flows whose way was taken from an
// open window. Named are the counters of the rules by name, see the
// Count… constants and Refused of package firewall.
type Counts struct {
	Passed map[firewall.Mark]firewall.Count
	Dead   map[firewall.Mark]firewall.Count
	Named  map[string]firewall.Count
}

// ways are the maps that hold the ways through of windows.
var ways = []string{"win4", "win6", "dnat4", "out4", "out6", "inner4", "inner6", "outer4", "outer6", "egress4", "egress6", "gate4", "gate6"}

// liveElements reads one live set, and says at what boot time it did.
func (k *Kernel) liveElements(name string) ([]element, time.Duration, error) {
	for range 10 {
		els, now, err := k.liveOnce(name)
		if !errors.Is(err, errInterrupted) {
			return els, now, err
		}
	}
	return nil, 0, errInterrupted
}

func (k *Kernel) liveOnce(name string) ([]element, time.Duration, error) {
	data, err := netlink.MarshalAttributes([]netlink.Attribute{tableAttr(unix.NFTA_SET_TABLE),
		{Type: unix.NFTA_SET_NAME, Data: []byte(name + "\x00")}})
	if err != nil {
		return nil, 0, err
	}
	msgs, err := k.reader.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSET), Flags: netlink.Request},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, data...),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading set %s: %w", name, err)
	}
	a, err := parseAttrs(msgs[0].Data[4:])
	if err != nil {
		return nil, 0, err
	}
	s, _, keys, vals := decodeSet(a)
	now := bootTime()
	els, err := k.elements(s, keys, vals)
	return els, now, err
}

// A liveTable is all windows as the kernel holds them.
type liveTable struct {
	marks map[firewall.Mark]time.Duration // boot time of the end
	ways  map[string][]firewall.Elem
}

// readLive reads the windows. Without our table it is ENOENT; a table of an
// earlier version has fewer kinds of ways, and those it has not hold nothing.
func (k *Kernel) readLive() (liveTable, error) {
	for range 10 {
		t, err := k.readLiveOnce()
		if !errors.Is(err, errInterrupted) {
			return t, err
		}
	}
	return liveTable{}, errInterrupted
}

func (k *Kernel) readLiveOnce() (liveTable, error) {
	t := liveTable{marks: map[firewall.Mark]time.Duration{}, ways: map[string][]firewall.Elem{}}
	sets, err := k.dump(unix.NFT_MSG_GETSET, tableAttr(unix.NFTA_SET_TABLE))
	if err != nil {
		return t, fmt.Errorf("reading sets: %w", err)
	}
	found := false
	for _, a := range sets {
		s, _, keys, vals := decodeSet(a)
		live := s.Name == "win_live"
		if a.str(unix.NFTA_SET_TABLE) != firewall.Table || !live && !slices.Contains(ways, s.Name) {
			continue
		}
		found = found || live
		now := bootTime()
		els, err := k.elements(s, keys, vals)
		if err != nil {
			return t, err
		}
		for _, e := range els {
			if live {
				t.marks[markOf(e.Key[0].From)] = now + e.left
			} else {
				t.ways[s.Name] = append(t.ways[s.Name], e.Elem)
			}
		}
	}
	if !found {
		return t, fmt.Errorf("no set win_live: %w", unix.ENOENT)
	}
	return t, nil
}

// windows are the table's, as they are at now, by mark.
func (t liveTable) windows(now time.Duration) []Live {
	var out []Live
	ways, gates := firewall.WaysOf(t.ways), firewall.GatesOf(t.ways)
	for m, end := range t.marks {
		w := ways[m]
		out = append(out, Live{Mark: m, Left: max(0, end-now), Passes: w.Passes, OutPasses: w.OutPasses,
			Outer: w.Outer, Egress: w.Egress, Gates: gates[m]})
	}
	slices.SortFunc(out, func(a, b Live) int { return int(a.Mark) - int(b.Mark) })
	return out
}

// Live returns the windows open now, by mark.
func (k *Kernel) Live() ([]Live, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, err := k.readLive()
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // no table: nothing is open
	}
	if err != nil {
		return nil, fmt.Errorf("reading open windows: %w", err)
	}
	return t.windows(bootTime()), nil
}

// Counts reads every counter.
func (k *Kernel) Counts() (Counts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := Counts{Passed: map[firewall.Mark]firewall.Count{}, Dead: map[firewall.Mark]firewall.Count{}}
	for name, m := range map[string]struct {
		base, to map[firewall.Mark]firewall.Count
	}{
		"win_bytes": {k.passed, c.Passed}, "win_dead": {k.dead, c.Dead},
	} {
		for mark, n := range m.base {
			m.to[mark] = n
		}
		els, _, err := k.liveElements(name)
		if err != nil {
			return c, fmt.Errorf("reading counters: %w", err)
		}
		for _, e := range els {
			add(m.to, e)
		}
	}
	var s snapshot
	err := k.readCounters(&s)
	for range 10 {
		if !errors.Is(err, errInterrupted) {
			break
		}
		s = snapshot{}
		err = k.readCounters(&s)
	}
	if err != nil {
		return c, fmt.Errorf("reading counters: %w", err)
	}
	c.Named = s.counts
	return c, nil
}
