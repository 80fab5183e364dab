package webui

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// plain makes a text from outside fit to be shown: names come from the
// network, and one that turns the direction of writing or hides letters is an
// attack on the reader. What cannot be seen is shown as a box.
func plain(s string) string { return plainTo(s, 200) }

// prose is plain for what people write about a window, whole.
func prose(s string) string { return plainTo(s, people.MaxText) }

func plainTo(s string, longest int) string {
	var b strings.Builder
	n := 0
	for _, r := range norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")) {
		if n++; n > longest {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// number writes n with a comma every three digits, as both languages do.
func number[N ~int | ~int64 | ~uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// when writes a moment by the clinic's clock.
func (v *visit) when(t time.Time) string {
	if t.IsZero() {
		return v.say("page.never")
	}
	return v.lang.When(t.In(v.Zone()))
}

// hour writes the time of day, with the date if it is not today.
func (v *visit) hour(t time.Time) string {
	if t.IsZero() {
		return v.say("page.never")
	}
	t, now := t.In(v.Zone()), v.Now().In(v.Zone())
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04:05")
	}
	if v.lang == text.EN {
		return t.Format("2 Jan 2006 15:04")
	}
	return fmt.Sprintf("%d年%d月%d日 %s", t.Year(), t.Month(), t.Day(), t.Format("15:04"))
}

// span writes a length in words.
func (v *visit) span(d time.Duration) string { return v.lang.Span(d) }

// clock is a rest of time, worded as the script words it: rounded up, so that
// it says nothing is left only when nothing is.
func (v *visit) clock(left time.Duration) view.Clock {
	s := int64(max(0, left+time.Second-1) / time.Second)
	h, m := s/3600, s%3600/60
	words := ""
	if h > 0 {
		words += strconv.FormatInt(h, 10) + v.say("page.unit.h")
	}
	if h > 0 || m > 0 {
		words += strconv.FormatInt(m, 10) + v.say("page.unit.m")
	}
	return view.Clock{Text: words + strconv.FormatInt(s%60, 10) + v.say("page.unit.s"), Left: strconv.FormatInt(s, 10)}
}

func list[T fmt.Stringer](all []T) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.String())
	}
	return out
}

// addrs writes addresses as people compare them, IPv4 first as given.
func addrs(all []netip.Addr) string { return strings.Join(list(all), ", ") }

// groups writes s in groups of n signs, for reading out.
func groups(s string, n int) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%n == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
