package window_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/people"
	"monban/gateway/window"
)

// Whatever is done to a window in whatever order by whomever: it opens only
// approved by somebody else who may, or by the console's break-glass; each
// change is one step; nothing follows an end; and it is never longer than
// asked.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := rapid.SampledFrom(everyone)
		recorder := rapid.SampledFrom([]people.Actor{director, staff, vendor, console}).Draw(t, "recorder")
		w := requested(t, recorder)
		asked, approved, broken := w.Length, false, false
		steps := rapid.IntRange(1, 30).Draw(t, "steps")
		for range steps {
			before := w
			by := who.Draw(t, "by")
			at := now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "after")) * time.Second)
			var err error
			what := rapid.SampledFrom([]string{"approve", "refuse", "lapse", "schedule", "begin", "break", "opened", "failed", "close", "settle"}).Draw(t, "what")
			switch what {
			case "approve":
				a := window.Answer{Alone: rapid.Bool().Draw(t, "alone"), CalledBack: rapid.Bool().Draw(t, "back"),
					Length: time.Duration(rapid.IntRange(-1, 7200).Draw(t, "s")) * time.Second}
				w, err = w.Approve(by, at, a)
				if err == nil {
					approved = true
					if by.Role != people.Director || by.Same(recorder) && !(a.Alone && a.CalledBack) {
						t.Fatalf("%+v approved what %+v recorded (%+v)", by, recorder, a)
					}
				}
			case "refuse":
				w, err = w.Refuse(by, at, "いいえ")
			case "lapse":
				w, err = w.Lapse(at)
			case "schedule":
				w, err = w.Schedule()
			case "begin":
				w, err = w.Begin(start)
			case "break":
				w, err = w.Break(by, start)
				if err == nil {
					broken = true
					if by.Role != people.Console {
						t.Fatalf("%+v broke the glass", by)
					}
				}
			case "opened":
				w, err = w.Opened()
			case "failed":
				w, err = w.Failed(at)
			case "close":
				how := rapid.SampledFrom([]window.How{window.ByHand, window.RanOut, window.Revoked, window.Restart, window.Foreign}).Draw(t, "how")
				w, err = w.Close(how, by, at, window.Tally{})
			case "settle":
				w, _ = window.Settle(w, window.Seen{BootID: rapid.SampledFrom([]string{"boot", "other"}).Draw(t, "boot"),
					Boot: time.Duration(rapid.IntRange(3000, 9000).Draw(t, "up")) * time.Second, At: at, Live: rapid.Bool().Draw(t, "live")})
			}
			if err != nil && !same(w, before) {
				t.Fatalf("%s failed (%v) but changed the window", what, err)
			}
			if w.State != before.State && w.N != before.N+1 || w.State == before.State && w.N != before.N {
				t.Fatalf("%s: from %s %d to %s %d", what, before.State, before.N, w.State, w.N)
			}
			if w.State.Holds() && !approved && !broken {
				t.Fatalf("%s led to %s without approval", what, w.State)
			}
			if w.State.Holds() && (w.BreakGlass != broken || broken != (w.Approver == people.Actor{})) {
				t.Fatalf("a window that is %s does not say who let it: %+v", w.State, w)
			}
			if before.State.Over() && w.State != before.State {
				t.Fatalf("%s led from %s to %s", what, before.State, w.State)
			}
			if w.Length > asked || w.EndBoot-w.OpenBoot > window.MaxLength {
				t.Fatalf("longer than asked: %v", w.Length)
			}
		}
	})
}

func same(a, b window.Window) bool {
	if !slices.Equal(a.Sources, b.Sources) || !slices.Equal(a.Ports, b.Ports) {
		return false
	}
	a.Sources, b.Sources, a.Ports, b.Ports = nil, nil, nil, nil
	return a.State == b.State && a.N == b.N && a.Length == b.Length && a.Approver == b.Approver &&
		a.BreakGlass == b.BreakGlass && a.Mark == b.Mark && a.How == b.How && a.EndBoot == b.EndBoot
}
