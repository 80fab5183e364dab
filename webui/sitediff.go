package webui

import (
	"fmt"
	"strings"
)

const (
	diffAround = 3       // lines shown around a change
	diffCells  = 4 << 20 // beyond so many pairs of lines, what differs is one change
)

// A diffLine is one line of a comparison: ' ' in both, '-' only in the old
// text, '+' only in the new one.
type diffLine struct {
	sign byte
	text string
}

// diffLines compares two texts by lines: the longest common subsequence of what
// is between their common beginning and end.
func diffLines(before, after string) (all []diffLine) {
	a, b := lines(before), lines(after)
	add := func(sign byte, from []string) {
		for _, s := range from {
			all = append(all, diffLine{sign, s})
		}
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add(' ', a[:head])
	end := a[len(a)-tail:]
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a)*len(b) > diffCells {
		add('-', a)
		add('+', b)
		a, b = nil, nil
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	for len(a) > 0 && len(b) > 0 {
		i, j := len(common)-1-len(a), len(common[0])-1-len(b)
		switch {
		case a[0] == b[0]:
			add(' ', a[:1])
			a, b = a[1:], b[1:]
		case common[i+1][j] >= common[i][j+1]:
			add('-', a[:1])
			a = a[1:]
		default:
			add('+', b[:1])
			b = b[1:]
		}
	}
	add('-', a)
	add('+', b)
	add(' ', end)
	return all
}

// lines splits a text; its last line may go without an end.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// unified writes a comparison as diff -u does, without its file names, and
// counts what is added and what is gone. Show makes a line fit to be read.
func unified(all []diffLine, show func(string) string) (s string, added, gone int) {
	var b strings.Builder
	before, after := 1, 1 // the next line of each
	step := func(l diffLine) {
		if l.sign != '+' {
			before++
		}
		if l.sign != '-' {
			after++
		}
	}
	for i := 0; i < len(all); {
		if all[i].sign == ' ' {
			step(all[i])
			i++
			continue
		}
		from, to := max(0, i-diffAround), i
		for quiet := 0; to < len(all) && quiet <= 2*diffAround; to++ {
			if quiet++; all[to].sign != ' ' {
				quiet = 0
			}
		}
		for to > i && all[to-1].sign == ' ' { // one too many, or the end
			to--
		}
		to = min(len(all), to+diffAround)
		fmt.Fprintf(&b, "@@ -%d +%d @@\n", before-(i-from), after-(i-from))
		for j := from; j < to; j++ {
			b.WriteString(string(all[j].sign) + " " + show(all[j].text) + "\n")
			switch all[j].sign {
			case '+':
				added++
			case '-':
				gone++
			}
			if j >= i {
				step(all[j])
			}
		}
		i = to
	}
	return b.String(), added, gone
}
