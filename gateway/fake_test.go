package gateway

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/upstream"
	"monban/firewall"
	"monban/firewall/kernel"
)

// fakeTime is a clock that stands until somebody moves it.
type fakeTime struct {
	mu     sync.Mutex
	wall   time.Time
	boot   time.Duration
	synced bool
}

func (f *fakeTime) clock() Clock {
	return Clock{
		Wall:   func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.wall },
		Boot:   func() time.Duration { f.mu.Lock(); defer f.mu.Unlock(); return f.boot },
		Synced: func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.synced },
	}
}

// pass lets time go by; set changes only what the wall says.
func (f *fakeTime) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall, f.boot = f.wall.Add(d), f.boot+d
}

func (f *fakeTime) set(wall time.Time, synced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall, f.synced = wall, synced
}

// fakeKernel holds rules and live windows as the kernel does, and ends them by
// itself. An entry in fail makes the method of that name fail.
type fakeKernel struct {
	boot func() time.Duration

	mu     sync.Mutex
	rules  string
	calls  []string // of what changes something
	live   map[firewall.Mark]fakeLive
	counts kernel.Counts
	flows  []firewall.Flow
	fail   map[string]error
	// onOpen runs when OpenWindow is called, before anything is held.
	onOpen   func()
	admitted []firewall.Gate
	tries    map[firewall.Try]uint64 // packets by source, without a Count
	around   map[firewall.Detour]uint64
	samples  chan firewall.Sample
}

type fakeLive struct {
	end     time.Duration
	passes  []firewall.Pass
	opening firewall.Opening
	gates   []firewall.Gate
}

func (k *fakeKernel) call(name string) error {
	k.calls = append(k.calls, name)
	return k.fail[name]
}

func (k *fakeKernel) Apply(rs firewall.Ruleset) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("Apply"); err != nil {
		return err
	}
	k.rules = rs.String()
	return nil
}

func (k *fakeKernel) Read() (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rules, k.fail["Read"]
}

func (k *fakeKernel) OpenWindow(o firewall.Opening) (kernel.Live, error) {
	if k.onOpen != nil {
		k.onOpen()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("OpenWindow"); err != nil {
		return kernel.Live{}, err
	}
	k.live[o.Mark] = fakeLive{end: k.boot() + o.For, passes: o.Passes, opening: o}
	return kernel.Live{Mark: o.Mark, Left: o.For, Passes: o.Passes}, nil
}

func (k *fakeKernel) ExtendWindow(m firewall.Mark, left time.Duration) (kernel.Live, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("ExtendWindow"); err != nil {
		return kernel.Live{}, err
	}
	l, open := k.live[m]
	if !open {
		return kernel.Live{}, kernel.ErrNotOpen
	}
	l.end = k.boot() + left
	k.live[m] = l
	return kernel.Live{Mark: m, Left: left, Passes: l.passes}, nil
}

func (k *fakeKernel) AddGates(m firewall.Mark, g []firewall.Gate) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.live[m]
	l.gates = append(l.gates, g...)
	k.live[m] = l
	return k.call("AddGates")
}

func (k *fakeKernel) DropStale() error { return nil }

func (k *fakeKernel) Admit(device netip.Addr, to []netip.Addr, ttl time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range to {
		k.admitted = append(k.admitted, firewall.Gate{Device: device, Target: a})
	}
	return k.call("Admit")
}

func (k *fakeKernel) Unadmit(device netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.admitted = slices.DeleteFunc(k.admitted, func(g firewall.Gate) bool { return g.Device == device })
	return k.call("Unadmit")
}

func (k *fakeKernel) AddWays(o firewall.Opening) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("AddWays"); err != nil {
		return err
	}
	l, open := k.live[o.Mark]
	if !open {
		return kernel.ErrNotOpen
	}
	l.passes = slices.Concat(l.passes, o.Passes)
	l.opening.OutPasses = slices.Concat(l.opening.OutPasses, o.OutPasses)
	l.opening.Outer = slices.Concat(l.opening.Outer, o.Outer)
	l.opening.Egress = slices.Concat(l.opening.Egress, o.Egress)
	k.live[o.Mark] = l
	return nil
}

