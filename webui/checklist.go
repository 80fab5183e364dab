package webui

import (
	"net/http"
	"time"

	"monban/gateway/checklist"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// checkLevel is how a state is drawn. Only what was measured and holds looks
// like a tick; what people said is drawn apart from it.
var checkLevel = map[checklist.State]string{
	checklist.Confirmed: "good", checklist.Partial: "info", checklist.Declared: "said",
	checklist.Expired: "caution", checklist.NotApplicable: "none", checklist.Unmeasured: "none",
}

var checkStates = []checklist.State{checklist.Confirmed, checklist.Partial, checklist.Declared,
	checklist.Expired, checklist.NotApplicable, checklist.Unmeasured}

func (v *visit) checklist() error {
	p, st := v.frameStatus("page.nav.checklist")
	edition, found, err := v.Gateway.Checklist(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	m := view.Checklist{
		Title: edition.Title.In(v.lang), Wording: edition.Wording.In(v.lang), Scope: v.say(checklist.Scope),
		CanTest: v.who.May(people.ActSelfTest), Proof: v.say("page.checklist.last", "at", v.when(st.LastProof)),
	}
	for _, s := range checkStates {
		m.Legend = append(m.Legend, view.Chipped{Level: checkLevel[s], State: v.checkState(s), Means: v.say("page.checklist.means." + string(s))})
	}
	for _, f := range found {
		it := view.Item{No: f.No, Title: f.Title.In(v.lang), Level: checkLevel[f.State], State: v.checkState(f.State), Human: f.Human.In(v.lang)}
		if f.Attention {
			it.Attention, it.Todo = v.say("page.checklist.attention"), v.say("checklist.attention")
		}
		for _, pf := range f.Parts {
			it.Parts = append(it.Parts, v.part(pf))
		}
		m.Items = append(m.Items, it)
	}
	return v.show(http.StatusOK, view.ChecklistPage(p, m))
}

func (v *visit) checkState(s checklist.State) string { return v.say(checklist.StateText(s)) }

func (v *visit) part(pf checklist.PartFinding) view.Part {
	out := view.Part{Title: pf.Title.In(v.lang), Level: checkLevel[pf.State], State: v.checkState(pf.State)}
	for _, pr := range pf.Proofs {
		one := view.Proof{Title: pr.Code + " " + v.say(checklist.EvidenceTitle(pr.Code)), Level: checkLevel[pr.State], State: v.checkState(pr.State)}
		e := pr.Evidence
		if e == nil {
			one.When = v.say("checklist.none")
		} else {
			one.How = v.method(pr.Code)
			one.When = v.say("page.checklist.measured", "at", v.when(e.At), "until", v.when(e.ValidUntil))
			if !e.Synced {
				one.When += " " + v.say("checklist.unsynced")
			}
			for _, o := range e.Seen {
				s := view.Seen{Text: v.lang.Say(o.Code, v.shown(o.Args))}
				if o.Bad {
					s.Bad = v.say("page.checklist.bad")
				}
				one.Seen = append(one.Seen, s)
			}
		}
		out.Proofs = append(out.Proofs, one)
	}
	return out
}

// method says how a piece of evidence is taken, if that is written down.
func (v *visit) method(code string) string {
	named := checklist.EvidenceMethod(code)
	if said := v.say(named); said != named {
		return said
	}
	return ""
}

// selfTestTime bounds how long the button may take.
const selfTestTime = 2 * time.Minute

func (v *visit) selfTest() error {
	if err := http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(selfTestTime)); err != nil {
		v.Log.Debug("no longer time for the self-test", "err", err)
	}
	if err := v.Gateway.RunSelfTest(v.r.Context(), v.who); err != nil {
		all, ok := faultsIn(err)
		if !ok {
			return err
		}
		v.tellFault(all[0])
		return v.to("/checklist")
	}
	v.tell(view.Good, "page.checklist.test_done")
	return v.to("/checklist")
}

func (v *visit) tellFault(f *text.Fault) {
	kv := make([]any, 0, 2*len(f.Args))
	for k, a := range v.shown(f.Args) {
		kv = append(kv, k, a)
	}
	v.tell(view.Caution, f.Code, kv...)
}
