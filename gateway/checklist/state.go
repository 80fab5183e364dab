package checklist

import "time"

func (it Item) evaluate(ev map[string]Evidence, now time.Time) Finding {
	f := Finding{Item: it}
	var states []State
	for _, p := range it.Parts {
		pf := p.evaluate(ev, now)
		f.Parts = append(f.Parts, pf)
		f.Attention = f.Attention || pf.Attention
		states = append(states, pf.State)
	}
	f.State = it.state(states)
	return f
}

// state sums up an item. The rule is the careful one at every step: one part
// that is not confirmed keeps the whole from being so.
func (it Item) state(parts []State) State {
	n := map[State]int{}
	for _, s := range parts {
		n[s]++
	}
	all := len(parts) - n[NotApplicable]
	switch {
	case len(parts) > 0 && all == 0:
		return NotApplicable
	case n[Expired] > 0:
		return Expired
	case it.Class == C:
		return Declared
	case it.Class == A && all > 0 && n[Confirmed] == all:
		return Confirmed
	case n[Confirmed]+n[Partial] > 0:
		return Partial
	}
	return Unmeasured
}

func (p Part) evaluate(ev map[string]Evidence, now time.Time) PartFinding {
	f := PartFinding{Part: p}
	n := map[State]int{}
	for _, code := range p.Needs {
		pr := Proof{Code: code, State: Unmeasured}
		if e, ok := ev[code]; ok {
			pr.Evidence, pr.State = &e, e.state(now)
			// Old bad news is still news: it stays until it is measured anew.
			if e.Result == Fail {
				f.Attention = true
			}
		}
		// A person's word never looks like a measurement.
		if p.Class == C && pr.State != Expired && pr.State != NotApplicable {
			pr.State = Declared
		}
		n[pr.State]++
		f.Proofs = append(f.Proofs, pr)
	}
	f.State = p.state(n, f.Attention)
	return f
}

// state sums up a part from how many proofs are in each state.
func (p Part) state(n map[State]int, failed bool) State {
	all := len(p.Needs) - n[NotApplicable]
	switch {
	case len(p.Needs) > 0 && all == 0:
		return NotApplicable
	case n[Expired] > 0:
		return Expired
	case p.Class == C:
		return Declared
	case p.Class == A && !failed && all > 0 && n[Confirmed] == all:
		return Confirmed
	case n[Confirmed]+n[Partial] > 0:
		return Partial
	}
	return Unmeasured
}

// state says what a piece of evidence is worth at that time. Confirmed means
// only that this measurement passed and still holds. Evidence without an end,
// or from the future, proves nothing.
func (e Evidence) state(now time.Time) State {
	switch {
	case e.At.IsZero() || e.ValidUntil.IsZero() || e.At.After(now.Add(maxSkew)):
		return Unmeasured
	case !now.Before(e.ValidUntil):
		return Expired
	}
	switch e.Result {
	case Pass:
		return Confirmed
	case Fail:
		return Partial
	case NA:
		return NotApplicable
	}
	return Unmeasured
}

// maxSkew is how far ahead of the reader's clock evidence may be stamped.
const maxSkew = time.Minute
