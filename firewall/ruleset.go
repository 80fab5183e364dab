package firewall

import (
	"cmp"
	"slices"
	"strings"
)

// Table is the name of our table, of family inet. No other is ever touched.
const Table = "monban"

// A Ruleset is the whole table as plain data. Two are the same rules exactly
// if they print alike.
type Ruleset struct {
	Counters []string
	Sets     []Set
	Chains   []Chain
}

// A Set is a named nft set, or a map if it has Data. The elements of a live
// one (Timeout or Dynamic) come and go outside any Ruleset, so Elems is only
// for the others.
type Set struct {
	Name     string
	Key      []Type
	Data     []Type
	Interval bool // keys are ranges
	Timeout  bool // elements end by themselves
	Dynamic  bool // packets add elements, each with a counter
	Size     uint32
	Elems    []Elem
}

// Live reports whether the set's elements are not part of the rules, so that
// replacing the rules leaves them and their timers alone.
func (s Set) Live() bool { return s.Timeout || s.Dynamic }

// SameSchema reports whether both sets can hold the same elements.
func (s Set) SameSchema(o Set) bool {
	return s.Name == o.Name && slices.Equal(s.Key, o.Key) && slices.Equal(s.Data, o.Data) &&
		s.Interval == o.Interval && s.Timeout == o.Timeout && s.Dynamic == o.Dynamic && s.Size == o.Size
}

// A Chain is a list of rules; one with a Hook sees packets by itself.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []Rule
}

// A Hook says where and when a base chain sees packets. Policy is what
// happens to those no rule decides.
type Hook struct {
	Type     string // "filter" or "nat"
	At       string // "prerouting", "input", "forward", "output", "postrouting"
	Priority int
	Policy   Verdict
}

// The hook priorities the rules use; see enum nf_ip_hook_priorities.
const (
	PriorityMangle = -150
	PriorityDstNAT = -100
	PriorityFilter = 0
	PrioritySrcNAT = 100
)

// A Rule does all of Do, in order, to a packet that meets all of Match.
type Rule struct {
	Match []Match
	Do    []Action
	Why   string // shown as the rule's comment
}

// A Match compares a field of the packet with literal values (In) or, for one
// field or several joined, with a named set. With Mask, what is compared is
// the field's bits under it. Not turns the result round. A packet without the
// field does not match either way.
type Match struct {
	Fields []Field
	Mask   Value
	Not    bool
	Set    string
	In     []Range
}

// An Action is one thing a rule does.
type Action struct {
	Do     Verb
	Name   string  // chain, counter, set or map
	Fields []Field // key into the set or map
	To     Value   // address to translate to
}

// A Verb says what an Action does.
type Verb uint8

// The verbs. MarkFrom sets the conntrack mark to what the map Name says for
// Fields, DNATFrom translates the target likewise; both end the rule if the
// map says nothing. CountIn counts the packet in the dynamic set Name; one that
// is full ends the rule. Log hands some packets to whoever listens at LogGroup.
const (
	DoDrop Verb = iota
	DoAccept
	DoReturn
	DoJump
	DoGoto
	DoCount
	DoCountIn
	DoMarkFrom
	DoDNATFrom
	DoDNAT
	DoMasquerade
	DoLog
	DoReset  // drop a TCP segment, and reset its connection
	DoReject // drop, and tell the sender by ICMP that nobody is there
)

// Where samples of refused attempts go, and what they are marked with. Five a
// second is what a log can keep and a person can read.
const (
	LogGroup  = 86 // of NFLOG
	LogPrefix = "monban try"
	LogRate   = 5 // a second
	LogBurst  = 20
)

// A Verdict is what becomes of a packet. The zero value drops.
type Verdict uint8

// The verdicts.
const (
	Drop Verdict = iota
	Accept
)

// String is the nft word.
func (v Verdict) String() string {
	if v == Accept {
		return "accept"
	}
	return "drop"
}

// Set returns the set of that name.
func (rs Ruleset) Set(name string) (Set, bool) {
	i := slices.IndexFunc(rs.Sets, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return Set{}, false
	}
	return rs.Sets[i], true
}

func (rs Ruleset) chain(name string) (Chain, bool) {
	i := slices.IndexFunc(rs.Chains, func(c Chain) bool { return c.Name == name })
	if i < 0 {
		return Chain{}, false
	}
	return rs.Chains[i], true
}

// Sort brings what has no order of its own into the one order that String
// prints, whoever made the ruleset: counters and sets by name (live sets
// first), chains by hook, then by name. Rules keep theirs.
func (rs *Ruleset) Sort() {
	slices.Sort(rs.Counters)
	slices.SortFunc(rs.Sets, func(a, b Set) int {
		if a.Live() != b.Live() {
			if a.Live() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	for i := range rs.Sets {
		slices.SortFunc(rs.Sets[i].Elems, compareElems)
	}
	slices.SortFunc(rs.Chains, func(a, b Chain) int {
		return cmp.Or(cmp.Compare(a.Hook.rank(), b.Hook.rank()), strings.Compare(a.Name, b.Name))
	})
}

func (h *Hook) rank() int {
	order := []string{"prerouting", "input", "forward", "output", "postrouting"}
	if h == nil {
		return len(order) * 10000
	}
	return slices.Index(order, h.At)*10000 + h.Priority
}
