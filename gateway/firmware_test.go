package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/text"
)

// From the server, by the director's approval, in the night, to the next
// version, which is kept.
func TestFirmwareComesInTheNight(t *testing.T) {
	b := newFirmBox(t)
	sum := b.offered("0.2.0")
	if n, ok := b.note("gateway.firmware_offer"); !ok || n.Link != "/firmware" {
		t.Error("nobody is asked to approve")
	}
	b.at(2, 30)
	b.turn()
	if b.slots.did("Install") != 0 {
		t.Fatal("installed without approval")
	}
	fails(t, b.HurryFirmware(t.Context(), b.director(), sum), "firmware.not_approved")
	fails(t, b.ApproveFirmware(t.Context(), b.director(), "another"), "firmware.changed")
	late := b.director()
	late.SteppedUp = late.SteppedUp.Add(-time.Hour)
	fails(t, b.ApproveFirmware(t.Context(), late, sum), "people.step_up")
	b.at(12, 0)
	if err := b.ApproveFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	fails(t, b.ApproveFirmware(t.Context(), b.director(), sum), "firmware.changed")
	if v := b.firmware(); v.Offer.Approver.Name != "院長" || v.Next.In(b.Zone()).Format("15:04") != "02:00" {
		t.Errorf("%+v", v)
	}
	b.turn()
	b.at(1, 59)
	b.turn()
	b.time.set(b.o.Clock.Wall().Add(time.Minute), false) // it is night, but who knows
	b.turn()
	if b.slots.did("Install") != 0 || !b.firmware().Next.IsZero() {
		t.Fatal("installed at the wrong time")
	}
	b.time.set(b.o.Clock.Wall(), true)
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot" || b.lines("firmware.restarting") != 1 {
		t.Fatal(b.slots.asked)
	}
	if v := b.firmware(); v.Busy != "restarting" {
		t.Errorf("%+v", v)
	}
	b.slots.restarts()
	b.boot()
	if _, ok := b.note("gateway.firmware_trial"); !ok {
		t.Error("the first page does not say that it is on trial")
	}
	if s, _ := b.Status(t.Context()); !s.Slots || !s.Trial {
		t.Errorf("%+v", s)
	}
	fails(t, second(b.UploadFirmware(t.Context(), b.director(), strings.NewReader("x"))), "firmware.on_trial")
	b.slots.st.Trial = false
	b.turn()
	v := b.firmware()
	if b.lines("firmware.committed") != 1 || v.Version != "0.2.0" || v.Trial || v.Offer != nil || v.Busy != "" || v.Slot != "b" || v.Other != "0.1.0" {
		t.Errorf("%+v", v)
	}
	b.turn()
	b.boot()
	if b.lines("firmware.committed") != 1 || b.lines("firmware.rolled_back") != 0 {
		t.Error("told twice")
	}
}

// A version that does not work is gone by itself; everybody hears of it, and it
// does not come again by itself.
func TestFirmwareFallsBack(t *testing.T) {
	b := newFirmBox(t)
	b.approved("0.2.0")
	b.at(3, 0)
	b.turn()
	b.slots.restarts()
	b.slots.falls(text.NewFault("health.page", "address", "192.168.10.1"))
	b.boot()
	n, ok := b.note("gateway.firmware_fallen")
	if said := text.JA.Say(n.Code, n.Args); !ok || !strings.Contains(said, "0.2.0 は正常に動かなかったため、0.1.0 に戻りました") {
		t.Error(said)
	}
	log := b.log()
	if last := log[len(log)-1]; last.Code != "firmware.rolled_back" || text.JA.Say(last.Code, last.Args) != "0.2.0 は正常に動かなかったため、0.1.0 に戻りました" {
		t.Errorf("%+v", last)
	}
	v := b.firmware()
	if v.Fallen == nil || len(v.Fallen.Why) != 1 || v.Version != "0.1.0" || v.Offer != nil {
		t.Errorf("%+v", v)
	}
	for range 3 {
		b.boot()
	}
	if b.lines("firmware.rolled_back") != 1 {
		t.Error("told at every start")
	}
	if b.offered("0.2.0"); !b.firmware().Offer.Fell {
		t.Error("it is offered as if nothing had been")
	}
	b.at(3, 0)
	b.turn()
	if b.slots.did("Install") != 1 {
		t.Error("it came again by itself")
	}
	if err := b.SeeFirmware(t.Context(), b.director()); err != nil {
		t.Error(err)
	}
	fails(t, b.SeeFirmware(t.Context(), b.director()), "firmware.seen_already")
	if _, ok := b.note("gateway.firmware_fallen"); ok {
		t.Error("still told")
	}
}

