package peers_test

import (
	"fmt"
	"strings"
)

// Figures are all that one run saw.
type figures struct {
	long    bool
	list    float64 // MB of a million names
	sizes   map[string]*size
	main    table
	both    table
	growth  map[int]table
	grown   map[int]map[string]float64 // MB, by names and server
	clients map[int]table
}

// A limit is what must hold, and what was seen.
type limit struct {
	what  string
	saw   float64
	unit  string // empty: a ratio
	most  float64
	least bool // most is the least it may be
}

func (l limit) holds() bool {
	if l.least {
		return l.saw >= l.most
	}
	return l.saw > 0 && l.saw <= l.most
}

func (l limit) String() string {
	verdict := "holds"
	if !l.holds() {
		verdict = "DOES NOT HOLD"
	}
	return fmt.Sprintf("%-72s %8s  %s %s  %s", l.what, amount(l.saw, l.unit), l.sign(), amount(l.most, l.unit), verdict)
}

func (l limit) sign() string {
	if l.least {
		return "≥"
	}
	return "≤"
}

// amount writes v with its unit; a ratio has none.
func amount(v float64, unit string) string {
	switch {
	case unit == "":
		return fmt.Sprintf("%.2f ×", v)
	case unit == "q/s":
		return fmt.Sprintf("%.0f", v)
	case v < 100:
		return strings.TrimSpace(fmt.Sprintf("%.1f %s", v, unit))
	}
	return strings.TrimSpace(fmt.Sprintf("%.0f %s", v, unit))
}

// limits are those of the product, with what f has of them.
func (f *figures) limits() (all []limit) {
	for _, c := range []struct {
		mix, peer string
		most      float64
	}{
		{"cached", "floor", 1.15}, {"cached", "dnsmasq", 0.95},
		{"blocked", "floor", 1.15}, {"blocked", "unbound", 0.80},
		{"mix", "floor", 1.5}, {"mix", "unbound", 0.80},
	} {
		all = append(all, limit{what: fmt.Sprintf("processor for a question, %s ÷ %s", c.mix, c.peer),
			saw: ratio(f.main.of(c.mix, "monban").cpu, f.main.of(c.mix, c.peer).cpu), most: c.most})
	}
	for _, m := range mixes() {
		for _, p := range []string{"unbound", "dnsmasq"} {
			all = append(all, limit{what: fmt.Sprintf("answers a second on two cores, %s ÷ %s", m.name, p),
				saw: ratio(f.both.of(m.name, "monban").rate, f.both.of(m.name, p).rate), most: 1, least: true})
		}
	}
	for _, m := range mixes() {
		ours, a, b := f.main.of(m.name, "monban"), f.main.of(m.name, "unbound"), f.main.of(m.name, "dnsmasq")
		all = append(all, limit{what: fmt.Sprintf("p50 at 5,000 q/s, %s ÷ best peer", m.name), saw: max(ratio(ours.p50, a.p50), ratio(ours.p50, b.p50)), most: 1.2},
			limit{what: fmt.Sprintf("p99 at 5,000 q/s, %s ÷ best peer", m.name), saw: max(ratio(ours.p99, a.p99), ratio(ours.p99, b.p99)), most: 1.2})
	}
	run, text := f.sizes["monban"], f.sizes["monban, 1,000,000 hosts lines"]
	good := 100.0
	for _, m := range mixes() {
		c := f.main.of(m.name, "monban")
		good = min(good, 100*float64(c.sent-c.bad)/float64(max(c.sent, 1)))
	}
	return append(all,
		limit{what: "memory of a million names", saw: f.list, unit: "MB", most: 12},
		limit{what: "process with a million names, RSS", saw: run.loaded, unit: "MB", most: 45},
		limit{what: "process under all mixes, peak RSS", saw: run.most, unit: "MB", most: 90},
		limit{what: "compiled file to first right refusal", saw: median(run.ready), unit: "ms", most: 30},
		limit{what: "1,000,000 hosts lines to first right refusal", saw: median(text.ready), unit: "ms", most: 1200},
		limit{what: "… peak RSS", saw: text.peak, unit: "MB", most: 120},
		limit{what: "… RSS three seconds later", saw: text.loaded, unit: "MB", most: 45},
		limit{what: "wrong or missing answers, worst mix (at least 99.9 % right)", saw: good, unit: "%", most: 99.9, least: true},
	)
}

// of is the cell of a mix and a server, empty if there is none.
func (t table) of(mix, peer string) *cell {
	if c := t[cellKey{mix, peer}]; c != nil {
		return c
	}
	return &cell{}
}
