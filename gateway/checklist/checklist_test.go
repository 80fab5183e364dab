package checklist_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/checklist"
	"monban/gateway/text"
)

var now = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// The edition is whole: 18 items in the order and numbering of the form, each
// with words in both languages, and evidence codes that have a name.
func TestEdition(t *testing.T) {
	e := checklist.Newest()
	var nos []string
	for _, it := range e.Items {
		nos = append(nos, it.No)
		words := []checklist.Words{it.Title, it.Human}
		keys := map[string]bool{}
		for _, p := range it.Parts {
			words = append(words, p.Title)
			if keys[p.Key] || p.Key == "" {
				t.Errorf("%s: part %q is not unique", it.No, p.Key)
			}
			keys[p.Key] = true
			if !slices.Contains([]checklist.Class{checklist.A, checklist.B, checklist.C}, p.Class) {
				t.Errorf("%s %s: class %q", it.No, p.Key, p.Class)
			}
			if p.Class != checklist.C && len(p.Needs) == 0 {
				t.Errorf("%s %s needs nothing and is not for people", it.No, p.Key)
			}
			for _, n := range p.Needs {
				if code := checklist.EvidenceTitle(n); text.JA.Say(code, nil) == code {
					t.Errorf("%s %s: evidence %s has no name", it.No, p.Key, n)
				}
			}
		}
		for _, w := range words {
			if w.JA == "" || w.EN == "" {
				t.Errorf("%s: words missing: %+v", it.No, w)
			}
		}
		if len(it.Parts) == 0 {
			t.Errorf("%s has no parts", it.No)
		}
	}
	want := strings.Fields("1-① 2-① 2-② 2-③ 2-④ 2-⑤ 2-⑥ 2-⑦ 2-⑧ 2-⑨ 2-⑩ 2-⑪ 2-⑫ 2-⑬ 3-① 3-② 3-③ 4-①")
	if !slices.Equal(nos, want) {
		t.Errorf("items %v, want %v", nos, want)
	}
}

// What the design says each item rests on, as far as it must not slip.
func TestNeeds(t *testing.T) {
	want := map[string]string{
		"2-⑬ outside": "E-01 E-02 E-03 E-04", "2-⑬ wireless": "E-22", "2-① seen": "E-06", "2-① new": "E-07",
		"2-⑪ remote": "E-04 E-11 E-12", "2-⑪ review": "E-13",
	}
	for _, it := range checklist.Newest().Items {
		for _, p := range it.Parts {
			if w, ok := want[it.No+" "+p.Key]; ok && w != strings.Join(p.Needs, " ") {
				t.Errorf("%s %s needs %v, want %s", it.No, p.Key, p.Needs, w)
			}
			delete(want, it.No+" "+p.Key)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func pass(code string) checklist.Evidence {
	return checklist.Evidence{Code: code, Result: checklist.Pass, At: now.Add(-time.Hour), ValidUntil: now.Add(time.Hour), Synced: true}
}

// find returns the state of an item, and of one of its parts.
func find(t *testing.T, fs []checklist.Finding, no, key string) (item, part checklist.State, attention bool) {
	t.Helper()
	for _, f := range fs {
		if f.No != no {
			continue
		}
		for _, p := range f.Parts {
			if p.Key == key {
				return f.State, p.State, f.Attention
			}
		}
	}
	t.Fatalf("no %s %s", no, key)
	return "", "", false
}

func TestEvaluate(t *testing.T) {
	for _, c := range []struct {
		name, no, key string
		change        func(map[string]checklist.Evidence)
		item, part    checklist.State
		attention     bool
	}{
		{"all four pass: the outside half only", "2-⑬", "outside", nil, checklist.Partial, checklist.Confirmed, false},
		{"the wireless half has no collector", "2-⑬", "wireless", nil, checklist.Partial, checklist.Unmeasured, false},
		{"other lines are a person's word", "2-⑬", "lines", nil, checklist.Partial, checklist.Declared, false},
		{"one missing", "2-⑬", "outside", func(m map[string]checklist.Evidence) { delete(m, "E-03") }, checklist.Partial, checklist.Partial, false},
		{"one unknown", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.Result = checklist.Unknown }), checklist.Partial, checklist.Partial, false},
		{"one failed", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.Result = checklist.Fail }), checklist.Partial, checklist.Partial, true},
		{"one out of date", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.ValidUntil = now }), checklist.Expired, checklist.Expired, false},
		{"failed and out of date", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.Result, e.ValidUntil = checklist.Fail, now }), checklist.Expired, checklist.Expired, true},
		{"from the future", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.At = now.Add(time.Hour) }), checklist.Partial, checklist.Partial, false},
		{"without an end", "2-⑬", "outside", set("E-03", func(e *checklist.Evidence) { e.ValidUntil = time.Time{} }), checklist.Partial, checklist.Partial, false},
		{"nothing at all", "2-⑬", "outside", func(m map[string]checklist.Evidence) { clear(m) }, checklist.Unmeasured, checklist.Unmeasured, false},
		{"devices", "2-①", "seen", nil, checklist.Partial, checklist.Partial, false},
		{"log", "2-⑪", "remote", nil, checklist.Partial, checklist.Partial, false},
		{"review has no collector", "2-⑪", "review", nil, checklist.Partial, checklist.Unmeasured, false},
		{"papers", "2-③", "papers", nil, checklist.Declared, checklist.Declared, false},
		{"papers entered", "2-③", "papers", func(m map[string]checklist.Evidence) { m["E-21"] = pass("E-21") }, checklist.Declared, checklist.Declared, false},
		{"papers overdue", "2-③", "papers", func(m map[string]checklist.Evidence) {
			m["E-21"] = checklist.Evidence{Code: "E-21", Result: checklist.Pass, At: now.AddDate(-2, 0, 0), ValidUntil: now.AddDate(-1, 0, 0)}
		}, checklist.Expired, checklist.Expired, false},
		{"no vendor", "2-③", "papers", func(m map[string]checklist.Evidence) {
			e := pass("E-21")
			e.Result = checklist.NA
			m["E-21"] = e
		}, checklist.NotApplicable, checklist.NotApplicable, false},
	} {
		ev := map[string]checklist.Evidence{}
		for _, code := range []string{"E-01", "E-02", "E-03", "E-04", "E-06", "E-11", "E-12"} {
			ev[code] = pass(code)
		}
		if c.change != nil {
			c.change(ev)
		}
		item, part, attention := find(t, checklist.Evaluate(checklist.Newest(), ev, now), c.no, c.key)
		if item != c.item || part != c.part || attention != c.attention {
			t.Errorf("%s: item %s, part %s, attention %v; want %s, %s, %v", c.name, item, part, attention, c.item, c.part, c.attention)
		}
	}
}

