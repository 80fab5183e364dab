package gateway

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/firewall"
	"monban/gateway/device"
)

// around makes the kernel count n more packets of a device to a port.
func (b *box) around(mac device.MAC, port uint16, n uint64) {
	b.fw.set(func() {
		if b.fw.around == nil {
			b.fw.around = map[firewall.Detour]uint64{}
		}
		b.fw.around[firewall.Detour{Device: mac, Port: port}] += n
	})
}

// asked is what the query log tells of one name.
func (b *box) askedFor(next uint64, device, name string, verdict querylog.Verdict, reason string, n uint64) {
	b.evadeNames(querylog.Counts{Next: next, All: []querylog.Count{{Hour: b.time.clock().Wall().Unix() / 3600, Device: device, Name: name, Verdict: verdict, Reason: reason, N: n}}})
}

// evaded are the ways of a day as the page has them: "device kind n/stopped".
func (b *box) evaded(day string) (got []string) {
	b.t.Helper()
	b.time.pass(tryFresh)
	d, err := b.Evasions(b.t.Context(), b.director(), day)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, dev := range slices.Concat(d.Devices, d.Polite) {
		for _, w := range dev.Ways {
			got = append(got, fmt.Sprintf("%s %s %d/%d %v", dev.DeviceName, w.Kind, w.N, w.Stopped, w.What))
		}
	}
	slices.Sort(got)
	return got
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q\nwant %q", what, got, want)
	}
}

// What the kernel counted and what was asked for by name stands by device and
// day, on record once, and is counted neither twice nor lost when the daemon
// dies.
func TestEvasions(t *testing.T) {
	b := newBox(t).start()
	b.seen(rececom, "192.168.10.31")
	pc := device.MAC{2, 0, 0, 0, 0, 0x20}
	b.around(rececom, 853, 3)
	b.around(rececom, 53, 40)
	b.around(pc, 443, 2)
	b.askedFor(10, rececom.String(), "dns.google", querylog.Refused, dnsfilter.Bypass, 5)
	b.askedFor(20, rececom.String(), "use-application-dns.net", querylog.Local, dnsfilter.Canary, 9)
	b.askedFor(30, pc.String(), "api.nordvpn.com", querylog.Answered, dnsfilter.Permitted, 9) // the clinic wants it
	b.askedFor(40, pc.String(), "www.example", querylog.Refused, dnsfilter.Listed, 9)
	want := []string{"02:00:00:00:00:20 https 2/2 []", "レセコン canary 9/9 [use-application-dns.net]", "レセコン dns 5/5 [dns.google]",
		"レセコン plain 40/40 []", "レセコン tls 3/3 []"}
	same(t, "from memory", b.evaded(""), want...)
	b.writeEvasions(t.Context(), false)
	same(t, "from disk", b.evaded(""), want...)
	for code, n := range map[string]int{"evasion.dns.stopped": 1, "evasion.plain.stopped": 1, "evasion.tls.stopped": 1, "evasion.https.stopped": 1, "evasion.canary.stopped": 0} {
		if got := b.lines(code); got != n {
			t.Errorf("%d lines of %s, want %d", got, code, n)
		}
	}
	// Killed and started: what was kept is not counted again, what came
	// meanwhile is not lost, and nothing is on record twice.
	b.around(rececom, 853, 4)
	b.kill().start()
	b.askedFor(20, rececom.String(), "dns.google", querylog.Refused, dnsfilter.Bypass, 5) // told again, from the log on disk
	b.askedFor(50, rececom.String(), "dns.quad9.net", querylog.Refused, dnsfilter.Bypass, 1)
	want[2], want[4] = "レセコン dns 6/6 [dns.google dns.quad9.net]", "レセコン tls 7/7 []"
	same(t, "after a crash", b.evaded(""), want...)
	b.writeEvasions(t.Context(), true)
	same(t, "and on disk", b.evaded(""), want...)
	if n := b.lines("evasion.tls.stopped") + b.lines("evasion.dns.stopped"); n != 2 {
		t.Errorf("%d lines", n)
	}
	// The next day begins at nothing, and is on record anew.
	b.time.pass(24 * time.Hour)
	b.around(rececom, 853, 1)
	same(t, "the next day", b.evaded(""), "レセコン tls 1/1 []")
	b.writeEvasions(t.Context(), true)
	if n := b.lines("evasion.tls.stopped"); n != 2 {
		t.Errorf("%d lines", n)
	}
	d, err := b.Evasions(t.Context(), b.director(), "")
	if err != nil || len(d.Days) != 2 || d.Observe {
		t.Errorf("%+v, %v", d, err)
	}
}

// What goes on record is written at once, the rest every five minutes: a
// device that keeps on trying must not wear the card out.
func TestEvasionsWriteSeldom(t *testing.T) {
	b := newBox(t).start()
	written := func() string {
		t.Helper()
		m, err := b.db().Meta(t.Context(), keyEvasions)
		if err != nil {
			t.Fatal(err)
		}
		return string(m)
	}
	turn := func() {
		b.around(rececom, 853, 1)
		b.time.pass(time.Minute)
		b.readEvasions(t.Context())
		b.writeEvasions(t.Context(), false)
	}
	turn()
	last, writes := written(), 0
	if last == "" {
		t.Fatal("what is new was not written")
	}
	for range 60 {
		turn()
		if now := written(); now != last {
			last, writes = now, writes+1
		}
	}
	if writes != 12 {
		t.Errorf("%d writes in an hour", writes)
	}
	same(t, "all the same", b.evaded(""), "レセコン tls 61/61 []")
}

