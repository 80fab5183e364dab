package window_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/gateway/people"
	"monban/gateway/window"
)

// approved returns an open window that the director let the staff have.
func approved(t *testing.T) window.Window {
	t.Helper()
	w, err := requested(t, staff).Approve(director, now, window.Answer{})
	if err == nil {
		w, err = w.Begin(start)
	}
	if err == nil {
		w, err = w.Opened()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestExtend(t *testing.T) {
	w := approved(t)
	boot := start.Boot + 30*time.Minute
	for _, c := range []struct {
		name   string
		by     people.Actor
		boot   time.Duration
		answer window.Answer
		want   string
	}{
		{"another", deputy, boot, window.Answer{Length: time.Hour}, ""},
		{"who approved it", director, boot, window.Answer{Length: time.Hour}, ""},
		{"a deputy", named, boot, window.Answer{Length: time.Hour}, ""},
		{"who recorded it", staff, boot, window.Answer{Length: time.Hour, Alone: true, CalledBack: true}, " people.may_not"},
		{"the box", people.Box, boot, window.Answer{Length: time.Hour}, " people.may_not"},
		{"to the limit", director, boot, window.Answer{Length: 7 * time.Hour}, ""},
		{"beyond", director, boot, window.Answer{Length: 7*time.Hour + 1}, "for window.extend_limit"},
		{"by nothing", director, boot, window.Answer{}, "for window.too_short"},
		{"shorter", director, boot, window.Answer{Length: -time.Minute}, "for window.too_short"},
		{"as it runs out", director, w.EndBoot, window.Answer{Length: time.Hour}, " window.not_now"},
	} {
		n, err := w.Extend(c.by, now, c.boot, c.answer)
		if c.want != "" {
			if !slices.Equal(codes(err), []string{c.want}) || n.N != w.N || n.EndBoot != w.EndBoot || len(n.Extensions) > 0 {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || n.State != window.Open || n.N != w.N+1 || n.EndBoot != w.EndBoot+c.answer.Length ||
			!n.EndAt.Equal(w.EndAt.Add(c.answer.Length)) || n.Length != w.Length {
			t.Errorf("%s: %v, %+v", c.name, err, n)
			continue
		}
		if x := n.Extensions[0]; x.By != c.by || x.More != c.answer.Length || x.EndBoot != n.EndBoot || x.Alone {
			t.Errorf("%s: %+v", c.name, x)
		}
		back, err := n.Unextend()
		if err != nil || back.EndBoot != w.EndBoot || !back.EndAt.Equal(w.EndAt) || len(back.Extensions) != 0 || back.N != n.N+1 {
			t.Errorf("%s, taken back: %v, %+v", c.name, err, back)
		}
	}
	stale := director
	stale.SteppedUp = now.Add(-time.Hour)
	if _, err := w.Extend(stale, now, boot, window.Answer{Length: time.Hour}); !slices.Equal(codes(err), []string{"code people.step_up"}) {
		t.Error(err)
	}
	if _, err := w.Unextend(); err == nil {
		t.Error("an extension nobody made was taken back")
	}
	// Extensions of one window do not share their memory with another's.
	one, err := w.Extend(director, now, boot, window.Answer{Length: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	two, err2 := one.Extend(director, now, boot, window.Answer{Length: time.Minute})
	three, err3 := one.Extend(deputy, now, boot, window.Answer{Length: time.Hour})
	if err2 != nil || err3 != nil || two.Extensions[1].By != director || three.Extensions[1].By != deputy || len(one.Extensions) != 1 {
		t.Error(err2, err3, two.Extensions, three.Extensions)
	}
	alone, err := opened(t).Extend(director, now, boot, window.Answer{Length: time.Hour, Alone: true})
	if err != nil || alone.Extensions[0].Alone {
		t.Error("the console recorded it, the director extends:", err)
	}
}

func TestExtendAlone(t *testing.T) {
	w, err := requested(t, director).Approve(director, now, window.Answer{Alone: true, CalledBack: true})
	if err == nil {
		w, err = w.Begin(start)
	}
	if err == nil {
		w, err = w.Opened()
	}
	if err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]window.Answer{
		" window.own_request":          {Length: time.Hour, CalledBack: true},
		"called_back window.call_back": {Length: time.Hour, Alone: true},
	} {
		if _, err := w.Extend(director, now, start.Boot, a); !slices.Equal(codes(err), []string{want}) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	n, err := w.Extend(director, now, start.Boot, window.Answer{Length: time.Hour, Alone: true, CalledBack: true})
	if err != nil || !n.Extensions[0].Alone {
		t.Error(err, n.Extensions)
	}
}

func TestBreakSealed(t *testing.T) {
	for _, by := range everyone {
		w, err := requested(t, staff).BreakSealed(by, start)
		if by.Role != people.Director && by.Role != people.Staff {
			if err == nil {
				t.Errorf("%s broke the seal", by.Role)
			}
			continue
		}
		if err != nil || w.State != window.Opening || !w.BreakGlass || !w.Sealed || w.Approver != (people.Actor{}) {
			t.Errorf("%v: %+v", err, w)
		}
	}
	long := ask()
	long.Length = time.Hour + time.Second
	w, err := window.Ask(long, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.BreakSealed(staff, start); !slices.Equal(codes(err), []string{"for window.sealed_length"}) || n.BreakGlass || n.State != window.Requested {
		t.Error(err)
	}
	if w, err := w.Break(console, start); err != nil || w.Sealed {
		t.Error("the console needs no seal:", err)
	}
}

func TestRemarks(t *testing.T) {
	open := approved(t)
	broken, err := requested(t, staff).BreakSealed(staff, start)
	if err == nil {
		broken, err = broken.Opened()
	}
	if err != nil {
		t.Fatal(err)
	}
	over := func(w window.Window) window.Window {
		w, err := w.Close(window.RanOut, people.Box, w.EndAt, window.Tally{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	failed, err := requested(t, console).Break(console, start)
	if err == nil {
		failed, err = failed.Failed(now)
	}
	if err != nil {
		t.Fatal(err)
	}
	report, review, excuse := window.Window.WithReport, window.Window.WithReview, window.Window.WithExcuse
	for _, c := range []struct {
		name string
		w    window.Window
		do   func(window.Window, people.Actor, time.Time, string) (window.Window, error)
		by   people.Actor
		text string
		want string
	}{
		{"the vendor's report", over(open), report, vendor, " 交換\nしました ", ""},
		{"the staff's for him", over(open), report, staff, "x", ""},
		{"an inspector's", over(open), report, inspector, "x", " people.may_not"},
		{"the review", over(open), review, staff, "x", ""},
		{"the vendor's review", over(open), review, vendor, "x", " people.may_not"},
		{"the console's", over(open), review, console, "x", ""},
		{"too early", open, report, vendor, "x", "report window.not_over"},
		{"too early for a review", open, review, staff, "x", "review window.not_over"},
		{"before it opened", requested(t, staff), report, vendor, "x", "report window.not_over"},
		{"never opened", failed, report, vendor, "x", "report window.not_over"},
		{"an excuse for nothing", over(open), excuse, staff, "x", "excuse window.nothing_owed"},
		{"an excuse meanwhile", broken, excuse, staff, "x", ""},
		{"an excuse afterwards", over(broken), excuse, staff, "x", ""},
		{"the vendor's excuse", over(broken), excuse, vendor, "x", " people.may_not"},
		{"nothing said", over(open), report, vendor, " \u200b ", "report window.no_report"},
		{"nothing reviewed", over(open), review, staff, "", "review window.no_review"},
		{"no excuse", over(broken), excuse, staff, "", "excuse window.no_excuse"},
		{"a novel", over(open), report, vendor, string(make([]rune, 9000)) + "x", "report people.text_long"},
	} {
		n, err := c.do(c.w, c.by, now, c.text)
		if c.want != "" {
			if !slices.Equal(codes(err), []string{c.want}) || !same(n, c.w) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || n.N != c.w.N || n.State != c.w.State {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := c.do(n, director, now, "もう一度"); len(codes(err)) != 1 || codes(err)[0][len(codes(err)[0])-len("window.said_already"):] != "window.said_already" {
			t.Errorf("%s, again: %v", c.name, err)
		}
	}
	n, err := over(open).WithReport(vendor, now, " 交換\nしました\u202e ")
	if err != nil || n.Report != (window.Remark{Text: "交換 しました", By: vendor, At: now}) {
		t.Errorf("%v, %+v", err, n.Report)
	}
	for name, c := range map[string]struct {
		w    window.Window
		want []window.Debt
	}{
		"open":          {open, nil},
		"never opened":  {failed, nil},
		"over":          {over(open), []window.Debt{window.DebtReport, window.DebtReview}},
		"reported":      {n, []window.Debt{window.DebtReview}},
		"broken":        {over(broken), []window.Debt{window.DebtReport, window.DebtReview, window.DebtExcuse}},
		"still waiting": {requested(t, staff), nil},
	} {
		if got := c.w.Owes(); !slices.Equal(got, c.want) {
			t.Errorf("%s owes %v", name, got)
		}
	}
}

func TestMatch(t *testing.T) {
	w := approved(t)
	w.EndAt = now.Add(time.Hour)
	session := func(proto window.Proto, source, target string) window.Session {
		return window.Session{Proto: proto, Source: netip.MustParseAddrPort(source), Target: netip.MustParseAddrPort(target), Start: now.Add(time.Minute)}
	}
	of := func(k window.Kind) window.Window {
		n := w
		n.Kind = k
		if k == window.Outbound {
			n.Targets = []window.Target{target(t, "203.0.113.5:443")}
		}
		return n
	}
	in := session(window.TCP, "203.0.113.9:40000", "192.0.2.9:3389")
	for _, c := range []struct {
		name string
		w    window.Window
		s    window.Session
		want [3]bool
	}{
		{"as asked", w, in, [3]bool{true, true, true}},
		{"an old record", of(""), in, [3]bool{true, true, true}},
		{"from elsewhere", w, session(window.TCP, "203.0.113.16:40000", "192.0.2.9:3389"), [3]bool{false, true, true}},
		{"to another port", w, session(window.TCP, "203.0.113.9:40000", "192.0.2.9:22"), [3]bool{true, false, true}},
		{"by UDP", w, session(window.UDP, "203.0.113.9:40000", "192.0.2.9:3389"), [3]bool{true, false, true}},
		{"as a mapped address", w, session(window.TCP, "[::ffff:203.0.113.9]:40000", "192.0.2.9:3389"), [3]bool{true, true, true}},
		{"out", of(window.Outbound), session(window.TCP, "192.0.2.9:40000", "203.0.113.5:443"), [3]bool{true, true, true}},
		{"out to another", of(window.Outbound), session(window.TCP, "192.0.2.9:40000", "203.0.113.6:443"), [3]bool{true, false, true}},
		{"in by the way out", of(window.Outbound), session(window.TCP, "203.0.113.5:443", "192.0.2.9:40000"), [3]bool{false, false, true}},
		{"a tool", of(window.Tool), session(window.TCP, "192.0.2.9:40000", "198.51.100.77:443"), [3]bool{true, true, true}},
		{"a tunnel", of(window.WireGuard), session(window.UDP, "203.0.113.9:51820", "198.51.100.1:51820"), [3]bool{true, true, true}},
		{"a tunnel by TCP", of(window.WireGuard), session(window.TCP, "203.0.113.9:51820", "198.51.100.1:51820"), [3]bool{true, false, true}},
		{"inside the tunnel", of(window.WireGuard), session(window.TCP, "10.99.0.10:40000", "192.0.2.9:3389"), [3]bool{true, true, true}},
		{"elsewhere inside", of(window.WireGuard), session(window.TCP, "10.99.0.10:40000", "192.0.2.9:22"), [3]bool{true, false, true}},
	} {
		source, target, inTime := c.w.Match(c.s)
		if got := [3]bool{source, target, inTime}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	closed, err := w.Close(window.ByHand, staff, now.Add(30*time.Minute), window.Tally{})
	if err != nil {
		t.Fatal(err)
	}
	never := requested(t, staff)
	for _, c := range []struct {
		name       string
		w          window.Window
		start, end time.Duration // after the opening; end 0: still alive
		want       bool
	}{
		{"within", w, time.Minute, 2 * time.Minute, true},
		{"still alive", w, time.Minute, 0, true},
		{"as it opened, in milliseconds", w, -time.Millisecond, 0, true},
		{"before", w, -2 * time.Second, 0, false},
		{"past the end", w, time.Minute, time.Hour + 2*time.Second, false},
		{"after the end", w, 2 * time.Hour, 0, false},
		{"closed early", closed, time.Minute, 30 * time.Minute, true},
		{"after it was closed", closed, 40 * time.Minute, 0, false},
		{"a window that never opened", never, time.Minute, 0, false},
	} {
		s := in
		s.Start, s.End = now.Add(c.start), time.Time{}
		if c.end != 0 {
			s.End = now.Add(c.end)
		}
		if _, _, got := c.w.Match(s); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
