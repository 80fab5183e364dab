package kernel

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// AddProbe makes an interface count as WAN, without the check of its sources,
// for d at most: the self-test's own. It ends by itself, so that a test that
// dies leaves nothing behind. Called again it begins anew.
func (k *Kernel) AddProbe(iface string, d time.Duration) error {
	e, err := firewall.ProbeElem(iface)
	if err != nil {
		return err
	}
	if d < time.Millisecond || d > 10*time.Minute {
		return fmt.Errorf("probe %s: cannot last %s", iface, d)
	}
	if err := k.DelProbe(iface); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.layout["probe_if"]
	err = k.batch(func(c *nftables.Conn) error {
		now := bootTime()
		return addTimed(c, s, []timed{{e, now + d}}, now, time.Millisecond)
	})
	if err != nil {
		return fmt.Errorf("adding probe %s: %w", iface, err)
	}
	return nil
}

// DelProbe ends what AddProbe began. It is no error if it has ended.
func (k *Kernel) DelProbe(iface string) error {
	e, err := firewall.ProbeElem(iface)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.remove(map[string][]firewall.Elem{"probe_if": {e}})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing probe %s: %w", iface, err)
	}
	return nil
}
