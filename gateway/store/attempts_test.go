package store

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAttempts(t *testing.T) {
	db := opened(t, t.TempDir())
	a := Attempt{Source: netip.MustParseAddr("203.0.113.9"), Packets: 3, First: noon, Last: noon.Add(time.Minute), Ports: []string{"3389/tcp"}}
	b := Attempt{Source: netip.MustParseAddr("2001:db8::9"), Vendor: "acme", Packets: 1, First: noon, Last: noon}
	put := func(day string, packets uint64, all ...Attempt) {
		t.Helper()
		if err := db.PutAttempts(t.Context(), []Tally{{day, packets, all}}, "reading", []byte(day)); err != nil {
			t.Fatal(err)
		}
	}
	put("2027-03-02", 5, a, b)
	more := Attempt{Source: a.Source, Packets: 4, First: noon.Add(time.Hour), Last: noon.Add(2 * time.Hour), Ports: []string{"22/tcp", "3389/tcp"}}
	put("2027-03-02", 4, more)
	put("2027-03-03", 1, b)
	got, err := db.Attempts(t.Context(), "2027-03-02")
	sum := a
	sum.Packets, sum.Last, sum.Ports = 7, more.Last, []string{"3389/tcp", "22/tcp"}
	if want := (Tally{"2027-03-02", 9, []Attempt{sum, b}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if v, err := db.Meta(t.Context(), "reading"); err != nil || string(v) != "2027-03-03" {
		t.Errorf("%q, %v", v, err)
	}
	if days, err := db.AttemptDays(t.Context(), 31); err != nil || !reflect.DeepEqual(days, []string{"2027-03-03", "2027-03-02"}) {
		t.Error(days, err)
	}
	if got, err := db.Attempts(t.Context(), "2027-03-04"); err != nil || got.Packets != 0 || len(got.Attempts) != 0 {
		t.Error(got, err)
	}
	for i := range 40 {
		put("2027-03-05", 1, Attempt{Source: a.Source, Packets: 1, First: noon, Last: noon, Ports: []string{fmt.Sprint(i)}})
	}
	if got, _ := db.Attempts(t.Context(), "2027-03-05"); got.Packets != 40 || len(got.Attempts[0].Ports) != MaxTriedPorts {
		t.Errorf("%+v", got)
	}
}

// Sources and days are bounded; the totals are not touched by that.
func TestAttemptsBounded(t *testing.T) {
	db := opened(t, t.TempDir())
	source := func(i int) netip.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(i))
		return netip.AddrFrom4(b)
	}
	var all []Attempt
	for i := range 2 * maxSources {
		all = append(all, Attempt{Source: source(i), Packets: uint64(i + 1), First: noon, Last: noon})
	}
	all[0].Vendor = "acme"
	if err := db.PutAttempts(t.Context(), []Tally{{"2027-03-02", 1e6, all}}, "reading", []byte("x")); err != nil {
		t.Fatal(err)
	}
	got, err := db.Attempts(t.Context(), "2027-03-02")
	if n := len(got.Attempts); err != nil || n != maxSources || got.Packets != 1e6 || got.Attempts[0].Packets != 2*maxSources || got.Attempts[n-1].Vendor != "acme" {
		t.Errorf("%d of %d, %v", n, got.Packets, err)
	}
	day := noon
	for range keepAttempts + 5 {
		day = day.AddDate(0, 0, 1)
		if err := db.PutAttempts(t.Context(), []Tally{{day.Format(time.DateOnly), 1, all[:1]}}, "reading", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	got, err = db.Attempts(t.Context(), "2027-03-02")
	if err != nil || len(got.Attempts) != 0 || got.Packets != 1e6 {
		t.Errorf("%d sources, %d packets, %v", len(got.Attempts), got.Packets, err)
	}
	var n int
	if err := db.r.QueryRow("SELECT count(*) FROM attempt").Scan(&n); err != nil || n != keepAttempts {
		t.Error(n, err)
	}
	// A clock that jumps ten years ahead costs one day, not the evidence.
	if err := db.PutAttempts(t.Context(), []Tally{{"2037-01-01", 1, all[:1]}}, "reading", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := db.r.QueryRow("SELECT count(*) FROM attempt").Scan(&n); err != nil || n != keepAttempts {
		t.Error(n, err)
	}
}

// The lines about a window are found by an index, and a spoilt line keeps
// neither them nor the database from being read.
func TestAuditOfWindow(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	w := asked(t, db)
	say(t, db, "rules.foreign")
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		return tx.Audit("window.put_right", map[string]any{"window": w.ID, "device": "x"})
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		return tx.Audit("window.put_right", map[string]any{"window": w.ID + 10, "device": "x"})
	}); err != nil {
		t.Fatal(err)
	}
	got, err := db.AuditOfWindow(t.Context(), w.ID)
	if err != nil || len(got) != 2 || got[0].Code != "window.requested" || got[1].Code != "window.put_right" {
		t.Fatalf("%+v, %v", got, err)
	}
	var id, parent, unused int
	var plan string
	if err := db.r.QueryRow("EXPLAIN QUERY PLAN SELECT seq FROM audit WHERE "+aboutWindow+" = 1").Scan(&id, &parent, &unused, &plan); err != nil || !strings.Contains(plan, "audit_window") {
		t.Errorf("%q, %v", plan, err)
	}
	db.Close()
	spoil := raw(t, dir)
	if _, err := spoil.Exec("DROP TRIGGER audit_update; UPDATE audit SET args = '{' WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	spoil.Close()
	db = opened(t, dir)
	if got, err := db.AuditOfWindow(t.Context(), w.ID); err != nil || len(got) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
