package gateway

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/store"
	"monban/gateway/window"
)

// Opening goes record, kernel, record: what is on disk when the kernel is
// asked is "opening", under the mark the kernel is given.
func TestOpeningOrder(t *testing.T) {
	b := running(t)
	var seen []window.Window
	b.fw.onOpen = func() {
		ws, err := b.db().Windows(t.Context(), store.Filter{})
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, ws...)
	}
	w := b.opened(time.Hour, 3389)
	if len(seen) != 1 || seen[0].State != window.Opening || seen[0].Mark != w.Mark || w.Mark == 0 {
		t.Errorf("on record while the kernel opened: %+v", seen)
	}
	if w.State != window.Open || w.Left != time.Hour || !w.Ends.Equal(noon.Add(time.Hour)) || w.BootID != "boot-1" {
		t.Errorf("opened: %+v", w)
	}
	b.on(w.ID, window.Open, "")
	if got := b.fw.marks(); !slices.Equal(got, []firewall.Mark{firewall.Mark(w.Mark)}) {
		t.Errorf("the kernel holds %v", got)
	}
	if p := b.fw.live[firewall.Mark(w.Mark)].passes; len(p) != 2 { // IPv4 and the one global IPv6
		t.Errorf("ways: %v", p)
	}
	var codes []string
	for _, l := range b.log() {
		codes = append(codes, l.Code)
	}
	want := []string{"window.requested", "window.approved", "window.opening", "window.opened"}
	if !slices.Equal(codes[len(codes)-4:], want) {
		t.Errorf("on record: %v", codes)
	}
}

// A kernel that refuses leaves nothing open, and the record says so.
func TestKernelRefuses(t *testing.T) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	b.fw.fail["OpenWindow"] = errors.New("no buffer space")
	_, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
	fails(t, err, "window.kernel")
	b.on(w.ID, window.NotOpened, "")
	if b.fw.called("CloseWindow") != 1 {
		t.Error("what the kernel may hold was not taken back")
	}
	if b.lines("window.not_opened") != 1 || b.lines("window.opened") != 0 {
		t.Error("the record is wrong")
	}
	if s, _ := b.Status(t.Context()); len(s.Open) != 0 {
		t.Error("shown as open")
	}
	if w, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil || w.State != window.NotOpened {
		t.Error("closing what never opened:", w.State, err)
	}
}

// What ran out is settled with what the kernel counted, at its own end.
func TestRunsOut(t *testing.T) {
	b := running(t)
	w := b.opened(20*time.Second, 3389)
	m := firewall.Mark(w.Mark)
	b.fw.set(func() {
		b.fw.counts.Passed[m] = firewall.Count{Packets: 12, Bytes: 3456}
		b.fw.counts.Dead[m] = firewall.Count{Packets: 2, Bytes: 99}
	})
	b.time.pass(19 * time.Second)
	b.settleAll(t.Context())
	b.on(w.ID, window.Open, "")
	b.time.pass(time.Second + 30*time.Millisecond)
	b.settleAll(t.Context())
	b.settleAll(t.Context())
	got := b.on(w.ID, window.Closed, window.RanOut)
	if got.Passed != (window.Count{Packets: 12, Bytes: 3456}) || got.Dead.Packets != 2 {
		t.Errorf("counted %+v %+v", got.Passed, got.Dead)
	}
	if !got.ClosedAt.Equal(w.EndAt) {
		t.Errorf("closed at %v, ended at %v", got.ClosedAt, w.EndAt)
	}
	if n := b.lines("window.ended.ran_out"); n != 1 {
		t.Errorf("%d lines of its end", n)
	}
	for _, l := range b.log() {
		if l.Code == "window.ended.ran_out" && (l.Args["bytes"] != json.Number("3456") || l.Who != "monban") {
			t.Errorf("line %+v", l)
		}
	}
	// The kernel goes on counting what it refuses.
	b.fw.set(func() { b.fw.counts.Dead[m] = firewall.Count{Packets: 50, Bytes: 2000} })
	v, err := b.WindowByID(t.Context(), inspector, w.ID)
	if err != nil || v.Dead.Packets != 50 || v.Left != 0 {
		t.Errorf("later: %+v, %v", v.Dead, err)
	}
}

