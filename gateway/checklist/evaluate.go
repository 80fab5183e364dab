package checklist

import "time"

// A Finding is how an item stands.
type Finding struct {
	Item
	State State `json:"state"`
	// Attention: a measurement failed, somebody must act.
	Attention bool          `json:"attention"`
	Parts     []PartFinding `json:"parts"` // one per part, in order; hides Item.Parts
}

// A PartFinding is how a part stands and what shows it.
type PartFinding struct {
	Part
	State     State   `json:"state"`
	Attention bool    `json:"attention"`
	Proofs    []Proof `json:"proofs"` // one per need, in order
}

// A Proof is one needed piece of evidence: what there is of it.
type Proof struct {
	Code     string    `json:"code"`
	State    State     `json:"state"`
	Evidence *Evidence `json:"evidence,omitempty"` // nil: nothing collects it
}

// Evaluate says how each item of e stands at that time, given the evidence by
// code. It is pure.
func Evaluate(e Edition, ev map[string]Evidence, now time.Time) []Finding {
	out := make([]Finding, 0, len(e.Items))
	for _, it := range e.Items {
		out = append(out, it.evaluate(ev, now))
	}
	return out
}
