package main

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway"
)

// foreign is what somebody else with rights on the box may do to our table:
// to rules, and to an open window, given its mark as nft writes it in win_live
// and as data of win4.
var foreign = []struct {
	what string
	do   func(mark, data string) string
	code string // that the log then has one more of
}{
	{"a rule that accepts everything forwarded", func(_, _ string) string { return "insert rule inet monban forward accept" }, "rules.foreign"},
	{"a rule that accepts everything to the box", func(_, _ string) string { return "insert rule inet monban input accept" }, "rules.foreign"},
	{"rules taken away", func(_, _ string) string { return "flush chain inet monban lan_out" }, "rules.foreign"},
	{"a stranger let into an open window", func(_, data string) string {
		return "add element inet monban dnat4 { 198.51.100.70 . tcp . 3389 timeout 1h : 192.168.10.31 . 3389 }; " +
			"add element inet monban win4 { 198.51.100.70 . 192.168.10.31 . tcp . 3389 timeout 1h : " + data + " }"
	}, "window.put_right"},
	{"a way of no window", func(_, _ string) string {
		return "add element inet monban win6 { 2001:db8:0:3::70 . 2001:db8:10::32 . tcp . 443 timeout 1h : 0x00010777 }"
	}, "rules.foreign"},
	{"a way of an open window for a range that is no prefix", func(_, data string) string {
		return "add element inet monban win4 { 198.51.100.65-198.51.100.70 . 192.168.10.31 . tcp . 3389 timeout 1h : " + data + " }"
	}, "rules.foreign"},
	{"an open window closed", func(mark, _ string) string { return "delete element inet monban win_live { " + mark + " }" }, "window.put_right"},
	{"an open window made longer", func(mark, _ string) string {
		return "delete element inet monban win_live { " + mark + " }; add element inet monban win_live { " + mark + " timeout 8h }"
	}, "window.put_right"},
	{"an open window made endless", func(mark, _ string) string {
		return "delete element inet monban win_live { " + mark + " }; add element inet monban win_live { " + mark + " }"
	}, "window.put_right"},
	{"the whole table deleted", func(_, _ string) string { return "delete table inet monban" }, "window.put_right"},
}

// Whatever somebody else does to our table is put right within a second, an
// open window then has the rest of its time and no more, its session loses
// nothing, the log says so, and a table of somebody else is never touched.
func TestForeignChangesArePutRight(t *testing.T) {
	c := open(t)
	c.nft("add table inet theirs; add set inet theirs kept { type ipv4_addr; flags timeout; timeout 8h; }; add element inet theirs kept { 192.0.2.1 }; " +
		"add chain inet theirs seen { type filter hook forward priority 300; policy accept; }; add rule inet theirs seen counter")
	theirs := func() string {
		return regexp.MustCompile(`expires \S+|packets \d+ bytes \d+`).ReplaceAllString(c.nft("-a", "list", "table", "inet", "theirs"), "")
	}
	kept := theirs()
	data := c.asData()
	w := c.breakOpen(inbound(2*time.Minute, "3389"))
	mark := fmt.Sprintf("%#08x", 0x10000+w.Mark)
	k := c.talk("vendor", "tcp", c.addr("rececom", true, 3389))
	k.wait(10, "echo")
	whole := c.table()
	for _, x := range foreign {
		before := len(c.audited(x.code))
		c.nft(x.do(mark, data(0x10000+w.Mark)))
		began := time.Now()
		for c.table() != whole || !c.hasRest(w) {
			if time.Since(began) > 5*time.Second {
				t.Fatalf("%s stays; the kernel holds, with %v left, other than before\n%s", x.what, c.live(), otherLines(whole, c.table()))
			}
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(began)
		t.Logf("%s: put right after %v, looking included", x.what, took)
		if took > time.Second {
			t.Errorf("%s stayed for %v", x.what, took)
		}
		for range 50 {
			if len(c.audited(x.code)) > before {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(c.audited(x.code)) - before; n < 1 {
			t.Errorf("%s: the log has no %s", x.what, x.code)
		}
	}
	if now := theirs(); now != kept {
		t.Errorf("a table of somebody else was touched; it was\n%s\nand is\n%s", kept, now)
	}
	if lost, of := k.lost(); lost > 0 || of < 50 {
		t.Errorf("%d of %d lines got lost", lost, of)
	}
	c.closeOff(w.ID)
	c.sound()
}

// asData learns how nft writes a mark as data of the maps of ways. Some versions
// turn its bytes around, and a wrong mark would let nobody in anyway.
func (c *clinic) asData() func(mark uint32) string {
	c.t.Helper()
	w := c.breakOpen(inbound(time.Minute, "9"))
	text := c.nft("list", "map", "inet", "monban", "win4")
	c.closeOff(w.ID)
	mark := 0x10000 + w.Mark
	straight := func(m uint32) string { return fmt.Sprintf("0x%08x", m) }
	turned := func(m uint32) string { return straight(bits.ReverseBytes32(m)) }
	for _, f := range []func(uint32) string{straight, turned} {
		if strings.Contains(text, " : "+f(mark)) {
			return f
		}
	}
	c.t.Fatalf("no mark %#x in\n%s", mark, text)
	return nil
}

// otherLines are those that only one of the texts has.
func otherLines(a, b string) (out string) {
	for i, x := range [][2]string{{a, b}, {b, a}} {
		for line := range strings.Lines(x[0]) {
			if !strings.Contains(x[1], line) {
				out += []string{"-", "+"}[i] + line
			}
		}
	}
	return out
}

// table is our table as nft lists it, without what changes by itself, and with
// its parts in no order: a table made anew has another.
func (c *clinic) table() string {
	c.t.Helper()
	out, _, _ := c.try("lab", "exec", "--dir", c.dir, "gateway", "--", "nft", "-s", "list", "table", "inet", "monban")
	out = regexp.MustCompile(`(?s)\tset (win_bytes|win_dead|v?try[46]|answered[46]) \{.*?\n\t\}\n`).ReplaceAllString(out, "")
	out = regexp.MustCompile(` (timeout|expires) \w+`).ReplaceAllString(out, "")
	parts := strings.SplitAfter(out, "\n\t}\n")
	for i := range parts {
		parts[i] = strings.TrimLeft(parts[i], "\n")
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}

// hasRest says whether the kernel holds a window for the rest of its time.
func (c *clinic) hasRest(w gateway.Window) bool {
	left, ok := c.live()[w.Mark]
	return ok && (left-(w.EndBoot-bootNow())).Abs() < 2*time.Second
}
