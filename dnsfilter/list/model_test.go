package list

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A said is one thing a list says of a name; the model keeps them as they are.
type said struct {
	name                      string
	self, below               bool
	except, important, pulled bool // pulled: $badfilter
	line                      int
	types, client, deny       string // modifiers of AdBlock; empty: none
	pattern                   bool   // name is one
}

func (s said) holds(q Query) bool {
	name := q.Name
	switch s.types {
	case "A":
		if q.Type != 1 && (q.Type != 0 || s.except) {
			return false
		}
	case "~A|~HTTPS":
		if q.Type == 1 || q.Type == 65 || q.Type == 0 && s.except {
			return false
		}
	}
	switch in := q.Client == netip.MustParseAddr("192.0.2.7"); s.client {
	case "192.0.2.0/24|'x\\'y'":
		if !in {
			return false
		}
	case "~192.0.2.7":
		if in {
			return false
		}
	case "Tablet":
		if q.Device != "tablet" {
			return false
		}
	case "~tablet":
		if q.Device == "tablet" {
			return false
		}
	}
	if s.deny != "" && (name == s.deny || strings.HasSuffix(name, "."+s.deny)) {
		return false
	}
	if s.pattern {
		return asRegexp(s.name).MatchString(name)
	}
	return s.self && name == s.name || s.below && strings.HasSuffix(name, "."+s.name)
}

// weight is how specific a rule is; patterns are not at all.
func (s said) weight() int {
	if s.pattern {
		return 0
	}
	return len(s.name)
}

// asRegexp is what AdGuard says a rule means, for names.
func asRegexp(rule string) *regexp.Regexp {
	if rule[0] == '/' {
		return regexp.MustCompile("(?i)" + rule[1:len(rule)-1])
	}
	s := regexp.QuoteMeta(rule)
	s = strings.NewReplacer(`\|\|`, `(^|\.)`, `\*`, `.*`, `\^`, `$`, `\|`, `^`).Replace(s)
	return regexp.MustCompile(s)
}

// modelOf answers as the documentation of Find says, slowly.
func modelOf(lists [][]said, formats []Format, q Query) (list, line int, ok bool) {
	best := -1
	for i, all := range lists {
		var hold []said
		for _, s := range all {
			pulled := s
			pulled.pulled, pulled.line = true, 0
			if s.holds(q) && !s.pulled && !slices.ContainsFunc(all, func(x said) bool { x.line = 0; return x == pulled }) {
				hold = append(hold, s)
			}
		}
		if len(hold) == 0 {
			continue
		}
		weight := func(s said) int {
			w := 0
			if s.except {
				w++
			}
			if s.important {
				w += 2
			}
			if formats[i] == RPZ || formats[i] == DNSMasq {
				return s.weight()*4 + w
			}
			return w*1000 + s.weight()
		}
		win := hold[0]
		for _, s := range hold {
			if weight(s) > weight(win) {
				win = s
			}
		}
		if !win.except && win.weight() > best {
			best, list, line, ok = win.weight(), i, win.line, true
		}
	}
	return list, line, ok
}

// write puts s down in format f; false if f cannot say it.
func write(b *strings.Builder, f Format, s said) bool {
	star := ""
	if !s.self {
		star = "*."
	}
	switch {
	case f != AdBlock && (s.types != "" || s.client != "" || s.deny != "" || s.pattern):
		return false
	case f == Hosts && s == said{name: s.name, self: true}:
		fmt.Fprintf(b, "0.0.0.0 %s\n", s.name)
	case f == Domains && s == said{name: s.name, self: true}:
		fmt.Fprintf(b, "%s\n", s.name)
	case f == Domains && s == said{name: s.name, self: true, below: true}:
		fmt.Fprintf(b, "*.%s\n", s.name)
	case f == AdBlock:
		rule := "||" + star + s.name + "^"
		if !s.below {
			rule = "|" + s.name + "^"
		}
		if s.pattern {
			rule = s.name
		}
		if s.except {
			rule = "@@" + rule
		}
		var m []string
		if s.pulled {
			m = append(m, "badfilter")
		}
		if s.important {
			m = append(m, "important")
		}
		for _, x := range []struct{ name, value string }{{"dnstype", s.types}, {"client", s.client}, {"denyallow", s.deny}} {
			if x.value != "" {
				m = append(m, x.name+"="+x.value)
			}
		}
		if len(m) > 0 {
			rule += "$" + strings.Join(m, ",")
		}
		b.WriteString(rule + "\n")
	case f == RPZ && s.self != s.below && !s.important && !s.pulled:
		action := "."
		if s.except {
			action = "rpz-passthru."
		}
		fmt.Fprintf(b, "%s%s IN CNAME %s\n", star, s.name, action)
	case f == DNSMasq && s.below && !s.important && !s.pulled:
		if s.except {
			fmt.Fprintf(b, "server=/%s%s/#\n", star, s.name)
		} else {
			fmt.Fprintf(b, "address=/%s%s/#\n", star, s.name)
		}
	default:
		return false
	}
	return true
}