// What the director has approved is one update, not a version: another one of
// the same name is not installed, nor started where it is written already.
func TestFirmwareIsTheApprovedOne(t *testing.T) {
	b := newFirmBox(t)
	sum := b.approved("0.2.0")
	b.server.hasAs("0.2.0", "別のもの")
	b.at(3, 0)
	b.turn()
	if v := b.firmware(); v.Failed == nil || v.Failed.Code != "slot.other" || strings.Join(b.slots.asked, " ") != "Install" {
		t.Fatalf("%+v, %v", v.Failed, b.slots.asked)
	}
	// What the sentence says to do.
	if err := errors.Join(b.CancelFirmware(t.Context(), b.director(), sum), b.CheckFirmware(t.Context(), b.director())); err != nil {
		t.Fatal(err)
	}
	b.turn()
	o := b.firmware().Offer
	if o == nil || o.Sum == sum || !o.Approved.IsZero() {
		t.Fatalf("%+v", o)
	}
	if err := b.ApproveFirmware(t.Context(), b.director(), o.Sum); err != nil {
		t.Fatal(err)
	}
	// Somebody at the console has written the first one meanwhile.
	first, manifest := update("0.2.0")
	if err := b.slots.Install(t.Context(), int64(len(first)), sha256.Sum256(manifest), bytes.NewReader(first)); err != nil {
		t.Fatal(err)
	}
	b.slots.asked = nil
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot" || fmt.Sprintf("%x", b.slots.st.Sum) != o.Sum {
		t.Errorf("%v, %x is armed", b.slots.asked, b.slots.st.Sum)
	}
}

// Nobody is cut off: not in an open window, nor shortly before a planned one.
func TestFirmwareWaitsForWindows(t *testing.T) {
	b := newFirmBox(t)
	b.seen(rececom, "192.168.10.31")
	sum := b.approved("0.2.0")
	b.at(2, 30)
	w := b.opened(time.Hour, 3389)
	fails(t, b.HurryFirmware(t.Context(), b.director(), sum), "firmware.window_open")
	b.turn()
	if b.slots.did("Install") != 0 {
		t.Fatal("installed beside an open window")
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	// One opens while it is being written.
	b.slots.during = func() { w = b.opened(time.Hour, 3389) }
	b.turn()
	if b.slots.did("Install") != 1 || b.slots.did("Arm") != 0 || b.lines("firmware.not_installed") != 0 {
		t.Fatal(b.slots.asked)
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.nextStart = b.o.Clock.Wall().Add(10 * time.Minute)
	b.mu.Unlock()
	b.turn()
	fails(t, b.HurryFirmware(t.Context(), b.director(), sum), "firmware.window_soon")
	b.mu.Lock()
	b.nextStart = time.Time{}
	b.mu.Unlock()
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot" { // written once
		t.Fatal(b.slots.asked)
	}
	b.reported()
	next, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	fails(t, second(b.ApproveWindow(t.Context(), b.director(), next.ID, 0, false)), "firmware.restarting_now")
}

// What goes wrong is told once a night, tried again, and never half done.
func TestFirmwareFailures(t *testing.T) {
	b := newFirmBox(t)
	b.approved("0.2.0")
	b.at(2, 10)
	for _, x := range []struct {
		code string
		set  func(error)
		err  error
	}{
		{"firmware.fetch.cut", func(err error) { b.server.err = err }, text.NewFault("list.fetch_cut", "list", "-")},
		{"firmware.fetch.unusable", func(err error) { b.server.err = err }, text.NewFault("list.html", "list", "-")},
		{"slot.full", func(err error) { b.slots.fail["Install"] = err }, text.NewFault("slot.full")},
		{"slot.esp", func(err error) { b.slots.fail["Arm"] = err }, text.NewFault("slot.esp")},
		{"slot.no_reboot", func(err error) { b.slots.fail["Reboot"] = err }, text.NewFault("slot.no_reboot")},
		{"page.internal", func(err error) { b.slots.fail["Reboot"] = err }, errors.New("a bug")},
	} {
		x.set(x.err)
		b.time.pass(2 * time.Hour)
		b.at(2, 10)
		b.turn()
		x.set(nil)
		v := b.firmware()
		if v.Failed == nil || v.Failed.Code != x.code || v.Busy != "" || b.slots.st.Armed {
			t.Errorf("%s: %+v", x.code, v)
		}
	}
	if n := b.lines("firmware.not_installed"); n != 6 {
		t.Errorf("told %d times in 6 nights", n)
	}
	if _, ok := b.note("gateway.firmware_failed"); !ok {
		t.Error("the first page does not say so")
	}
	fw := b.slots.did("Install")
	b.turn()
	if b.slots.did("Install") != fw {
		t.Error("tried again at once")
	}
	b.time.pass(61 * time.Minute)
	b.turn()
	if b.slots.did("Reboot") != 3 {
		t.Error(b.slots.asked)
	}
	// It says that it restarts, and does not.
	b.time.pass(restartWithin + time.Second)
	b.turn()
	if v := b.firmware(); v.Failed == nil || v.Failed.Code != "firmware.not_restarted" || v.Busy != "" {
		t.Errorf("%+v", v)
	}
}

// The director may change his mind, also while it is written.
func TestFirmwareCancelled(t *testing.T) {
	b := newFirmBox(t)
	sum := b.approved("0.2.0")
	b.slots.during = func() {
		if err := b.CancelFirmware(t.Context(), b.director(), sum); err != nil {
			t.Error(err)
		}
	}
	b.at(2, 10)
	b.turn()
	if b.slots.did("Install") != 1 || b.slots.did("Arm") != 0 || b.firmware().Failed != nil || b.firmware().Busy != "" {
		t.Error(b.slots.asked, b.firmware())
	}
	fails(t, b.CancelFirmware(t.Context(), b.director(), sum), "firmware.cancelled_already")
	b.slots.during = nil
	if err := b.ApproveFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	b.at(12, 0) // not at night
	b.turn()
	if err := b.HurryFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot" {
		t.Error(b.slots.asked)
	}
}

