package gateway

import (
	"crypto/sha256"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/audit"
	"monban/gateway/window"
)

func TestWindowSheet(t *testing.T) {
	b := running(t)
	other := b.opened(time.Hour, 104)
	w := b.opened(time.Hour, 3389)
	good, odd := flow(w), flow(w)
	odd.ID, odd.Source = 2, netip.MustParseAddrPort("203.0.113.77:4444")
	b.fw.set(func() { b.fw.flows = []firewall.Flow{good, odd} })
	b.time.pass(time.Minute)
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	s, err := b.WindowSheet(t.Context(), inspector, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	if s.Clinic != "門番クリニック" || s.Window.ID != w.ID || s.Window.State != window.Closed || s.Window.VendorLabel != "レセコン保守(株)" {
		t.Errorf("%+v", s)
	}
	var states []string
	for _, x := range s.Steps {
		states = append(states, string(x.To))
	}
	if got := strings.Join(states, " "); got != "requested approved opening open closed" || s.Steps[4].Who.Name != staff.Name {
		t.Errorf("%s: %+v", got, s.Steps)
	}
	var lines []string
	for _, l := range s.Lines {
		lines = append(lines, l.Code)
	}
	if got := strings.Join(lines, " "); got != "window.requested window.approved window.opening window.opened window.ended.closed" {
		t.Error(got)
	}
	if len(s.Matches) != 2 {
		t.Fatalf("%+v", s.Matches)
	}
	for _, m := range s.Matches {
		if m.Source != (m.FlowID == good.ID) || !m.Target || !m.Time {
			t.Errorf("%+v", m)
		}
	}

	// The hash is that of the JSON without the hash, for anybody to check.
	b1, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b1, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "hash")
	canonical, err := audit.Canonical(all)
	if err != nil {
		t.Fatal(err)
	}
	if got := hexHash(sha(canonical)); got != s.Hash {
		t.Errorf("hash %s, want %s", s.Hash, got)
	}
	again, err := b.WindowSheet(t.Context(), inspector, w.ID)
	if err != nil || again.Hash != s.Hash {
		t.Error("another hash of the same window")
	}
	if o, err := b.WindowSheet(t.Context(), inspector, other.ID); err != nil || o.Hash == s.Hash || len(o.Lines) != 4 {
		t.Error(err)
	}
	_, err = b.WindowSheet(t.Context(), inspector, 999)
	fails(t, err, "window.unknown")
}

// A month is the clinic's, not UTC's.
func TestWindowMonth(t *testing.T) {
	b := running(t)
	var ids []int64
	ask := func(at string) {
		t.Helper()
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		b.time.set(when, true)
		w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, w.ID)
	}
	ask("2027-03-31T14:59:59Z") // still March in Tokyo
	ask("2027-03-31T15:00:00Z")
	ask("2027-04-15T00:00:00Z")
	ask("2027-04-30T15:00:00Z")
	m, err := b.WindowMonth(t.Context(), inspector, 2027, time.April)
	var got []int64
	for _, w := range m.Windows {
		got = append(got, w.ID)
	}
	if err != nil || !slices.Equal(got, ids[1:3]) || m.Year != 2027 || m.Month != time.April || m.Windows[0].DeviceName != "レセコン" {
		t.Errorf("%v, %v, want %v", got, err, ids[1:3])
	}
	if m, err := b.WindowMonth(t.Context(), inspector, 2027, time.January); err != nil || m.Windows == nil || len(m.Windows) != 0 {
		t.Error(m, err)
	}
	_, err = b.WindowMonth(t.Context(), inspector, 2027, 13)
	fails(t, err, "sheet.month")
}

func sha(b []byte) [32]byte { return sha256.Sum256(b) }