func set(code string, f func(*checklist.Evidence)) func(map[string]checklist.Evidence) {
	return func(m map[string]checklist.Evidence) {
		e := m[code]
		f(&e)
		m[code] = e
	}
}

// Whatever the evidence: nothing only people can say becomes a measurement,
// nothing unmeasured is confirmed, and no item as a whole is, since each has a
// part that no box at the boundary sees.
func TestNeverTooMuch(t *testing.T) {
	e := checklist.Newest()
	codes := map[string]bool{}
	for _, it := range e.Items {
		for _, p := range it.Parts {
			for _, n := range p.Needs {
				codes[n] = true
			}
		}
	}
	all := slices.Sorted(maps.Keys(codes))
	rapid.Check(t, func(t *rapid.T) {
		ev := map[string]checklist.Evidence{}
		for _, code := range all {
			if rapid.IntRange(0, 9).Draw(t, code) < 3 {
				continue
			}
			ev[code] = checklist.Evidence{
				Code:       code,
				Result:     rapid.SampledFrom([]checklist.Result{checklist.Pass, checklist.Pass, checklist.Pass, checklist.Fail, checklist.Unknown, checklist.NA, "", "yes"}).Draw(t, "result"),
				At:         now.Add(time.Duration(rapid.IntRange(-48, 2).Draw(t, "at")) * time.Hour),
				ValidUntil: now.Add(time.Duration(rapid.IntRange(-24, 48).Draw(t, "until")) * time.Hour),
			}
		}
		for _, f := range checklist.Evaluate(e, ev, now) {
			if f.State == checklist.Confirmed {
				t.Fatalf("%s is confirmed as a whole", f.No)
			}
			if f.Class == checklist.C && f.State == checklist.Partial {
				t.Fatalf("%s is for people and looks measured", f.No)
			}
			for _, p := range f.Parts {
				for i, pr := range p.Proofs {
					x, ok := ev[p.Needs[i]]
					good := ok && x.Result == checklist.Pass && !x.At.After(now.Add(time.Minute)) && now.Before(x.ValidUntil)
					if pr.State == checklist.Confirmed && !good || p.State == checklist.Confirmed && !good && x.Result != checklist.NA {
						t.Fatalf("%s %s: %s is %+v and the part %s", f.No, p.Key, pr.Code, x, p.State)
					}
					if p.Class == checklist.C && (pr.State == checklist.Confirmed || pr.State == checklist.Partial) {
						t.Fatalf("%s %s: a person's word is shown as %s", f.No, p.Key, pr.State)
					}
				}
				if p.State == checklist.Confirmed && p.Class != checklist.A {
					t.Fatalf("%s %s is of class %s and confirmed", f.No, p.Key, p.Class)
				}
				if x := checklist.StateText(p.State); text.JA.Say(x, nil) == x {
					t.Fatalf("state %q has no name", p.State)
				}
			}
		}
	})
}

// No sentence of ours claims compliance.
func TestWords(t *testing.T) {
	b, err := os.ReadFile("r7.json")
	if err != nil {
		t.Fatal(err)
	}
	said := string(b)
	for _, code := range []string{checklist.Scope, "checklist.attention", "checklist.none"} {
		said += text.JA.Say(code, nil)
	}
	for _, bad := range []string{"適合", "準拠", "合格"} {
		if strings.Contains(said, bad) {
			t.Errorf("somewhere it says %s", bad)
		}
	}
}
