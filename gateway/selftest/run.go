package selftest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/text"
	"monban/gateway/window"
)

// probeFor is the kernel's own end of the probe's place among the WAN
// interfaces, should we die.
const probeFor = time.Minute

// Run tries every way in. The calling thread's network namespace must be the
// box's, and k made in it. It needs CAP_NET_ADMIN, CAP_NET_RAW and
// CAP_SYS_ADMIN. The error is a Fault for a request that is refused or a
// run that is busy; what went wrong in a run is in its Result.
func Run(ctx context.Context, k *kernel.Kernel, r Request) (Result, error) {
	if err := r.check(); err != nil {
		return Result{}, err
	}
	began := time.Now()
	res := Result{At: began.UTC(), State: Unmeasured}
	b, err := newBench(ctx)
	if errors.Is(err, errBusy) {
		return Result{}, text.NewFault("selftest.busy")
	}
	if err != nil {
		res.Why, res.Detail = "selftest.no_probe", err.Error()
		return res, nil
	}
	defer b.close()
	if err := b.try(ctx, k, r, &res); err != nil {
		res.State, res.Why, res.Detail = Unmeasured, "selftest.no_probe", err.Error()
		if ctx.Err() != nil {
			res.Why = "selftest.out_of_time"
		}
	}
	res.Took = time.Since(began)
	return res, nil
}

// try fills in res; an error means that the run came to nothing.
func (b *bench) try(ctx context.Context, k *kernel.Kernel, r Request, res *Result) error {
	shots, skipped := b.shots(r)
	res.Sent, res.Skipped = len(shots), skipped
	talks, err := b.attempt(ctx, k, r, res, shots)
	if err != nil || !res.Passed { // counts would mean nothing, an answer still does
		err = errors.Join(err, b.answered(shots))
	}
	res.judge(shots, talks, err == nil)
	if res.State == Failed { // a hole is a hole, whatever else went wrong
		return nil
	}
	return err
}

// attempt is the run proper: the control, then the shots.
func (b *bench) attempt(ctx context.Context, k *kernel.Kernel, r Request, res *Result, shots []*shot) ([]*talk, error) {
	if err := k.AddProbe(probeIface, probeFor); err != nil {
		return nil, fmt.Errorf("plugging the probe into the WAN side: %w", err)
	}
	defer func() { _ = k.DelProbe(probeIface) }() // it ends by itself
	var own []netip.Addr
	for _, a := range slices.Concat(r.WAN, r.LAN) {
		if b.way(a) != 0 {
			own = append(own, a)
		}
	}
	talks := b.talks(own, r.Ports)
	var err error
	if res.Passed, res.Cut, err = b.control(ctx, k, talks); err != nil {
		_, _ = k.CloseWindow(firewall.Canary) // it ends by itself
		return talks, err
	}
	if !res.Passed {
		return talks, nil
	}
	return talks, b.refused(ctx, func() (counts, error) {
		c, err := k.Counts()
		return c.Named, err
	}, shots)
}

// judge says what the run showed; whole is false if it came to an early end.
func (res *Result) judge(shots []*shot, talks []*talk, whole bool) {
	back, unclear := false, false
	for _, t := range talks {
		res.Probes = append(res.Probes, t.probe())
	}
	shown := map[string]int{}
	for _, s := range shots {
		p := s.probe()
		if p.Got == Refused {
			res.Counted++
		}
		back = back || p.Got == Answered
		unclear = unclear || p.Got == Unclear
		if shown[p.Got]++; shown[p.Got] <= maxShown {
			res.Probes = append(res.Probes, p)
		}
	}
	switch {
	case back:
		res.State, res.Why = Failed, "selftest.got_in"
	case !whole: // the caller knows why
		res.State = Unmeasured
	case len(shots) == 0:
		res.State, res.Why = Unmeasured, "selftest.no_target"
	case !res.Passed:
		res.State, res.Why = Unmeasured, "selftest.no_control"
	case !res.Cut:
		res.State, res.Why = Failed, "selftest.not_cut"
	case res.Counted != res.Sent && unclear:
		res.State, res.Why = Unmeasured, "selftest.noise"
	case res.Counted != res.Sent:
		res.State, res.Why = Failed, "selftest.not_counted"
	default:
		res.State, res.Why = OK, ""
	}
}

func (s *shot) probe() Probe {
	p := Probe{Target: s.to, Proto: name(s.proto), Expect: Refused, Got: Missing}
	switch {
	case s.back:
		p.Got = Answered
	case s.hits == rounds:
		p.Got = Refused
	case !s.missed:
		p.Got = Unclear
	}
	return p
}

func (t *talk) probe() Probe {
	p := Probe{Target: t.to, Proto: name(t.proto), Expect: Cut, Got: Refused}
	switch {
	case t.passed && t.cut:
		p.Got = Cut
	case t.passed:
		p.Got = Passed
	}
	return p
}

func name(p firewall.Proto) window.Proto {
	switch p {
	case firewall.TCP:
		return window.TCP
	case firewall.UDP:
		return window.UDP
	}
	return ICMP
}
