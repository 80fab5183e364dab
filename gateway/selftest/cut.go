package selftest

import (
	"fmt"
	"net/netip"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
)

// silent talks on after the end, both ways in the old flows and once anew, and
// says whether nothing arrived anywhere and all of the old flows' was counted.
func (b *bench) silent(k *kernel.Kernel, talks []*talk) (bool, error) {
	before, err := k.Counts()
	if err != nil {
		return false, fmt.Errorf("reading counters: %w", err)
	}
	for _, t := range talks {
		flags := byte(0)
		if t.proto == firewall.TCP {
			flags = psh | ack
		}
		on := segment{from: t.from, to: t.to, proto: t.proto, flags: flags, seq: t.seq, ack: t.ack, payload: []byte("late")}
		back := segment{from: t.sink, to: t.from, proto: t.proto, flags: flags, seq: t.ack, ack: t.seq, payload: []byte("late")}
		anew := segment{from: netip.AddrPortFrom(t.from.Addr(), t.from.Port()+1), to: t.to, proto: t.proto, flags: syn, payload: []byte("late")}
		for _, err := range []error{b.probe.send(on), b.sink.send(back), b.probe.send(anew)} {
			if err != nil {
				return false, err
			}
		}
	}
	// Nothing but what these talks send is ever on the way to these addresses.
	late := func(s segment) bool {
		a := s.to.Addr()
		return a == b.probe4 || a == b.probe6 || a == b.sink4 || a == b.sink6
	}
	for _, p := range []*plug{b.probe, b.sink} {
		if _, heard := p.await(listen, late); heard {
			return false, nil
		}
	}
	// What was dropped was counted as this window's: so it reached the rules.
	want := uint64(2 * len(talks))
	for deadline := time.Now().Add(settle); ; time.Sleep(5 * time.Millisecond) {
		after, err := k.Counts()
		if err != nil {
			return false, fmt.Errorf("reading counters: %w", err)
		}
		if after.Dead[firewall.Canary].Packets-before.Dead[firewall.Canary].Packets == want {
			for _, t := range talks {
				t.cut = true
			}
			return true, nil
		}
		if time.Now().After(deadline) {
			return false, nil
		}
	}
}
