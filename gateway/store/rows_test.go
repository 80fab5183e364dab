package store

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/window"
)

func nowAt(t time.Time) func() time.Time { return func() time.Time { return t } }

func TestSessions(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	s := window.Session{Window: w.ID, Mark: 7, Proto: window.TCP, FlowID: 1<<32 - 1, Start: noon,
		Source: netip.MustParseAddrPort("203.0.113.9:40000"), Target: netip.MustParseAddrPort("[2001:db8::9]:3389"), In: 100, Out: 50}
	put := func(s window.Session) {
		if err := db.PutSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	put(s)
	more := s
	more.In, more.Out, more.End = 90, 500, noon.Add(time.Minute)
	put(more)
	put(s) // an older look at it, come late
	other := s
	other.Start = noon.Add(time.Second) // the id used again
	put(other)
	got, err := db.Sessions(t.Context(), w.ID)
	want := s
	want.Out, want.End = 500, noon.Add(time.Minute)
	if err != nil || !reflect.DeepEqual(got, []window.Session{want, other}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := db.PutSession(t.Context(), window.Session{Window: 99, Start: noon}); err == nil {
		t.Error("a session of no window was kept")
	}
}

func TestDevices(t *testing.T) {
	db := opened(t, t.TempDir())
	put := func(put, gone []device.Device) map[device.MAC]int64 {
		t.Helper()
		ids, err := db.PutDevices(t.Context(), put, gone)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	named := seen(9)
	named.FirstSeen, named.LastSeen = time.Time{}, time.Time{} // named in site.toml, never seen
	named.Addrs = nil
	ids := put([]device.Device{seen(1), seen(2), named}, nil)
	if len(ids) != 3 || ids[seen(1).MAC] == ids[seen(2).MAC] {
		t.Fatal(ids)
	}
	later := seen(1)
	later.FirstSeen, later.LastSeen, later.Iface = noon.Add(time.Hour), noon.Add(2*time.Hour), "lan1"
	later.Addrs = []device.Address{{Addr: netip.MustParseAddr("2001:db8::1"), Seen: noon.Add(time.Hour)}}
	if again := put([]device.Device{later, seen(9)}, nil); again[later.MAC] != ids[later.MAC] || again[named.MAC] != ids[named.MAC] {
		t.Error(again)
	}
	name := func(id int64, name string) error {
		return db.Act(t.Context(), staff, at, func(tx *Tx) error {
			if err := tx.NameDevice(id, name, staff.Name); err != nil {
				return err
			}
			return tx.Audit("device.named", nil)
		})
	}
	if err := name(ids[seen(1).MAC], "X線室"); err != nil {
		t.Fatal(err)
	}
	if err := name(ids[seen(2).MAC], "ｘ線室"); codeOf(err) != "device.name_taken" {
		t.Error("two devices of one name:", err)
	}
	if err := name(ids[seen(1).MAC], "Ｘ線室"); err != nil {
		t.Error("its own name in another form:", err)
	}
	if err := name(99, "誰"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	got, err := db.Devices(t.Context())
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	want := later
	want.ID, want.Name, want.NamedBy, want.FirstSeen = ids[later.MAC], "Ｘ線室", staff.Name, noon
	want.Addrs = append(want.Addrs, seen(1).Addrs...)
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, want %+v", got[0], want)
	}
	if !got[2].FirstSeen.Equal(noon) || len(got[2].Addrs) != 1 {
		t.Errorf("a named device seen at last: %+v", got[2])
	}

	// Forgotten: only who has no name and no window goes.
	asked(t, db) // about device 9
	put(nil, []device.Device{seen(1), seen(2), seen(9), seen(77)})
	if got, err := db.Devices(t.Context()); err != nil || len(got) != 2 || got[0].MAC != seen(1).MAC || got[1].MAC != seen(9).MAC {
		t.Error(got, err)
	}
	if fresh := put([]device.Device{seen(2)}, nil); fresh[seen(2).MAC] <= ids[named.MAC] {
		t.Error("a number was used again:", fresh)
	}
}

func TestAddressesAreBounded(t *testing.T) {
	db := opened(t, t.TempDir())
	d := seen(1)
	for i := range 40 {
		d.Addrs = []device.Address{{Addr: netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}), Seen: noon.Add(time.Duration(i) * time.Hour)}}
		if _, err := db.PutDevices(t.Context(), []device.Device{d}, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Devices(t.Context())
	if err != nil || len(got[0].Addrs) != device.MaxAddrs || !got[0].Addrs[0].Seen.Equal(noon.Add(39*time.Hour)) {
		t.Error(got, err)
	}
}

func TestPeople(t *testing.T) {
	db := opened(t, t.TempDir())
	var p people.Person
	act := func(fn func(tx *Tx) error) error {
		return db.Act(t.Context(), director, at, func(tx *Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return tx.Audit("people.joined", nil)
		})
	}
	err := act(func(tx *Tx) (err error) {
		p, err = tx.InsertPerson(people.Person{Name: "Sato", Role: people.Director, Password: "$x", TOTP: []byte{1, 2}, Counter: 10, Recovery: []string{"a", "b"}})
		return err
	})
	if err != nil || p.ID == 0 {
		t.Fatal(p, err)
	}
	for _, name := range []string{"Sato", "ｓａｔｏ", " SATO\u200b"} {
		if got, err := db.PersonNamed(t.Context(), name); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%q: %+v, %v; want %+v", name, got, err, p)
		}
	}
	add := func(n string, r people.Role) func(*Tx) error {
		return func(tx *Tx) error { _, err := tx.InsertPerson(people.Person{Name: n, Role: r}); return err }
	}
	if err := act(add("sato", people.Staff)); codeOf(err) != "people.name_taken" {
		t.Error(err)
	}
	if err := act(add("root", people.Console)); err == nil {
		t.Error("an account of the console's role was made")
	}
	if err := act(add("Suzuki", people.Staff)); err != nil {
		t.Fatal(err)
	}

	if err := act(func(tx *Tx) error { return tx.UseTOTP(p.ID, 11) }); err != nil {
		t.Error(err)
	}
	for _, step := range []int64{11, 10} {
		if err := act(func(tx *Tx) error { return tx.UseTOTP(p.ID, step) }); codeOf(err) != "people.code_used" {
			t.Errorf("step %d again: %v", step, err)
		}
	}
	if err := act(func(tx *Tx) error { return tx.UseRecovery(p.ID, "a") }); err != nil {
		t.Error(err)
	}
	if err := act(func(tx *Tx) error { return tx.UseRecovery(p.ID, "a") }); codeOf(err) != "people.code_used" {
		t.Error("a recovery code worked twice:", err)
	}
	now, err := db.Person(t.Context(), p.ID)
	if err != nil || now.Counter != 11 || !reflect.DeepEqual(now.Recovery, []string{"b"}) {
		t.Errorf("%+v, %v", now, err)
	}
	now.Disabled, now.Counter, now.Recovery, now.Role, now.Renewed = true, 5, []string{"c"}, people.Staff, 3
	if err := act(func(tx *Tx) error { return tx.PutPerson(now) }); err != nil {
		t.Fatal(err)
	}
	now.Counter = 11 // a code stays used
	if got, err := db.Person(t.Context(), p.ID); err != nil || !reflect.DeepEqual(got, now) {
		t.Errorf("%+v, %v; want %+v", got, err, now)
	}
	earlier := now
	earlier.Renewed = 2 // nor does a sign-in come back
	if err := act(func(tx *Tx) error { return tx.PutPerson(earlier) }); err != nil {
		t.Error(err)
	}
	if got, err := db.Person(t.Context(), p.ID); err != nil || got.Renewed != 3 || got.Actor("page").Renewed != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := act(func(tx *Tx) error { return tx.ResetTOTP(p.ID, 3) }); err != nil {
		t.Error(err)
	}
	if err := act(func(tx *Tx) error { return tx.ResetTOTP(p.ID, 3) }); codeOf(err) != "people.code_used" {
		t.Error("a code worked twice after the clock was set back:", err)
	}
	all, err := db.People(t.Context())
	if err != nil || len(all) != 2 || all[0].Counter != 3 || all[1].Name != "Suzuki" {
		t.Error(all, err)
	}
	now.Name = "suzuki"
	if err := act(func(tx *Tx) error { return tx.PutPerson(now) }); codeOf(err) != "people.name_taken" {
		t.Error(err)
	}
	if _, err := db.Person(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestMeta(t *testing.T) {
	db := opened(t, t.TempDir())
	if v, err := db.Meta(t.Context(), "k"); v != nil || err != nil {
		t.Error(v, err)
	}
	for _, v := range []string{"one", "two", ""} {
		if err := db.PutMeta(t.Context(), "k", []byte(v)); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Meta(t.Context(), "k"); err != nil || got == nil || string(got) != v {
			t.Errorf("%q: %q, %v", v, got, err)
		}
	}
	if err := db.PutMeta(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if v, err := db.Meta(t.Context(), "k"); v != nil || err != nil {
		t.Error(v, err)
	}
}
