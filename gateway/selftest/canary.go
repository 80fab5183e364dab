package selftest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/window"
)

// canaryFor is the kernel's own end of the canary window, should we die.
const canaryFor = 20 * time.Second

// arrival is how long a packet may take through the box.
const arrival = time.Second

// A talk is one flow through the canary window.
type talk struct {
	proto          firewall.Proto
	from, to, sink netip.AddrPort // to is what the probe dials, sink where that leads
	seq, ack       uint32         // TCP: next of the probe, next of the sink
	passed, cut    bool
}

// talks are the flows the control tries: both protocols, in each family the
// box does. IPv4 is translated from an address of the box's own, as for a
// vendor.
func (b *bench) talks(own []netip.Addr, ports []window.Port) (out []*talk) {
	const src = 50007
	wan := freePort(ports)
	for _, p := range []firewall.Proto{firewall.TCP, firewall.UDP} {
		for _, a := range own {
			if a.Is4() && b.has4 {
				out = append(out, &talk{proto: p, from: netip.AddrPortFrom(b.probe4, src), to: netip.AddrPortFrom(a, wan), sink: netip.AddrPortFrom(b.sink4, 7)})
				break
			}
		}
		if b.has6 {
			to := netip.AddrPortFrom(b.sink6, 7)
			out = append(out, &talk{proto: p, from: netip.AddrPortFrom(b.probe6, src), to: to, sink: to})
		}
	}
	return out
}

// freePort is a port on the WAN address that no window uses; a window of the
// same port would anyway be for another source.
func freePort(ports []window.Port) uint16 {
	n := uint16(61007)
	for _, p := range ports {
		if n == p.WAN {
			n++
		}
	}
	return n
}

// control opens the canary window, talks through it, closes it and talks on.
// passed: all of it got through both ways. cut: afterwards nothing did, and
// the kernel counted what it dropped.
func (b *bench) control(ctx context.Context, k *kernel.Kernel, talks []*talk) (passed, cut bool, err error) {
	var passes []firewall.Pass
	for _, t := range talks {
		passes = append(passes, firewall.Pass{Source: netip.PrefixFrom(t.from.Addr(), t.from.Addr().BitLen()), Proto: t.proto, WANPort: t.to.Port(), Inside: t.sink})
	}
	if len(passes) == 0 {
		return false, false, errors.New("nothing to talk to")
	}
	if _, err := k.CloseWindow(firewall.Canary); err != nil { // a dead run's
		return false, false, fmt.Errorf("closing the last canary: %w", err)
	}
	if _, err := k.OpenWindow(firewall.Opening{Mark: firewall.Canary, For: canaryFor, Passes: passes}); err != nil {
		return false, false, fmt.Errorf("opening the canary: %w", err)
	}
	passed = true
	for _, t := range talks {
		t.passed = b.exchange(t)
		passed = passed && t.passed
	}
	if _, err := k.CloseWindow(firewall.Canary); err != nil {
		return passed, false, fmt.Errorf("closing the canary: %w", err)
	}
	if !passed || ctx.Err() != nil {
		return passed, false, ctx.Err()
	}
	cut, err = b.silent(k, talks)
	if err == nil {
		err = k.Forget(firewall.Canary)
	}
	return passed, cut, err
}

// exchange talks both ways, for TCP with a handshake.
func (b *bench) exchange(t *talk) bool {
	if t.proto == firewall.UDP {
		return b.there(t, 0, "ask") && b.here(t, 0, "answer")
	}
	t.seq, t.ack = 1000, 5000
	if !b.there(t, syn, "") {
		return false
	}
	t.seq++
	if !b.here(t, syn|ack, "") {
		return false
	}
	t.ack++
	if !b.there(t, ack, "") || !b.there(t, psh|ack, "ask") {
		return false
	}
	t.seq += uint32(len("ask"))
	if !b.here(t, psh|ack, "answer") {
		return false
	}
	t.ack += uint32(len("answer"))
	return true
}

// there sends from the probe and says whether the sink got it.
func (b *bench) there(t *talk, flags byte, payload string) bool {
	s := segment{from: t.from, to: t.to, proto: t.proto, flags: flags, seq: t.seq, payload: []byte(payload)}
	if flags&ack != 0 {
		s.ack = t.ack
	}
	if b.probe.send(s) != nil {
		return false
	}
	_, ok := b.sink.await(arrival, func(got segment) bool {
		return t.proto == got.proto && got.from == t.from && got.to == t.sink && same(got, s)
	})
	return ok
}

// here sends from the sink and says whether the probe got it, from the
// address it had dialled.
func (b *bench) here(t *talk, flags byte, payload string) bool {
	s := segment{from: t.sink, to: t.from, proto: t.proto, flags: flags, seq: t.ack, payload: []byte(payload)}
	if flags&ack != 0 {
		s.ack = t.seq
	}
	if b.sink.send(s) != nil {
		return false
	}
	_, ok := b.probe.await(arrival, func(got segment) bool {
		return t.proto == got.proto && got.from == t.to && got.to == t.from && same(got, s)
	})
	return ok
}

func same(a, b segment) bool {
	return a.flags == b.flags && a.seq == b.seq && a.ack == b.ack && string(a.payload) == string(b.payload)
}
