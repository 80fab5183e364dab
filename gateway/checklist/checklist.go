// Package checklist holds the Ministry's cyber security checklist as versioned
// data and says, from evidence, how much of each item this gateway has seen.
//
// It never says that a clinic complies: what a box at the boundary cannot see
// stays a person's statement, and what nobody measured stays unmeasured.
package checklist

import "monban/gateway/text"

// A Class is how far a gateway can carry an item or a part of one.
type Class string

// The classes.
const (
	A Class = "A" // can be shown automatically, for what passes this gateway
	B Class = "B" // can be shown in part, a person confirms the rest
	C Class = "C" // only people can say
)

// A State is how an item, a part or a piece of evidence is shown. Its sentence
// is "checklist.state.<state>".
type State string

// The states. Only Confirmed may look like a tick.
const (
	Confirmed     State = "confirmed"      // 自動確認
	Partial       State = "partial"        // 一部自動・要確認
	Declared      State = "declared"       // 申告のみ
	Expired       State = "expired"        // 期限切れ
	NotApplicable State = "not_applicable" // 該当なし
	Unmeasured    State = "unmeasured"     // 不明・未測定
)

// Scope is the code of the sentence that must stand beside every result: it is
// about what passes this gateway, and no judgement of compliance.
const Scope = "checklist.scope"

// Words is a text of an edition in both languages.
type Words struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In returns the words in a language.
func (w Words) In(l text.Lang) string {
	if l == text.EN {
		return w.EN
	}
	return w.JA
}

// An Edition is one year's checklist.
type Edition struct {
	ID    string `json:"id"` // "R7"
	Title Words  `json:"title"`
	// Wording says whose words the titles are; it is shown with them.
	Wording Words  `json:"wording"`
	Items   []Item `json:"items"`
}

// An Item is one numbered question of an edition.
type Item struct {
	No    string `json:"no"` // as printed: "2-⑬"
	Title Words  `json:"title"`
	Class Class  `json:"class"`
	// Human says what is left for a person whatever the gateway measured.
	Human Words  `json:"human"`
	Parts []Part `json:"parts"`
}

// A Part is what of an item is shown on its own line, so that a measured half
// never stands for an unmeasured one.
type Part struct {
	Key   string   `json:"key"` // unique in its item: "outside", "wireless"
	Title Words    `json:"title"`
	Class Class    `json:"class"`
	Needs []string `json:"needs"` // evidence codes, all of them
}

// EvidenceTitle returns the code of the sentence that names a kind of
// evidence, EvidenceMethod of the one that says how it is measured.
func EvidenceTitle(code string) string { return "checklist.evidence." + code }

// EvidenceMethod is described at EvidenceTitle.
func EvidenceMethod(code string) string { return "checklist.method." + code }

// StateText returns the code of the sentence that names a state.
func StateText(s State) string { return "checklist.state." + string(s) }
