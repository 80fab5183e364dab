package bootslot

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func look(t testing.TB, running string, names ...string) Slots {
	return Look(version(t, running), names, ".efi")
}

func TestParseNames(t *testing.T) {
	for name, want := range map[string]string{
		"monban_1.2.3.efi":           "1.2.3 kept",
		"MONBAN_1.2.3-DEBUG.EFI":     "1.2.3-debug kept",
		"monban_1.2.3+1.efi":         "1.2.3 armed",
		"monban_1.2.3+3-2.efi":       "1.2.3 armed",
		"monban_1.2.3+0-1.efi":       "1.2.3 tried",
		"monban_1.2.3+0.efi":         "1.2.3 given up",
		"monban_1.2.3+0-0.efi":       "1.2.3 given up",
		"monban_1.2.3.new":           "1.2.3 ready",
		"monban_1.2.3.part":          "1.2.3 part",
		"monban_1.2.3.why":           "1.2.3 why",
		"monban_1.2.3.sum":           "1.2.3 summed",
		"monban_1.2.3":               "",
		"monban_1.2.3.efi.bak":       "",
		"monban_1.2.efi":             "",
		"monban_1.2.3+x.efi":         "",
		"monban_1.2.3+1.new":         "",
		"monban_.efi":                "",
		"other_1.2.3.efi":            "",
		"monban_1.2.3+.efi":          "",
		"monban_1.2.3+1-.efi":        "",
		"monban_99999999999.0.0.efi": "",
	} {
		got := ""
		for _, f := range ParseNames([]string{name}, ".efi") {
			got = f.Version.String() + " " + map[Mark]string{Kept: "kept", Part: "part", Ready: "ready", Armed: "armed", Tried: "tried", GivenUp: "given up", Why: "why", Summed: "summed"}[f.Mark]
			if f.Name != name {
				t.Errorf("%s is called %s", name, f.Name)
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("monban_1.2.3+0-1.efi")
	f.Add("monban_1.2.3.new")
	f.Add("monban_1.2.3.sum")
	f.Fuzz(func(t *testing.T, name string) {
		for _, file := range ParseNames([]string{name}, ".efi") {
			again := ParseNames([]string{Name(file.Version, file.Mark, ".efi")}, ".efi")
			if len(again) != 1 || again[0].Version != file.Version || again[0].Mark != file.Mark {
				t.Errorf("%q: %+v, written again %+v", name, file, again)
			}
		}
	})
}

// How the slots of a box that runs 1.0.0 stand, by what lies beside the loader.
func TestLook(t *testing.T) {
	for _, c := range []struct {
		names string
		want  string
	}{
		{"", "lost"},
		{"1.0.0.efi", "kept"},
		{"1.0.0.efi 0.9.0.efi", "kept, other 0.9.0"},
		{"1.0.0.efi 1.1.0.part", "kept"},
		{"1.0.0.efi 1.1.0.new", "kept, waiting 1.1.0"},
		{"1.0.0.efi 1.1.0.new 1.1.0.sum 1.0.0.sum", "kept, waiting 1.1.0"},
		{"1.0.0.efi 1.1.0.sum", "kept"},
		{"1.0.0.efi 1.1.0+1.efi", "kept, armed 1.1.0"},
		{"1.0.0.efi 1.1.0.new 1.1.0+1.efi", "kept, armed 1.1.0"},
		{"1.0.0.efi 1.1.0+0-1.efi", "kept, failed 1.1.0"},
		{"1.0.0.efi 1.1.0+0-1.efi 1.1.0.why", "kept, failed 1.1.0"},
		{"1.0.0.efi 1.1.0+0.efi", "kept, left 1.1.0"},
		{"1.0.0.efi 0.9.0+0-1.efi", "kept"},
		{"1.0.0+0-1.efi 0.9.0.efi", "trial, other 0.9.0"},
		{"1.0.0+1.efi 0.9.0.efi", "trial, other 0.9.0"}, // the loader could not write
		{"1.0.0.new 1.0.0+0-1.efi 0.9.0.efi", "trial, other 0.9.0"},
		{"1.0.0.efi 1.0.0+0-1.efi 0.9.0.efi", "kept, other 0.9.0"},
		{"1.0.0+0.efi 0.9.0.efi", "leaving, other 0.9.0, left 1.0.0"},
		{"1.0.0.efi 1.1.0.efi", "kept, other 1.1.0"}, // chosen by hand
		{"1.0.0.efi 1.1.0.efi 1.1.0+0-1.efi", "kept, other 1.1.0"},
	} {
		var names []string
		for _, n := range strings.Fields(c.names) {
			names = append(names, "monban_"+n)
		}
		s := look(t, "1.0.0", names...)
		got := "kept"
		switch {
		case s.Trial():
			got = "trial"
		case s.lost():
			got = "lost"
		case s.leaving():
			got = "leaving"
		}
		waiting, armed := s.Waiting()
		for _, v := range []struct {
			what string
			v    Version
		}{{map[bool]string{true: "armed", false: "waiting"}[armed], waiting}, {"other", s.Other()}, {"failed", s.Failed()}, {"left", s.Left()}} {
			if !v.v.IsZero() {
				got += ", " + v.what + " " + v.v.String()
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.names, got, c.want)
		}
		if may := s.MayInstall(); (may == nil) != strings.HasPrefix(got, "kept") {
			t.Errorf("%s: %s", c.names, code(t, may))
		}
		for _, name := range s.Clear() {
			if strings.HasPrefix(name, "monban_1.0.0") {
				t.Errorf("%s: %s would go", c.names, name)
			}
		}
	}
}

func TestSteps(t *testing.T) {
	arm := Slots.Arm
	commit := Slots.Commit
	back := Slots.Back
	begin := Slots.Begin
	agree := func(kept bool) func(Slots) (Rename, error) {
		return func(s Slots) (Rename, error) { return s.Agree(kept) }
	}
	for _, c := range []struct {
		act   func(Slots) (Rename, error)
		names string
		want  string
	}{
		{arm, "1.0.0.efi 1.1.0.new", "1.1.0.new > 1.1.0+1.efi"},
		{arm, "1.0.0.efi 1.1.0+1.efi", ""},
		{arm, "1.0.0.efi 1.1.0.new 1.1.0+1.efi", ""},
		{arm, "1.0.0.efi 1.1.0.part", "slot.nothing_waiting"},
		{arm, "1.0.0.efi 1.1.0+0-1.efi", "slot.nothing_waiting"},
		{commit, "1.0.0.efi", ""},
		{commit, "1.0.0+0-1.efi 0.9.0.efi", "1.0.0+0-1.efi > 1.0.0.efi"},
		{commit, "1.0.0+1.efi 0.9.0.efi", "1.0.0+1.efi > 1.0.0.efi"},
		{commit, "1.0.0+0.efi 0.9.0.efi", "1.0.0+0.efi > 1.0.0.efi"},
		{commit, "1.0.0.efi 1.0.0+0-1.efi", ""},
		{commit, "0.9.0.efi", "slot.lost"},
		{back, "1.0.0.efi", "slot.no_other"},
		{back, "1.0.0.efi 0.9.0.efi", "1.0.0.efi > 1.0.0+0.efi"},
		{back, "1.0.0.efi 1.0.0+0.efi 0.9.0.efi", "1.0.0.efi > 1.0.0+0-1.efi"},
		{back, "1.0.0+0-1.efi 0.9.0.efi", ""},
		{back, "1.0.0+0-1.efi", "slot.no_other"},
		{back, "1.0.0+1.efi 0.9.0.efi", "1.0.0+1.efi > 1.0.0+0-1.efi"}, // the loader could not write
		{back, "1.0.0+1.efi 1.0.0+0-1.efi 0.9.0.efi", "1.0.0+1.efi > 1.0.0+0.efi"},
		{back, "1.0.0+1.efi", "slot.no_other"},
		{back, "1.0.0+0.efi 0.9.0.efi", ""},
		{back, "1.0.0.efi 1.1.0+1.efi", "1.1.0+1.efi > 1.1.0.new"},
		{back, "1.0.0.efi 1.1.0+1.efi 1.1.0.new", "1.1.0+1.efi > 1.1.0+0.efi"},
		{back, "1.0.0.efi 1.1.0.new", "slot.no_other"},
		{begin, "1.0.0+1.efi 0.9.0.efi", "1.0.0+1.efi > 1.0.0+0-1.efi"},
		{begin, "1.0.0+1.efi 1.0.0+0-1.efi 0.9.0.efi", "1.0.0+1.efi > 1.0.0+0.efi"},
		{begin, "1.0.0+1.efi", "1.0.0+1.efi > 1.0.0+0-1.efi"},
		{begin, "1.0.0+0-1.efi 0.9.0.efi", ""},
		{begin, "1.0.0.efi 1.0.0+1.efi", ""},
		{begin, "1.0.0.efi 1.1.0+1.efi", ""},
		{agree(true), "1.0.0.efi", ""},
		{agree(true), "1.0.0+0-1.efi", "1.0.0+0-1.efi > 1.0.0.efi"},
		{agree(true), "", " > 1.0.0.efi"},
		{agree(false), "1.0.0.efi", "1.0.0.efi > 1.0.0+0-1.efi"},
		{agree(false), "1.0.0.efi 1.0.0+0-1.efi", "1.0.0.efi > 1.0.0+0.efi"},
		{agree(false), "1.0.0.new", "1.0.0.new > 1.0.0+0-1.efi"}, // disarmed after the loader was told
		{agree(false), "", " > 1.0.0+0-1.efi"},
		{agree(false), "1.0.0+0.efi", ""},
		{agree(false), "1.0.0+1.efi", ""},
	} {
		var names []string
		for _, n := range strings.Fields(c.names) {
			names = append(names, "monban_"+n)
		}
		r, err := c.act(look(t, "1.0.0", names...))
		got := code(t, err)
		if r != (Rename{}) {
			got += strings.ReplaceAll(r.From+" > "+r.To, "monban_", "")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.names, got, c.want)
		}
	}
}

// Whatever lies there, no step renames one file over another.
func TestNothingIsRenamedOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for _, v := range []string{"0.9.0", "1.0.0", "1.1.0"} {
			for m := Kept; m <= Summed; m++ {
				if rapid.Bool().Draw(t, v+suffix[m]) {
					v, err := ParseVersion(v)
					if err != nil {
						t.Fatal(err)
					}
					names = append(names, Name(v, m, ".efi"))
				}
			}
		}
		running, err := ParseVersion("1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		s := Look(running, names, ".efi")
		for what, act := range map[string]func() (Rename, error){"arm": s.Arm, "commit": s.Commit, "back": s.Back,
			"begin": s.Begin,
			"agree": func() (Rename, error) { return s.Agree(true) }, "disagree": func() (Rename, error) { return s.Agree(false) }} {
			r, err := act()
			if err == nil && slices.Contains(names, r.To) {
				t.Errorf("%s: %s over %s in %v", what, r.From, r.To, names)
			}
		}
	})
}

