package list

import (
	"regexp/syntax"
)

// A program is a compiled regular expression over ASCII. Package regexp would
// do, but it keeps what it matches in its own memory, and a name must stay on
// the stack of whoever asks.
type program struct {
	insts []inst
	start uint16
}

// An inst is one step of a program.
type inst struct {
	op       op
	out, alt uint16
	empty    syntax.EmptyOp
	set      [2]uint64 // the octets opOctet goes on with
}

type op uint8

const (
	opFail op = iota
	opNop
	opAlt
	opEmpty
	opOctet
	opMatch
)

const maxInsts = 512

// newProgram compiles re; false if it is too long.
func newProgram(re *syntax.Regexp) (*program, bool) {
	p, err := syntax.Compile(re.Simplify())
	if err != nil || len(p.Inst) > maxInsts {
		return nil, false
	}
	out := &program{start: uint16(p.Start), insts: make([]inst, len(p.Inst))}
	for i := range p.Inst {
		from, to := &p.Inst[i], &out.insts[i]
		to.out, to.alt = uint16(from.Out), uint16(from.Arg)
		switch from.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			to.op = opAlt
		case syntax.InstCapture, syntax.InstNop:
			to.op = opNop
		case syntax.InstEmptyWidth:
			to.op, to.empty = opEmpty, syntax.EmptyOp(from.Arg)
		case syntax.InstMatch:
			to.op = opMatch
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			to.op = opOctet
			for c := range rune(0x80) {
				if from.MatchRune(c) {
					to.set[c/64] |= 1 << (c % 64)
				}
			}
		case syntax.InstFail:
		}
	}
	return out, true
}

// threads are the instructions a match has come to, each once.
type threads struct {
	n     int
	dense [maxInsts]uint16
	place [maxInsts]uint16 // in dense, of those that are there
}

func (t *threads) put(i uint16) bool {
	if at := int(t.place[i]); at < t.n && t.dense[at] == i {
		return false
	}
	t.place[i], t.dense[t.n] = uint16(t.n), i
	t.n++
	return true
}

// match says whether p matches some part of name. It takes at most as many
// steps as p has instructions for each octet (Thompson 1968), and allocates
// nothing.
func (p *program) match(name string) bool {
	var a, b threads
	now, next := &a, &b
	for at := 0; ; at++ {
		if p.follow(now, p.start, name, at) {
			return true
		}
		if at == len(name) {
			return false
		}
		c := name[at]
		next.n = 0
		for k := range now.n {
			if in := &p.insts[now.dense[k]]; in.op == opOctet && c < 0x80 && in.set[c/64]>>(c%64)&1 != 0 && p.follow(next, in.out, name, at+1) {
				return true
			}
		}
		now, next = next, now
	}
}

// follow puts i and all it leads to without an octet into t; true if that is
// the end. What is put is its own list of what to look at next.
func (p *program) follow(t *threads, i uint16, name string, at int) bool {
	k := t.n
	t.put(i)
	for ; k < t.n; k++ {
		switch in := &p.insts[t.dense[k]]; in.op {
		case opMatch:
			return true
		case opNop:
			t.put(in.out)
		case opAlt:
			t.put(in.out)
			t.put(in.alt)
		case opEmpty:
			if in.empty&^emptyAt(name, at) == 0 {
				t.put(in.out)
			}
		case opOctet, opFail:
		}
	}
	return false
}

// emptyAt is what holds between the octets of name before at and from it on.
func emptyAt(name string, at int) syntax.EmptyOp {
	before, after := rune(-1), rune(-1)
	if at > 0 {
		before = rune(name[at-1])
	}
	if at < len(name) {
		after = rune(name[at])
	}
	return syntax.EmptyOpContext(before, after)
}
