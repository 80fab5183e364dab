package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// tries are the sets that count attempts, and whether of vendors.
var tries = []struct {
	set    string
	vendor bool
}{{"try4", false}, {"try6", false}, {"vtry4", true}, {"vtry6", true}}

// Attempts returns who tried to come in with no window, by source, since each
// was last forgotten. A source whose range was registered meanwhile is there
// twice. The kernel has room for 16384 strangers of each family and counts
// further ones in the counters of the rules alone; when it made the table anew
// it begins at nothing.
func (k *Kernel) Attempts() ([]firewall.Try, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []firewall.Try
	for _, s := range tries {
		els, _, err := k.liveElements(s.set)
		if err != nil {
			return nil, fmt.Errorf("reading attempts: %w", err)
		}
		for _, e := range els {
			a, ok := netip.AddrFromSlice([]byte(e.Key[0].From))
			if ok {
				out = append(out, firewall.Try{Source: a, Vendor: s.vendor, Count: e.count})
			}
		}
	}
	slices.SortFunc(out, func(a, b firewall.Try) int {
		return cmp.Or(a.Source.Compare(b.Source), cmp.Compare(fmt.Sprint(a.Vendor), fmt.Sprint(b.Vendor)))
	})
	return out, nil
}

// ForgetAttempts makes room in the kernel. What it counted of these sources
// since Attempts is lost, so forget those whose counts stand still.
func (k *Kernel) ForgetAttempts(sources []netip.Addr) error {
	gone := map[netip.Addr]bool{}
	for _, a := range sources {
		gone[a] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range tries {
		els, _, err := k.liveElements(s.set)
		if err != nil {
			return fmt.Errorf("forgetting attempts: %w", err)
		}
		var there []firewall.Elem
		for _, e := range els {
			if a, _ := netip.AddrFromSlice([]byte(e.Key[0].From)); gone[a] {
				there = append(there, e.Elem)
			}
		}
		if len(there) == 0 {
			continue
		}
		if err := k.remove(map[string][]firewall.Elem{s.set: there}); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("forgetting attempts: %w", err)
		}
	}
	return nil
}