// flow is a living connection through w.
func flow(w Window) firewall.Flow {
	return firewall.Flow{ID: 1, Mark: firewall.Mark(w.Mark), Proto: firewall.TCP, Start: noon, In: firewall.Count{Packets: 3, Bytes: 300},
		Source: netip.MustParseAddrPort("198.51.100.10:40000"), Target: netip.MustParseAddrPort("192.168.10.31:3389")}
}

func TestCloseEarlyAndTwice(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.set(func() {
		b.fw.flows = []firewall.Flow{flow(w)}
	})
	b.time.pass(time.Minute)
	got, err := b.CloseWindow(t.Context(), staff, w.ID)
	if err != nil || got.State != window.Closed || got.How != window.ByHand || got.Cut != 1 || got.Left != 0 {
		t.Fatalf("%+v, %v", got.Window, err)
	}
	if len(b.fw.marks()) != 0 {
		t.Error("the kernel still holds it")
	}
	if on := b.on(w.ID, window.Closed, window.ByHand); on.Closer.Name != staff.Name || !on.ClosedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", on)
	}
	if again, err := b.CloseWindow(t.Context(), b.director(), w.ID); err != nil || again.Closer.Name != staff.Name {
		t.Error("closing twice:", again.Closer, err)
	}
	if b.lines("window.ended.closed") != 1 {
		t.Error("two ends on record")
	}
	if _, err := b.CloseWindow(t.Context(), staff, 99); err == nil {
		t.Error("closed a window that is not there")
	}
	_, err = b.CloseWindow(t.Context(), staff, 99)
	fails(t, err, "window.unknown")
	// A request that is still waiting is answered, not closed.
	b.reported()
	r, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.CloseWindow(t.Context(), staff, r.ID)
	fails(t, err, "window.not_now")
	// Sessions end with their window, whatever conntrack still has.
	b.pollFlows(t.Context())
	v, err := b.WindowByID(t.Context(), staff, w.ID)
	if err != nil || len(v.Sessions) != 1 || !v.Sessions[0].End.Equal(noon.Add(time.Minute)) {
		t.Errorf("sessions %+v, %v", v.Sessions, err)
	}
}

// A kernel that will not close keeps the window in sight, so that the button
// can be pressed again.
func TestCloseFails(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.fail["CloseWindow"] = errors.New("busy")
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err == nil {
		t.Error("closed, says the gateway, and the kernel holds it")
	}
	b.on(w.ID, window.Open, "")
	if n, err := b.CloseAll(t.Context(), staff); n != 0 || err == nil {
		t.Error(n, err)
	}
	delete(b.fw.fail, "CloseWindow")
	if n, err := b.CloseAll(t.Context(), staff); n != 1 || err != nil {
		t.Error(n, err)
	}
	b.on(w.ID, window.Closed, window.ByHand)
}

// Two answers at once open one window.
func TestApprovedOnce(t *testing.T) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false) })
	}
	wg.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
			continue
		}
		fails(t, err, "window.not_now")
	}
	if good != 1 || b.fw.called("OpenWindow") != 1 || b.lines("window.opened") != 1 {
		t.Errorf("%d yeses opened, the kernel opened %d", good, b.fw.called("OpenWindow"))
	}
}