func TestAutoboot(t *testing.T) {
	a, b := Autoboot(2, 3), Autoboot(3, 2)
	if len(a) != len(b) || len(a) > MaxAutoboot {
		t.Errorf("%d and %d bytes", len(a), len(b))
	}
	for s, want := range map[string][2]int{
		string(a): {2, 3}, string(b): {3, 2},
		"# ours\r\n[all]\r\ntryboot_a_b=1\r\nboot_partition=2\r\n[tryboot]\r\nboot_partition=3\r\n": {2, 3},
		"boot_partition=2\n[tryboot]\nboot_partition=3":                                             {2, 3},
		"":                     {},
		"boot_partition=2":     {},
		string(a) + "[none]\n": {},
		"boot_partition=2\n[tryboot]\nboot_partition=2":  {},
		"boot_partition=0\n[tryboot]\nboot_partition=2":  {},
		"boot_partition=20\n[tryboot]\nboot_partition=2": {},
		string(a) + strings.Repeat("#", MaxAutoboot):     {},
	} {
		boot, try, err := ParseAutoboot([]byte(s))
		if got := [2]int{boot, try}; got != want || (err == nil) != (want != [2]int{}) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func FuzzAutoboot(f *testing.F) {
	f.Add([]byte(Autoboot(2, 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		boot, try, err := ParseAutoboot(b)
		if err != nil {
			return
		}
		if b2, t2, err := ParseAutoboot(Autoboot(boot, try)); err != nil || b2 != boot || t2 != try {
			t.Errorf("%q: %d %d %v", b, b2, t2, err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"do":"install","size":123}`))
	f.Add([]byte(`{"do":"install","size":1,"sum":"` + strings.Repeat("0a", 32) + `"}`))
	f.Add([]byte(strings.Repeat("0a", 32)))
	f.Add([]byte(`{"do":"back","why":[{"code":"health.names","args":{"a":1}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ParseRequest(b)
		for _, w := range ParseWhy(b) {
			_ = w.Error()
		}
		if s := ParseSum(b); s != (Sum{}) {
			if again, err := s.MarshalText(); err != nil || !strings.EqualFold(string(again), string(b)) {
				t.Errorf("%q is read as %s (%v)", b, again, err)
			}
		}
	})
}
