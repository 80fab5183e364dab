package firewall

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// String is the ruleset as nft -f reads it, with tabs and order such that two
// rulesets are the same exactly if their strings are.
func (rs Ruleset) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", Table)
	for _, c := range rs.Counters {
		fmt.Fprintf(&b, "\tcounter %s {\n\t}\n", c)
	}
	for _, s := range rs.Sets {
		s.print(&b)
	}
	for _, c := range rs.Chains {
		fmt.Fprintf(&b, "\n\tchain %s {\n", c.Name)
		if h := c.Hook; h != nil {
			fmt.Fprintf(&b, "\t\ttype %s hook %s priority %d; policy %s;\n", h.Type, h.At, h.Priority, h.Policy)
		}
		for _, r := range c.Rules {
			fmt.Fprintf(&b, "\t\t%s\n", r)
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func (s Set) print(b *strings.Builder) {
	kind, typ := "set", joinTypes(s.Key)
	if len(s.Data) > 0 {
		kind, typ = "map", typ+" : "+joinTypes(s.Data)
	}
	fmt.Fprintf(b, "\n\t%s %s {\n\t\ttype %s\n", kind, s.Name, typ)
	if s.Size > 0 {
		fmt.Fprintf(b, "\t\tsize %d\n", s.Size)
	}
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{{s.Interval, "interval"}, {s.Timeout, "timeout"}, {s.Dynamic, "dynamic"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	if len(flags) > 0 {
		fmt.Fprintf(b, "\t\tflags %s\n", strings.Join(flags, ","))
	}
	if s.Dynamic {
		b.WriteString("\t\tcounter\n")
	}
	if len(s.Elems) > 0 {
		b.WriteString("\t\telements = {\n")
		for _, e := range s.Elems {
			fmt.Fprintf(b, "\t\t\t%s,\n", s.elemText(e))
		}
		b.WriteString("\t\t}\n")
	}
	b.WriteString("\t}\n")
}

// elemText is an element as nft writes it; options stand behind its key.
func (s Set) elemText(e Elem, options ...string) string {
	var key, data []string
	for i, r := range e.Key {
		key = append(key, s.Key[i].rangeText(r))
	}
	for i, v := range e.Data {
		data = append(data, s.Data[i].text(v))
	}
	text := strings.Join(append([]string{strings.Join(key, " . ")}, options...), " ")
	if len(data) > 0 {
		text += " : " + strings.Join(data, " . ")
	}
	return text
}

// String is what the opening puts into the table, as nft -f reads it, one
// element a line, sorted; of an opening that cannot be, a comment why.
func (o Opening) String() string {
	els, err := o.Elements()
	if err != nil {
		return "# " + strings.ReplaceAll(err.Error(), "\n", "\n# ") + "\n"
	}
	life := fmt.Sprintf("timeout %ds", o.For/time.Second)
	if ms := o.For % time.Second / time.Millisecond; ms != 0 {
		life += fmt.Sprintf("%dms", ms)
	}
	var lines []string
	for _, s := range liveSets() {
		for _, e := range els[s.Name] {
			lines = append(lines, fmt.Sprintf("add element inet %s %s { %s }\n", Table, s.Name, s.elemText(e, life)))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func joinTypes(ts []Type) string {
	s := make([]string, len(ts))
	for i, t := range ts {
		s[i] = string(t)
	}
	return strings.Join(s, " . ")
}

func joinFields(fs []Field) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = f.String()
	}
	return strings.Join(s, " . ")
}

// String is the rule as nft writes it.
func (r Rule) String() string {
	var parts []string
	for _, m := range r.Match {
		parts = append(parts, m.String())
	}
	for _, a := range r.Do {
		parts = append(parts, a.String())
	}
	if r.Why != "" {
		parts = append(parts, fmt.Sprintf("comment %q", r.Why))
	}
	return strings.Join(parts, " ")
}

// String is the match as nft writes it.
func (m Match) String() string {
	s := joinFields(m.Fields) + " "
	if len(m.Fields) == 1 && m.Fields[0] == State {
		return s + strings.Join(bitNames(m.Mask.num(), stateNames), ",")
	}
	if len(m.Fields) == 1 && m.Fields[0] == Status {
		return s + strings.Join(bitNames(m.Mask.num(), statusNames), ",")
	}
	if len(m.Fields) == 1 && m.Fields[0] == Flags {
		s += "& (" + strings.Join(bitNames(m.Mask.num(), flagNames), " | ") + ") "
	} else if m.Mask != "" && !m.isPrefix() {
		s += "& " + m.Fields[0].Type().text(m.Mask) + " "
	}
	if m.Not {
		s += "!= "
	} else if m.Mask != "" && !m.isPrefix() {
		s += "== "
	}
	switch {
	case m.Set != "":
		return s + "@" + m.Set
	case m.isPrefix():
		ones := 0
		for _, b := range []byte(m.Mask) {
			for ; b != 0; b <<= 1 {
				ones++
			}
		}
		return fmt.Sprintf("%s%s/%d", s, m.Fields[0].Type().text(m.In[0].From), ones)
	case len(m.In) == 1 && m.Fields[0] == Flags:
		return s + strings.Join(bitNames(m.In[0].From.num(), flagNames), " | ")
	case len(m.In) == 1:
		return s + m.Fields[0].Type().rangeText(m.In[0])
	}
	var vals []string
	for _, r := range m.In {
		vals = append(vals, m.Fields[0].Type().rangeText(r))
	}
	return s + "{ " + strings.Join(vals, ", ") + " }"
}

// isPrefix reports whether the match is of an address with a prefix.
func (m Match) isPrefix() bool {
	t := m.Fields[0].Type()
	return m.Mask != "" && len(m.In) == 1 && (t == TypeIPv4 || t == TypeIPv6)
}

type bitName struct {
	bit  uint32
	name string
}

var (
	stateNames = []bitName{{StateInvalid, "invalid"}, {StateEstablished, "established"},
		{StateRelated, "related"}, {StateNew, "new"}, {StateUntracked, "untracked"}}
	statusNames = []bitName{{StatusConfirmed, "confirmed"}}
	flagNames   = []bitName{{uint32(FlagFIN), "fin"}, {uint32(FlagSYN), "syn"}, {uint32(FlagRST), "rst"},
		{uint32(FlagACK), "ack"}}
)

func bitNames(bits uint32, names []bitName) []string {
	var out []string
	for _, n := range names {
		if bits&n.bit != 0 {
			out = append(out, n.name)
			bits &^= n.bit
		}
	}
	if bits != 0 {
		out = append(out, fmt.Sprintf("0x%x", bits))
	}
	return out
}

// String is the action as nft writes it.
func (a Action) String() string {
	switch a.Do {
	case DoAccept:
		return "accept"
	case DoReturn:
		return "return"
	case DoJump:
		return "jump " + a.Name
	case DoGoto:
		return "goto " + a.Name
	case DoCount:
		return "counter name " + a.Name
	case DoCountIn:
		return fmt.Sprintf("update @%s { %s }", a.Name, joinFields(a.Fields))
	case DoMarkFrom:
		return fmt.Sprintf("ct mark set %s map @%s", joinFields(a.Fields), a.Name)
	case DoDNATFrom:
		return fmt.Sprintf("dnat ip to %s map @%s", joinFields(a.Fields), a.Name)
	case DoDNAT:
		if len(a.To) == 4 {
			return "dnat ip to " + TypeIPv4.text(a.To)
		}
		return "dnat ip6 to " + TypeIPv6.text(a.To)
	case DoMasquerade:
		return "masquerade"
	case DoReset:
		return "reject with tcp reset"
	case DoReject:
		return "reject with icmpx port-unreachable"
	case DoLog:
		return fmt.Sprintf("limit rate %d/second burst %d packets log prefix %q group %d", LogRate, LogBurst, LogPrefix, LogGroup)
	}
	return "drop"
}