// The list says of every name what a slow model of all formats says, before
// and after it was in a file.
func TestAgainstModel(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "c", "x-1", "_y"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(append(rapid.SliceOfN(label, 0, 4).Draw(t, "labels"), "a.test"), ".")
	})
	flag := rapid.Bool()
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(KeyOf([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))))
		n := rapid.IntRange(1, 4).Draw(t, "lists")
		lists, formats := make([][]said, n), make([]Format, n)
		for i := range n {
			formats[i] = Format(rapid.IntRange(int(Hosts), int(DNSMasq)).Draw(t, "format"))
			var file strings.Builder
			for range rapid.IntRange(1, 12).Draw(t, "lines") {
				s := said{name: name.Draw(t, "name"), self: flag.Draw(t, "self"), below: flag.Draw(t, "below"),
					except: flag.Draw(t, "except"), important: flag.Draw(t, "important"), pulled: flag.Draw(t, "pulled")}
				s.self = s.self || !s.below
				if formats[i] == AdBlock && flag.Draw(t, "limited") {
					s.types = rapid.SampledFrom([]string{"", "A", "~A|~HTTPS"}).Draw(t, "types")
					s.client = rapid.SampledFrom([]string{"", "192.0.2.0/24|'x\\'y'", "~192.0.2.7", "Tablet", "~tablet"}).Draw(t, "client")
					s.deny = rapid.SampledFrom([]string{"", "b.a.test", "c.a.test"}).Draw(t, "deny")
				}
				if formats[i] == AdBlock && rapid.IntRange(0, 3).Draw(t, "pattern") == 0 {
					s.pattern, s.self, s.below = true, false, false
					s.name = rapid.SampledFrom([]string{"||x-*.test^", "||*x-1*a.t*", "*y.a.t*", "|a.*.test^", "||b*test", "/^a\\.[bc]/", "/A\\.TEST$/", "/(c|_y)\\.a\\.test/", "/[^a]{3}\\.a/", "*.*y.a.test^"}).Draw(t, "rule")
				}
				if write(&file, formats[i], s) {
					s.line = len(lists[i]) + 1
					lists[i] = append(lists[i], s)
				}
			}
			if len(lists[i]) == 0 {
				file.WriteString(map[bool]string{true: ";\n", false: "#\n"}[formats[i] == RPZ])
			}
			r, err := b.Add(Source{Name: fmt.Sprint(i), Text: strings.NewReader(file.String()), Format: formats[i]})
			if err != nil || r.Bad+r.Unusable > 0 && len(lists[i]) > 0 || r.Names != len(lists[i]) {
				t.Fatalf("%v: %+v, %v\n%s", formats[i], r, err, file.String())
			}
		}
		l := b.Build()
		again := reload(t, l)
		for _, asked := range rapid.SliceOfN(name, 30, 30).Draw(t, "asked") {
			q := Query{Name: asked, In: All, Type: rapid.SampledFrom([]uint16{0, 1, 28, 65}).Draw(t, "type"),
				Client: rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("fe80::1%eth0")}).Draw(t, "client"),
				Device: rapid.SampledFrom([]string{"", "tablet", "xray"}).Draw(t, "device")}
			k, line, ok := modelOf(lists, formats, q)
			want := Entry{}
			if ok {
				want.List, want.Line = fmt.Sprint(k), line
			}
			e, found := l.Find(q)
			if e2, found2 := again.Find(q); e != e2 || found != found2 {
				t.Fatalf("%+v: %+v, and from the file %+v", q, e, e2)
			}
			if e.At = 0; found != ok || e != want {
				t.Fatalf("%+v: %+v %v, want %+v %v\n%+v\n%v", q, e, found, want, ok, lists, formats)
			}
		}
	})
}
