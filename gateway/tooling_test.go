package gateway

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/dnsfilter/tools"
	"monban/firewall"
	"monban/gateway/window"
)

// withTools gives a box the shipped data file.
func (b *box) withTools() *box {
	b.t.Helper()
	known, err := tools.Load()
	if err != nil {
		b.t.Fatal(err)
	}
	b.o.Tools = known
	return b
}

// tool opens a window for a tool on a device.
func (b *box) tool(device, name string) Window {
	b.t.Helper()
	b.reported()
	w, err := b.AskWindow(b.t.Context(), staff, Ask{Kind: window.Tool, Vendor: "rececom-hoshu", Device: device, Tool: name,
		Length: time.Hour, Reason: "操作の支援", Requester: "山田"})
	if err != nil {
		b.t.Fatal(err)
	}
	if w, err = b.ApproveWindow(b.t.Context(), b.director(), w.ID, 0, false); err != nil {
		b.t.Fatal(err)
	}
	return w
}

// A tool's window releases its names to its device, and marks every unknown
// flow of a device under answered-only egress; both end with it.
func TestToolWindow(t *testing.T) {
	b := newBox(t).withTools().start()
	b.seen(rececom, "192.168.10.31")
	b.seen(ehr, "192.168.10.32", "2001:db8:10::32")
	ehrAddrs := []netip.Addr{netip.MustParseAddr("192.168.10.32"), netip.MustParseAddr("2001:db8:10::32")}
	pc, relay := netip.MustParseAddr("192.168.10.31"), netip.MustParseAddr("198.51.100.140")

	w := b.tool("ehr", "TeamViewer")
	if w.ByName {
		t.Error("a device under answered-only egress is said to be shut by name alone")
	}
	if o := b.fw.live[firewall.Mark(w.Mark)].opening; !slices.Equal(o.Egress, ehrAddrs) || !o.ByName || len(o.Passes) > 0 {
		t.Errorf("in the kernel: %+v", o)
	}
	p := b.dns.policy
	if !p.ToolsEnforced || !slices.Equal(p.Granted[ehrAddrs[0]], []string{"TeamViewer"}) || p.Granted[pc] != nil {
		t.Errorf("names: %+v", p.Granted)
	}
	if err := b.Admit(t.Context(), ehrAddrs[0], "TeamViewer", []netip.Addr{relay}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if g := b.fw.live[firewall.Mark(w.Mark)].gates; !slices.Equal(g, []firewall.Gate{{Device: ehrAddrs[0], Target: relay}}) {
		t.Errorf("gates: %v", g)
	}
	if err := b.Admit(t.Context(), ehrAddrs[0], "AnyDesk", []netip.Addr{relay}, time.Minute); err == nil {
		t.Error("let through for a tool without a window")
	}
	if err := b.Admit(t.Context(), pc, "TeamViewer", []netip.Addr{relay}, time.Minute); err == nil {
		t.Error("let through for another device")
	}
	if err := b.Admit(t.Context(), ehrAddrs[1], "", []netip.Addr{relay}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(b.fw.admitted, firewall.Gate{Device: ehrAddrs[0], Target: relay}) {
		t.Errorf("answered: %v; an answer holds for each address of the device", b.fw.admitted)
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	if p := b.dns.policy; len(p.Granted) != 0 {
		t.Errorf("after the end names are still granted: %v", p.Granted)
	}
	if w := b.tool("rececom", "AnyDesk"); !w.ByName || len(b.fw.live[firewall.Mark(w.Mark)].opening.Egress) > 0 {
		t.Errorf("an ordinary device: %v, %+v", w.ByName, b.fw.live[firewall.Mark(w.Mark)].opening)
	}
	_, err := b.AskWindow(t.Context(), staff, Ask{Kind: window.Tool, Vendor: "rececom-hoshu", Device: "ehr", Tool: "NoSuchTool",
		Length: time.Hour, Reason: "操作の支援", Requester: "山田"})
	fails(t, err, "window.tool_unknown")
}

// A tool tried outside a window goes on record once a day for each device; a
// shared name accuses nobody.
func TestToolTried(t *testing.T) {
	b := newBox(t).withTools().start()
	b.seen(rececom, "192.168.10.31")
	at := netip.MustParseAddr("192.168.10.31")
	for range 5 {
		b.SeeTool(ToolSeen{Client: at, Name: "router1.teamviewer.com", Tool: "TeamViewer", Refused: true})
		b.SeeTool(ToolSeen{Client: at, Name: "github.com", Tool: "RustDesk", Shared: true})
		b.SeeTool(ToolSeen{Client: at, Name: "anydesk.com", Tool: "AnyDesk", Granted: true})
	}
	b.keepOnce(t.Context())
	if n, m := b.lines("tool.refused"), b.lines("tool.looked_up"); n != 1 || m != 1 {
		t.Errorf("%d and %d lines in one day", n, m)
	}
	if n, ok := b.note("gateway.tool_tried"); !ok || n.Args["n"] != 1 {
		t.Errorf("the page says %v", n)
	}
	b.time.pass(24 * time.Hour)
	b.SeeTool(ToolSeen{Client: at, Name: "router1.teamviewer.com", Tool: "TeamViewer", Refused: true})
	b.keepOnce(t.Context())
	if n := b.lines("tool.refused"); n != 2 {
		t.Errorf("%d lines on the second day", n)
	}
}

// The first days only watch, counted from when the clock was right.
func TestToolsAreWatchedFirst(t *testing.T) {
	b := newBox(t).withTools()
	b.edit("observe_days = 0", "observe_days = 7")
	b.time.set(noon, false)
	b.start()
	if b.enforced() || !b.tools.since.IsZero() {
		t.Error("a wrong clock began the week")
	}
	b.time.set(noon, true)
	b.keepOnce(t.Context())
	if b.enforced() {
		t.Error("enforced on the first day")
	}
	b.time.pass(7*24*time.Hour + time.Minute)
	b.kill().start()
	b.keepOnce(t.Context())
	if !b.enforced() {
		t.Error("not enforced after a week")
	}
}