func (k *fakeKernel) RemoveWays(o firewall.Opening) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("RemoveWays"); err != nil {
		return err
	}
	l := k.live[o.Mark]
	l.passes = beyond(l.passes, o.Passes)
	l.opening.OutPasses = beyond(l.opening.OutPasses, o.OutPasses)
	l.opening.Outer = beyond(l.opening.Outer, o.Outer)
	l.opening.Egress = beyond(l.opening.Egress, o.Egress)
	k.live[o.Mark] = l
	return nil
}

func (k *fakeKernel) RemoveGates(m firewall.Mark, g []firewall.Gate) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.live[m]
	l.gates = beyond(l.gates, g)
	k.live[m] = l
	return k.call("RemoveGates")
}

func (k *fakeKernel) CloseWindow(m firewall.Mark) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.call("CloseWindow"); err != nil {
		return 0, err
	}
	delete(k.live, m)
	return len(k.flows), nil
}

func (k *fakeKernel) Live() ([]kernel.Live, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []kernel.Live
	for m, l := range k.live {
		if left := l.end - k.boot(); left > 0 {
			out = append(out, kernel.Live{Mark: m, Left: left, Passes: l.passes, OutPasses: l.opening.OutPasses,
				Outer: l.opening.Outer, Egress: l.opening.Egress, Gates: l.gates})
		}
	}
	return out, k.fail["Live"]
}

func (k *fakeKernel) Counts() (kernel.Counts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.counts, k.fail["Counts"]
}

func (k *fakeKernel) Sweep() (int, error) { return 0, nil }

func (k *fakeKernel) Forget(firewall.Mark) error { return nil }

func (k *fakeKernel) Flows() ([]firewall.Flow, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.flows), k.fail["Flows"]
}

func (k *fakeKernel) WatchFlows(ctx context.Context, _ func(firewall.Flow)) error {
	<-ctx.Done()
	return nil
}

func (k *fakeKernel) Attempts() ([]firewall.Try, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []firewall.Try
	for t, n := range k.tries {
		t.Packets = n
		out = append(out, t)
	}
	return out, k.fail["Attempts"]
}

func (k *fakeKernel) ForgetAttempts(sources []netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for t := range k.tries {
		if slices.Contains(sources, t.Source) {
			delete(k.tries, t)
		}
	}
	return k.call("ForgetAttempts")
}

func (k *fakeKernel) Around() ([]firewall.Detour, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []firewall.Detour
	for d, n := range k.around {
		d.Packets = n
		out = append(out, d)
	}
	return out, k.fail["Around"]
}

func (k *fakeKernel) ForgetAround(devices [][6]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for d := range k.around {
		if slices.Contains(devices, d.Device) {
			delete(k.around, d)
		}
	}
	return k.call("ForgetAround")
}

func (k *fakeKernel) WatchAttempts(ctx context.Context, seen func(firewall.Sample)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-k.samples:
			seen(s)
		}
	}
}

func (k *fakeKernel) WatchForeign(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// set changes the fake under its lock.
func (k *fakeKernel) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}

// called says how often the method was called.
func (k *fakeKernel) called(name string) (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.calls {
		if c == name {
			n++
		}
	}
	return n
}

// marks are the windows held now.
func (k *fakeKernel) marks() (all []firewall.Mark) {
	live, _ := k.Live()
	for _, l := range live {
		all = append(all, l.Mark)
	}
	slices.Sort(all)
	return all
}

// fakeResolver keeps what it is told.
type fakeResolver struct {
	mu      sync.Mutex
	policy  *dnsfilter.Policy
	routes  upstream.Routes
	devices map[string][]netip.Addr
	counts  DNSCounts
	setting func() // runs before a policy is put in force
}

func (r *fakeResolver) Set(p *dnsfilter.Policy) {
	if r.setting != nil {
		r.setting()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = p
}

func (r *fakeResolver) SetUpstreams(u upstream.Routes, devices map[string][]netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes, r.devices = u, devices
}

// decide is what becomes of a question by the policy in force.
func (r *fakeResolver) decide(q dnsfilter.Ask) dnsfilter.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.policy.Decide(q)
}

func (r *fakeResolver) Stats() DNSCounts { return r.counts }

func (r *fakeResolver) Explain(_ context.Context, name string, client netip.Addr) (Explanation, error) {
	d := r.decide(dnsfilter.Ask{Client: client, Name: name, At: noon})
	x := Explanation{Name: name, Action: "answer", Reason: d.Reason, List: d.List, Line: d.Line}
	if d.Action == dnsfilter.Refuse {
		x.Action = "refuse"
	}
	return x, nil
}