// A file somebody sends is taken if it is one, and leaves nothing behind.
func TestFirmwareUploaded(t *testing.T) {
	b := newFirmBox(t)
	good, _ := update("0.2.0")
	old, _ := update("0.1.0")
	forged := bytes.Replace(bytes.Clone(good), []byte("good"), []byte("evil"), 1)
	left := func() int {
		all, _ := filepath.Glob(filepath.Join(b.dir, "updates", "*"))
		return len(all)
	}
	cut := io.MultiReader(bytes.NewReader(good[:3000]), &broken{})
	for _, x := range []struct {
		code string
		file io.Reader
	}{
		{"firmware.no_file", strings.NewReader("")}, {"slot.form", strings.NewReader(strings.Repeat("x", 4096))},
		{"slot.signature", bytes.NewReader(forged)}, {"slot.same", bytes.NewReader(old)}, {"firmware.upload_cut", cut},
		{"firmware.too_big", io.LimitReader(zeros{}, MaxUpdate+1)},
	} {
		_, err := b.UploadFirmware(t.Context(), b.director(), x.file)
		fails(t, err, x.code)
		if left() != 0 || b.firmware().Offer != nil {
			t.Errorf("%s leaves something", x.code)
		}
	}
	vendor := b.director()
	vendor.Role, vendor.Name = "vendor", "業者"
	o, err := b.UploadFirmware(t.Context(), vendor, bytes.NewReader(good))
	if err != nil || o.Version != "0.2.0" || !o.File || left() != 1 {
		t.Fatal(o, err)
	}
	fails(t, b.ApproveFirmware(t.Context(), vendor, o.Sum), "people.may_not")
	if err := b.CancelFirmware(t.Context(), vendor, o.Sum); err != nil {
		t.Error(err)
	}
	b.turn()
	if left() != 0 || b.lines("firmware.dropped") != 1 {
		t.Error("a file thrown away is still there")
	}
	if o, err = b.UploadFirmware(t.Context(), vendor, bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	if err := b.ApproveFirmware(t.Context(), b.director(), o.Sum); err != nil {
		t.Fatal(err)
	}
	fails(t, second(b.UploadFirmware(t.Context(), vendor, bytes.NewReader(good))), "firmware.approved_first")
	fails(t, b.CancelFirmware(t.Context(), vendor, o.Sum), "people.may_not")
	b.boot() // it is still there after a start
	b.at(2, 10)
	b.turn()
	b.slots.restarts()
	b.slots.st.Trial = false
	b.boot()
	b.turn()
	if b.lines("firmware.committed") != 1 || left() != 0 {
		t.Errorf("%d files left", left())
	}
	next, _ := update("0.3.0")
	if o, err = b.UploadFirmware(t.Context(), vendor, bytes.NewReader(next)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.ApproveFirmware(t.Context(), b.director(), o.Sum), os.Remove(b.sentUpdate(o.Sum)), b.HurryFirmware(t.Context(), b.director(), o.Sum)); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if v := b.firmware(); v.Failed == nil || v.Failed.Code != "firmware.lost" {
		t.Errorf("%+v", v)
	}
}

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
