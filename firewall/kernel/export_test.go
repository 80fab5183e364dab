package kernel

import (
	"net/netip"
	"time"

	"monban/firewall"
)

// OpenWith is Open with sockets of another size, as a user namespace has.
var OpenWith = openWith

// DecodePacket reads a sampled packet.
var DecodePacket = decodePacket

// What a device may be told at once.
const MaxDevice = maxDevice

// Told is how long a device may still reach what.
func (k *Kernel) Told(device netip.Addr) (map[netip.Addr]time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[netip.Addr]time.Duration{}
	for _, name := range []string{"answered4", "answered6"} {
		els, _, err := k.liveElements(name)
		if err != nil {
			return nil, err
		}
		for _, e := range els {
			d, _ := netip.AddrFromSlice([]byte(e.Key[0].From))
			a, _ := netip.AddrFromSlice([]byte(e.Key[1].From))
			if d == device {
				out[a] = e.left
			}
		}
	}
	return out, nil
}

// Put puts elements into live sets, for that long, as somebody else might.
func (k *Kernel) Put(els map[string][]firewall.Elem, d time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.addWays(els, bootTime()+d)
}

// Generation is the number the kernel raises with every change of rules.
func (k *Kernel) Generation() (uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation()
}

// Noted is how many admissions are remembered.
func (k *Kernel) Noted() int {
	k.told.mu.Lock()
	defer k.told.mu.Unlock()
	n := 0
	for _, m := range k.told.ends {
		n += len(m)
	}
	if n != k.told.n {
		return -1
	}
	return n
}