// Where ways around are only observed, nothing of them is said to be stopped,
// and a name is none that is refused; but a device that must ask us is stopped.
func TestEvasionsObserved(t *testing.T) {
	b := newBox(t)
	b.edit("[dns]", "[dns]\naround = \"observe\"")
	b.start()
	b.seen(rececom, "192.168.10.31")
	pc := device.MAC{2, 0, 0, 0, 0, 0x20}
	b.around(pc, 853, 3)
	b.askedFor(10, pc.String(), "bridges.torproject.org", querylog.Answered, dnsfilter.Unlisted, 2)
	same(t, "observed", b.evaded(""), "02:00:00:00:00:20 tls 3/0 []", "02:00:00:00:00:20 tor 2/0 [bridges.torproject.org]")
	b.writeEvasions(t.Context(), false)
	if b.lines("evasion.tls.seen") != 1 || b.lines("evasion.tor.seen") != 1 {
		t.Errorf("%+v", b.log())
	}
	if d := b.dns.decide(dnsfilter.Ask{Name: "dns.google", Type: 1}); d.Action != dnsfilter.Forward {
		t.Errorf("%+v", d)
	}
	if v := b.view("bypass-dns"); v.State != ListCounted {
		t.Errorf("%+v", v)
	}
	if rs, _, err := b.plan(); err != nil || rs.Rules.RefusesDNS() {
		t.Errorf("the rules refuse it: %v", err)
	}
}

// The names and addresses of ways around are refused, but for what must work or
// is allowed to all; the box's own resolvers are its own matter.
func TestAroundIsPlanned(t *testing.T) {
	b := newBox(t).start()
	for _, name := range []string{"dns.google", "api.nordvpn.com", "x.torproject.org"} {
		if d := b.dns.decide(dnsfilter.Ask{Name: name, Type: 1}); d.Action != dnsfilter.Refuse || d.Reason != dnsfilter.Bypass {
			t.Errorf("%s: %+v", name, d)
		}
	}
	rules := func(b *box) firewall.Ruleset {
		d, _, err := b.plan()
		if err != nil {
			t.Fatal(err)
		}
		return d.Rules
	}
	if rs := rules(b); !has(t, rs, "doh4", ip("8.8.8.8")) || !has(t, rs, "doh6", ip("2606:4700:4700::1111")) || has(t, rs, "doh4", ip("8.8.8.9")) || !rs.RefusesDNS() {
		t.Error("the addresses are not in the rules")
	}
	c := example(t, `"www.lab.example"`, `"www.lab.example", "dns.google"`)
	d, _, err := Plan(c, nil, nil, ways, nil)
	if err != nil || has(t, d.Rules, "doh4", ip("8.8.8.8")) || !has(t, d.Rules, "doh4", ip("9.9.9.9")) {
		t.Errorf("what must work is refused: %v", err)
	}
	c = example(t, "192.168.10.1/24", "1.1.1.77/24") // somebody has such a LAN
	if d, _, err = Plan(c, nil, nil, ways, nil); err != nil || has(t, d.Rules, "doh4", ip("1.1.1.1")) {
		t.Errorf("a LAN of such addresses: %v", err)
	}
}

// A kernel that cannot be read, a full memory and made-up devices lose no more
// than they must.
func TestEvasionsBounds(t *testing.T) {
	b := newBox(t).start()
	for i := range maxEvaders + 50 {
		b.around(device.MAC{2, 1, 0, 0, byte(i >> 8), byte(i)}, 853, 1)
	}
	b.readEvasions(t.Context())
	if n := len(b.Gateway.evasions.rows); n != maxEvaders {
		t.Errorf("%d rows", n)
	}
	b.writeEvasions(t.Context(), false)
	if n := b.lines("evasion.tls.stopped"); n != maxEvents {
		t.Errorf("%d lines of the log", n)
	}
	for i := range 2 * maxEvaders { // and more after them
		b.around(device.MAC{2, 2, 0, 0, byte(i >> 8), byte(i)}, 853, 1)
		if i%maxEvaders == maxEvaders-1 {
			b.readEvasions(t.Context())
			b.writeEvasions(t.Context(), true)
		}
	}
	if n := len(b.Gateway.evasions.told); n > maxEvaders {
		t.Errorf("%d are remembered as told", n)
	}
	b.time.pass(evadeIdle + time.Minute)
	b.readEvasions(t.Context())
	b.writeEvasions(t.Context(), false) // nobody tries any more, or nobody new can be counted
	b.fw.set(func() {
		if len(b.fw.around) != 0 {
			t.Errorf("the kernel still has %d that stand still", len(b.fw.around))
		}
	})
	b.around(device.MAC{2, 1, 0, 0, 0, 1}, 853, 1)
	b.readEvasions(t.Context())
	b.writeEvasions(t.Context(), true)
	b.fw.set(func() {
		if len(b.fw.around) != 1 {
			t.Errorf("the kernel still has %d", len(b.fw.around))
		}
		b.fw.fail["Around"] = errors.New("busy")
	})
	b.readEvasions(t.Context())
	if _, err := b.Evasions(t.Context(), b.director(), ""); err != nil {
		t.Error(err)
	}
	fails(t, second(b.Evasions(t.Context(), b.director(), "x")), "attempt.day")
}
