package gateway

import (
	"strings"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

func TestStatus(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	asked, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	b.seen(stranger, "192.168.10.200")
	b.dns.counts = DNSCounts{Queries: 9, Refused: 2}
	b.time.pass(20 * time.Second)
	s, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Mode != Guarding || s.Clinic != "門番クリニック" || s.Version != "test" || !s.RulesOK || !s.RulesReadAt.Equal(noon) || !s.ClockSynced ||
		s.Devices != 6 || s.Unnamed != 1 || s.DNS.Queries != 9 || s.DNS.Refused != 2 || s.DNS.Names != 1 || !s.LastProof.IsZero() {
		t.Errorf("%+v", s)
	}
	if len(s.Open) != 1 || s.Open[0].ID != w.ID || s.Open[0].Left != 59*time.Minute+40*time.Second || s.Open[0].VendorLabel != "レセコン保守(株)" ||
		s.Open[0].VendorPhone != "03-0000-0000" || s.Open[0].DeviceName != "レセコン" || !s.Open[0].Ends.Equal(w.EndAt) {
		t.Errorf("open: %+v", s.Open)
	}
	if len(s.Waiting) != 1 || s.Waiting[0].ID != asked.ID {
		t.Errorf("waiting: %+v", s.Waiting)
	}
	if head := b.db().Head(); s.AuditCount != head.Count || s.AuditHead != hexHash(head.Hash) {
		t.Error("another head")
	}
	for _, code := range []string{"gateway.no_upstream", "gateway.unnamed"} {
		if _, ok := b.note(code); !ok {
			t.Error("no note", code)
		}
	}
	b.dns.counts.UpstreamOK = true
	if _, ok := b.note("gateway.no_upstream"); ok {
		t.Error("the upstream is back, the note is not gone")
	}
}

// Every note and every line of the log has its sentence in both languages,
// with nothing left to fill in.
func TestSentences(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.opened(time.Second, 104)
	b.time.pass(2 * time.Second)
	b.settleAll(t.Context())
	b.seen(stranger, "192.168.10.200")
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.NameDevice(t.Context(), staff, b.number(rececom), "会計"); err != nil {
		t.Fatal(err)
	}
	b.join(b.code(), "院長")
	b.edit("[lan]", "[lan")
	b.Reload(t.Context())
	b.record(t.Context(), people.Box, func(tx *store.Tx) error { return tx.Audit("rules.foreign", nil) })
	for _, lang := range []text.Lang{text.JA, text.EN} {
		for _, l := range b.log() {
			if s := lang.Say("audit."+l.Code, l.Args); strings.HasPrefix(s, "audit.") || strings.Contains(s, "{") {
				if s := lang.Say(l.Code, l.Args); strings.HasPrefix(s, l.Code) || strings.Contains(s, "{") {
					t.Errorf("%s: %s %v says %q", lang, l.Code, l.Args, s)
				}
			}
		}
		s, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range s.Notes {
			if s := lang.Say(n.Code, n.Args); strings.HasPrefix(s, n.Code) || strings.Contains(s, "{") {
				t.Errorf("%s: %s %v says %q", lang, n.Code, n.Args, s)
			}
		}
	}
}

// The log is read newest first, page by page, each line once.
func TestAuditView(t *testing.T) {
	b := running(t)
	for range 3 {
		b.opened(time.Second, 3389)
		b.time.pass(2 * time.Second)
		b.settleAll(t.Context())
	}
	var got []uint64
	for before := uint64(0); ; {
		page, err := b.Audit(t.Context(), inspector, before, 4)
		if err != nil || len(page) > 4 {
			t.Fatal(len(page), err)
		}
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			got = append(got, l.Seq)
		}
		before = page[len(page)-1].Seq
	}
	for i, seq := range got {
		if seq != uint64(len(got)-i) {
			t.Fatalf("%v", got)
		}
	}
	page, _ := b.Audit(t.Context(), inspector, 0, 1)
	if l := page[0]; l.Code != "window.ended.ran_out" || l.Via != "box" || l.Role != string(people.System) || len(l.Hash) != 64 || !l.Synced {
		t.Errorf("%+v", l)
	}
	// A head printed earlier still stands in the log; one that never was does not.
	head := b.db().Head()
	b.opened(time.Second, 3390)
	if c, err := b.CheckAuditAgainst(t.Context(), inspector, &head); err != nil || c.Bad != 0 || c.Count <= head.Count {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := b.CheckAuditAgainst(t.Context(), inspector, &audit.Head{Count: head.Count}); err != nil || c.Why == "" {
		t.Errorf("a false head: %+v, %v", c, err)
	}
}

// History, newest first, by pages; each window with its ways and sessions.
func TestWindowViews(t *testing.T) {
	b := running(t)
	var ids []int64
	for range 5 {
		b.settleAll(t.Context())
		w := b.opened(time.Second, 3389)
		ids = append(ids, w.ID)
		b.time.pass(2 * time.Second)
	}
	ws, err := b.Windows(t.Context(), inspector, 0, 2)
	if err != nil || len(ws) != 2 || ws[0].ID != ids[4] || ws[0].State != window.Closed {
		t.Fatal(ws, err) // settled on looking
	}
	if ws, err = b.Windows(t.Context(), inspector, ws[1].ID, 9); err != nil || len(ws) != 3 || ws[2].ID != ids[0] {
		t.Fatal(ws, err)
	}
	_, err = b.WindowByID(t.Context(), inspector, 99)
	fails(t, err, "window.unknown")
	b.reported()
	ask := want(time.Hour, 3389)
	ask.Ports[0].WAN = 13389
	w, err := b.AskWindow(t.Context(), staff, ask)
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.WindowByID(t.Context(), inspector, w.ID)
	if err != nil || len(v.Ways) != 2 || v.Ways[0].Dial != "203.0.113.10:13389" || v.Ways[0].Inside.String() != "192.168.10.31:3389" ||
		v.Ways[1].Dial != "[2001:db8:10::31]:3389" {
		t.Errorf("%+v, %v", v.Ways, err)
	}
	if v, err := b.WindowByID(t.Context(), inspector, ids[0]); err != nil || len(v.Ways) != 0 {
		t.Error("ways of what is over:", v.Ways, err)
	}
	open, err := b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	live, gone := flow(open), flow(open)
	gone.ID, gone.Gone, gone.Start = 2, true, b.o.Clock.Wall()
	b.fw.set(func() { b.fw.flows = append(b.fw.flows, live) })
	stray := flow(open) // of a window nobody remembers
	stray.ID, stray.Mark = 3, 4711
	b.putFlows(t.Context(), []firewall.Flow{gone, stray})
	v, err = b.WindowByID(t.Context(), inspector, w.ID)
	if err != nil || len(v.Sessions) != 2 || v.Sessions[0].In != 300 {
		t.Fatalf("%+v, %v", v.Sessions, err)
	}
	for _, s := range v.Sessions {
		if over := s.FlowID == 2; s.End.IsZero() == over {
			t.Errorf("%+v", s)
		}
	}
}

func TestNamesOfThePage(t *testing.T) {
	b := newBox(t).start()
	if got := strings.Join(b.PageNames(), " "); !strings.Contains(got, "monban.home.arpa") || !strings.Contains(got, "192.168.10.1") || !strings.Contains(got, "localhost") {
		t.Error(got)
	}
	if b.Zone().String() != "Asia/Tokyo" {
		t.Error(b.Zone())
	}
	if v := b.Vendors(t.Context()); len(v) != 1 || v[0].Phone != "03-0000-0000" || len(v[0].Sources) != 2 {
		t.Error(v)
	}
}

// A Gateway is never half made.
func TestNewRefuses(t *testing.T) {
	b := newBox(t)
	for name, without := range map[string]func(*Options){
		"config": func(o *Options) { o.Config = "" }, "state": func(o *Options) { o.State = "" },
		"firewall": func(o *Options) { o.Firewall = nil }, "store": func(o *Options) { o.Store = nil },
		"addresses": func(o *Options) { o.LocalAddrs = nil }, "clock": func(o *Options) { o.Clock.Synced = nil },
		"boot": func(o *Options) { o.BootID = "" }, "log": func(o *Options) { o.Log = nil },
	} {
		o := b.o
		without(&o)
		if _, err := New(o); err == nil {
			t.Error("made without", name)
		}
	}
}