// What is refused before anything is on record.
func TestOpeningRefused(t *testing.T) {
	b := running(t)
	b.seen(ehr, "fdc1:1c:10::32") // no address anybody outside could reach
	for _, x := range []struct {
		name string
		ask  func(*Ask)
		code string
	}{
		{"unknown vendor", func(a *Ask) { a.Vendor = "acme" }, "window.vendor_unknown"},
		{"unknown device", func(a *Ask) { a.Device = "fax" }, "device.unknown"},
		{"no reason", func(a *Ask) { a.Reason = " " }, "window.no_reason"},
		{"too long", func(a *Ask) { a.Length = 9 * time.Hour }, "window.too_long"},
		{"no port", func(a *Ask) { a.Ports = nil }, "window.no_ports"},
		{"no way to the device", func(a *Ask) { a.Device = "ehr" }, "window.no_way"},
	} {
		ask := want(time.Hour, 3389)
		x.ask(&ask)
		_, err := b.BreakGlass(t.Context(), console, ask)
		fails(t, err, x.code)
	}
	ask := want(9*time.Hour, 3389)
	ask.Vendor, ask.Device = "acme", "fax"
	_, err := b.AskWindow(t.Context(), staff, ask)
	if got := codes(err); !slices.Equal(got, []string{"window.vendor_unknown", "device.unknown"}) {
		t.Errorf("not all faults at once: %v", got)
	}
	if ws, err := b.Windows(t.Context(), staff, 0, 0); err != nil || len(ws) != 0 || b.fw.called("OpenWindow") != 0 {
		t.Error("something is left of it:", ws, err)
	}
	// One WAN port leads to one place at a time.
	first := b.opened(time.Hour, 3389)
	b.seen(ehr, "192.168.10.32")
	ask = want(time.Hour, 3389)
	ask.Device = "ehr"
	_, err = b.BreakGlass(t.Context(), console, ask)
	fails(t, err, "window.collides")
	ask.Ports[0].WAN = 13389
	second, err := b.BreakGlass(t.Context(), console, ask)
	if err != nil || second.Mark == first.Mark || !second.BreakGlass || second.Requester != "山田" {
		t.Errorf("%+v, %v", second.Window, err)
	}
	if n, err := b.CloseAll(t.Context(), console); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// The approver may shorten, never lengthen; a refusal needs its reason.
func TestAnswers(t *testing.T) {
	b := running(t)
	ask := func(port uint16) int64 {
		w, err := b.AskWindow(t.Context(), staff, want(time.Hour, port))
		if err != nil {
			t.Fatal(err)
		}
		return w.ID
	}
	id := ask(3389)
	_, err := b.ApproveWindow(t.Context(), b.director(), id, 2*time.Hour, false)
	fails(t, err, "window.only_shorter")
	tired := b.director()
	tired.SteppedUp = noon.Add(-window.StepUp - time.Second)
	_, err = b.ApproveWindow(t.Context(), tired, id, 0, false)
	fails(t, err, "people.step_up")
	w, err := b.ApproveWindow(t.Context(), b.director(), id, 15*time.Minute, false)
	if err != nil || w.Left != 15*time.Minute {
		t.Error(w.Left, err)
	}
	no := ask(104)
	_, err = b.RefuseWindow(t.Context(), b.director(), no, "")
	fails(t, err, "window.no_answer")
	if w, err := b.RefuseWindow(t.Context(), b.director(), no, "診療中です"); err != nil || w.State != window.Refused || w.Answer != "診療中です" {
		t.Error(w, err)
	}
	_, err = b.ApproveWindow(t.Context(), b.director(), no, 0, false)
	fails(t, err, "window.not_now")
	if b.lines("window.refused") != 1 {
		t.Error("the refusal is not on record")
	}
	// In a clinic of one the recorder approves after a call-back, and not else.
	own, err := b.AskWindow(t.Context(), b.director(), want(time.Hour, 105))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ApproveWindow(t.Context(), b.director(), own.ID, 0, false)
	fails(t, err, "window.call_back")
	b.edit("alone = true", "alone = false")
	b.Reload(t.Context())
	_, err = b.ApproveWindow(t.Context(), b.director(), own.ID, 0, true)
	fails(t, err, "window.own_request")
	b.edit()
	b.Reload(t.Context())
	if w, err := b.ApproveWindow(t.Context(), b.director(), own.ID, 0, true); err != nil || !w.Alone {
		t.Error(w, err)
	}
}

// A new privacy address of the device joins its window; a new IPv4 one does
// not, and neither does anything outside the LAN.
func TestWindowFollowsDevice(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	m := firewall.Mark(w.Mark)
	before := len(b.fw.live[m].passes)
	b.time.pass(time.Minute)
	b.seen(rececom, "192.168.10.131", "2001:db8:99::1", "2001:db8:10::aaaa")
	b.settleAll(t.Context())
	b.settleAll(t.Context())
	got := b.fw.live[m].passes
	if len(got) != before+1 || got[before].Inside.String() != "[2001:db8:10::aaaa]:3389" || b.fw.called("AddWays") != 1 {
		t.Errorf("ways now: %v", got)
	}
}

// A window that somebody else's flush took away gets the rest of its time.
func TestRestored(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	m := firewall.Mark(w.Mark)
	b.time.pass(20 * time.Minute)
	b.fw.set(func() { clear(b.fw.live) })
	b.settleAll(t.Context())
	live, _ := b.fw.Live()
	if len(live) != 1 || live[0].Mark != m || live[0].Left != 40*time.Minute {
		t.Errorf("the kernel holds %+v", live)
	}
	b.on(w.ID, window.Open, "")
}
