package server

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// compareAnswers says what differs between two answers to one question, field
// by field, as both give it. Before they are compared byte by byte they are
// brought to one form, which takes away what a standard leaves open and nothing
// else:
//
//   - names are packed without compression (RFC 1035 section 4.1.4);
//   - the records of one set, and sets of the authority section, are sorted
//     (RFC 2181 section 5: a set has no order); sets of the answer keep theirs;
//   - of two TTLs that lie no further apart than aged, the greater counts.
func compareAnswers(unbound, ours *dns.Msg, aged time.Duration) (fields []fieldDiff) {
	level(unbound, ours, aged)
	add := func(name, u, o string) {
		if u != o {
			fields = append(fields, fieldDiff{name, u, o})
		}
	}
	add("id", fmt.Sprint(unbound.Id), fmt.Sprint(ours.Id))
	add("opcode", dns.OpcodeToString[unbound.Opcode], dns.OpcodeToString[ours.Opcode])
	add("bits", bits(unbound), bits(ours))
	add("rcode", dns.RcodeToString[unbound.Rcode], dns.RcodeToString[ours.Rcode])
	add("question", fmt.Sprint(unbound.Question), fmt.Sprint(ours.Question))
	for _, s := range []struct {
		name string
		u, o []dns.RR
	}{
		{"answer", unbound.Answer, ours.Answer}, {"authority", unbound.Ns, ours.Ns},
		{"additional", plainExtra(unbound), plainExtra(ours)},
	} {
		if !bytes.Equal(packed(s.u), packed(s.o)) {
			u, o := unshared(s.u, s.o), unshared(s.o, s.u)
			if u == o {
				u, o = "the same in another order", order(s.o)
			}
			add(s.name, u, o)
		}
	}
	add("EDNS", optText(unbound), optText(ours))
	return fields
}

// A fieldDiff is one field that differs, as unbound and as Monban give it.
type fieldDiff struct{ name, unbound, ours string }

// level brings the TTLs of records both hold to one value and sorts the sets.
func level(u, o *dns.Msg, aged time.Duration) {
	most := uint32(aged/time.Second) + 1
	for _, pair := range [][2][]dns.RR{{u.Answer, o.Answer}, {u.Ns, o.Ns}, {u.Extra, o.Extra}} {
		for _, a := range pair[0] {
			for _, b := range pair[1] {
				x, y := a.Header(), b.Header()
				if dns.IsDuplicate(a, b) && x.Ttl != 0 && y.Ttl != 0 && max(x.Ttl, y.Ttl)-min(x.Ttl, y.Ttl) <= most {
					x.Ttl = max(x.Ttl, y.Ttl)
					y.Ttl = x.Ttl
				}
			}
		}
	}
	for _, m := range []*dns.Msg{u, o} {
		m.Answer, m.Ns = sortedSets(m.Answer, false), sortedSets(m.Ns, true)
	}
}

// sortedSets sorts the records within each set, the sets among them if all is
// true. Signatures stand right behind what they sign.
func sortedSets(rrs []dns.RR, all bool) []dns.RR {
	first := map[string]int{}
	for _, rr := range rrs {
		if _, ok := first[setOf(rr)]; !ok {
			first[setOf(rr)] = len(first)
		}
	}
	out := slices.Clone(rrs)
	slices.SortStableFunc(out, func(a, b dns.RR) int {
		if sa, sb := setOf(a), setOf(b); sa != sb {
			if all {
				return strings.Compare(sa, sb)
			}
			return first[sa] - first[sb]
		}
		return bytes.Compare(packed([]dns.RR{a}), packed([]dns.RR{b}))
	})
	return out
}

// setOf names the set a record belongs to.
func setOf(rr dns.RR) string {
	typ := rr.Header().Rrtype
	if sig, ok := rr.(*dns.RRSIG); ok {
		typ = sig.TypeCovered
	}
	return strings.ToLower(rr.Header().Name) + " " + dns.Type(typ).String()
}

// packed is the wire form of records without compression.
func packed(rrs []dns.RR) []byte {
	b := make([]byte, 0, 1<<12)
	for _, rr := range rrs {
		one := make([]byte, dns.Len(rr)+1)
		n, err := dns.PackRR(rr, one, 0, nil, false)
		if err != nil {
			panic(err)
		}
		b = append(b, one[:n]...)
	}
	return b
}

// bits are the header's bits that are set, and OPT's DO.
func bits(m *dns.Msg) string {
	var set []string
	for _, b := range []struct {
		name string
		on   bool
	}{
		{"qr", m.Response}, {"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable}, {"z", m.Zero}, {"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled},
	} {
		if b.on {
			set = append(set, b.name)
		}
	}
	return strings.Join(set, " ")
}

func plainExtra(m *dns.Msg) (out []dns.RR) {
	for _, rr := range m.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			out = append(out, rr)
		}
	}
	return out
}

func optText(m *dns.Msg) string {
	opt := m.IsEdns0()
	if opt == nil {
		return "none"
	}
	s := fmt.Sprintf("version %d, %d octets", opt.Version(), opt.UDPSize())
	if opt.Do() {
		s += ", do"
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			s += fmt.Sprintf(", EDE %d", e.InfoCode)
			if e.ExtraText != "" {
				s += fmt.Sprintf(" “%s”", e.ExtraText)
			}
			continue
		}
		s += fmt.Sprintf(", option %d %s", o.Option(), o)
	}
	return s
}

// unshared are the records of a that b does not hold just so, the first few.
func unshared(a, b []dns.RR) string {
	var out []string
	for _, rr := range a {
		if slices.ContainsFunc(b, func(o dns.RR) bool { return bytes.Equal(packed([]dns.RR{rr}), packed([]dns.RR{o})) }) {
			continue
		}
		text := strings.Join(strings.Fields(rr.String()), " ")
		// A cache may have held it for a moment.
		ttl := (rr.Header().Ttl + 4) / 5 * 5
		text = strings.Replace(text, fmt.Sprintf(" %d IN ", rr.Header().Ttl), fmt.Sprintf(" %d ", ttl), 1)
		if len(text) > 80 {
			text = text[:77] + "…"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "none"
	}
	if n := len(out); n > 2 {
		out = append(out[:2], fmt.Sprintf("%d more", n-2))
	}
	return strings.ReplaceAll(strings.Join(out, "; "), "|", "\\|")
}

func order(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		out = append(out, dns.Type(rr.Header().Rrtype).String())
	}
	return strings.Join(out, ", ")
}
