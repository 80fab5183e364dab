package store

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"testing"
	"time"

	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/window"
)

func TestPlans(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	p, err := window.AskPlan(window.Plan{Vendor: "acme", Device: w.Device, Ports: w.Ports, Reason: "月例", Requester: "山田",
		Week: -1, Day: time.Tuesday, Hour: 22, Minute: 30}, w.Sources, staff, noon)
	must(t, err)
	targets := p
	targets.Kind, targets.Ports, targets.Targets, targets.Tool = window.Outbound, nil, []window.Target{{Addr: w.Sources[0].Addr(), Proto: window.UDP, Port: 500}}, "x"
	add := func(p window.Plan) (got window.Plan) {
		must(t, act(t, db, staff, func(tx *Tx) (err error) { got, err = tx.InsertPlan(p); return err }))
		return got
	}
	one, two := add(p), add(targets)
	p.ID, targets.ID = one.ID, two.ID
	if !reflect.DeepEqual(one, p) || !reflect.DeepEqual(two, targets) || one.ID == two.ID {
		t.Errorf("kept\n%+v\n%+v\nas\n%+v\n%+v", p, targets, one, two)
	}
	if all, err := db.Plans(t.Context()); err != nil || !reflect.DeepEqual(all, []window.Plan{one, two}) {
		t.Error(all, err)
	}
	drop := func() (was window.Plan, err error) {
		err = act(t, db, staff, func(tx *Tx) (err error) { was, err = tx.DropPlan(one.ID); return err })
		return was, err
	}
	if was, err := drop(); err != nil || !reflect.DeepEqual(was, one) {
		t.Error(was, err)
	}
	if _, err := drop(); !errors.Is(err, ErrNotFound) {
		t.Error("dropped twice:", err)
	}
	if all, err := db.Plans(t.Context()); err != nil || len(all) != 1 || all[0].ID != two.ID {
		t.Error(all, err)
	}
	if three := add(p); three.ID <= two.ID {
		t.Error("a number was used again:", three.ID)
	}
	p.Device = 77
	if err := act(t, db, staff, func(tx *Tx) error { _, err := tx.InsertPlan(p); return err }); err == nil {
		t.Error("a plan about no device was kept")
	}
}

// A device that only a plan knows is not forgotten.
func TestPlanKeepsItsDevice(t *testing.T) {
	db := opened(t, t.TempDir())
	ids, err := db.PutDevices(t.Context(), []device.Device{seen(1)}, nil)
	must(t, err)
	p := window.Plan{Kind: window.Tool, Vendor: "acme", Device: ids[seen(1).MAC], Tool: "x", Length: time.Hour, Made: noon}
	must(t, act(t, db, staff, func(tx *Tx) error { _, err := tx.InsertPlan(p); return err }))
	if _, err := db.PutDevices(t.Context(), nil, []device.Device{seen(1)}); err != nil {
		t.Error(err)
	}
	if all, err := db.Devices(t.Context()); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
}

func TestVendorKeys(t *testing.T) {
	db := opened(t, t.TempDir())
	key := func(b byte) ed25519.PublicKey { return bytes.Repeat([]byte{b}, ed25519.PublicKeySize) }
	add := func(k VendorKey) (VendorKey, error) {
		err := act(t, db, director, func(tx *Tx) (err error) { k, err = tx.AddVendorKey(k); return err })
		return k, err
	}
	one, err := add(VendorKey{Vendor: "acme", Name: "山田", Key: key(1)})
	must(t, err)
	who := director
	who.SteppedUp = time.Time{}
	if one.AddedBy != who || !one.AddedAt.Equal(noon) {
		t.Errorf("%+v", one)
	}
	two, err := add(VendorKey{Vendor: "acme", Name: "鈴木", Key: key(2)})
	must(t, err)
	if _, err := add(VendorKey{Vendor: "other", Name: "山田", Key: key(1)}); codeOf(err) != "window.key_taken" {
		t.Error("one key for two engineers:", err)
	}
	if _, err := add(VendorKey{Vendor: "acme", Name: "x", Key: key(3)[:31]}); err == nil {
		t.Error("a short key was kept")
	}
	if all, err := db.VendorKeys(t.Context()); err != nil || !reflect.DeepEqual(all, []VendorKey{one, two}) {
		t.Error(all, err)
	}
	revoke := func(id int64) (was VendorKey, err error) {
		err = act(t, db, director, func(tx *Tx) (err error) { was, err = tx.RevokeVendorKey(id); return err })
		return was, err
	}
	if was, err := revoke(one.ID); err != nil || !reflect.DeepEqual(was, one) {
		t.Error(was, err)
	}
	for _, id := range []int64{one.ID, 99} {
		if _, err := revoke(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("key %d: %v", id, err)
		}
	}
	again, err := add(VendorKey{Vendor: "other", Name: "山田", Key: key(1)})
	must(t, err)
	if all, err := db.VendorKeys(t.Context()); err != nil || !reflect.DeepEqual(all, []VendorKey{two, again}) {
		t.Error(all, err)
	}
}

// A deputy is staff, is one in the log for good, and no more once he changes
// his role.
func TestDeputy(t *testing.T) {
	db := opened(t, t.TempDir())
	var ids []int64
	for _, p := range []people.Person{{Name: "Suzuki", Role: people.Staff}, {Name: "Yamada", Role: people.Vendor}, {Name: "Ito", Role: people.Staff, Disabled: true}} {
		must(t, act(t, db, director, func(tx *Tx) (err error) {
			p, err = tx.InsertPerson(p)
			ids = append(ids, p.ID)
			return err
		}))
	}
	set := func(id int64, deputy bool) error {
		return act(t, db, director, func(tx *Tx) error { return tx.SetDeputy(id, deputy) })
	}
	must(t, set(ids[0], true))
	for _, id := range ids[1:] {
		if err := set(id, true); codeOf(err) != "people.no_deputy" {
			t.Errorf("person %d: %v", id, err)
		}
		must(t, set(id, false))
	}
	if err := set(99, true); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	p, err := db.Person(t.Context(), ids[0])
	if err != nil || !p.Deputy || !p.Actor("page").May(people.ActApprove) {
		t.Fatal(p, err)
	}
	must(t, db.Act(t.Context(), p.Actor("page"), at, func(tx *Tx) error { return tx.Audit("a.deputy", nil) }))
	lines, err := db.AuditLines(t.Context(), 0, 1)
	if err != nil || lines[0].Who != p.Actor("page") {
		t.Error(lines, err)
	}
	if h, err := db.Verify(t.Context()); err != nil || h != db.Head() {
		t.Error("a deputy's line does not verify:", err)
	}
	p.Role = people.Inspector
	must(t, act(t, db, director, func(tx *Tx) error { return tx.PutPerson(p) }))
	p.Role = people.Staff
	must(t, act(t, db, director, func(tx *Tx) error {
		now, err := tx.Person(p.ID)
		if err == nil && now.Deputy {
			t.Error("an inspector is a deputy")
		}
		now.Role = people.Staff
		return errors.Join(err, tx.PutPerson(now))
	}))
	if p, err := db.Person(t.Context(), p.ID); err != nil || p.Deputy {
		t.Error("a deputy again by a change of role:", err)
	}
}
