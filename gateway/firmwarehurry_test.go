package gateway

import (
	"os"
	"strings"
	"testing"
	"time"

	"monban/gateway/text"
)

// Who is in a hurry cuts nobody off either: a window that opens while the
// version is written keeps the box from restarting, and it goes on in the night.
func TestHurryWaitsForWindows(t *testing.T) {
	b := newFirmBox(t)
	b.seen(rececom, "192.168.10.31")
	sum := b.approved("0.2.0")
	b.at(12, 0)
	if err := b.HurryFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	var w Window
	b.slots.during = func() { w = b.opened(time.Hour, 3389) }
	b.turn()
	v := b.firmware()
	if strings.Join(b.slots.asked, " ") != "Install" || v.Failed == nil || v.Failed.Code != "firmware.window_open" || v.Busy != "" {
		t.Fatalf("%v, %+v", b.slots.asked, v)
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	b.time.pass(2 * time.Hour)
	b.turn()
	if b.slots.did("Arm") != 0 {
		t.Error("the hurry outlived its try")
	}
	b.at(2, 10)
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot" {
		t.Error(b.slots.asked)
	}
}

// A hurry ends when it is taken back, at whatever moment: the same version
// approved once more comes in the night, and nobody is told of a failure.
func TestHurryEndsWithItsApproval(t *testing.T) {
	for name, writing := range map[string]bool{"before it is written": false, "while it is written": true} {
		for again, approve := range map[string]bool{"": false, ", and approved again": true} {
			t.Run(name+again, func(t *testing.T) {
				b := newFirmBox(t)
				sum := b.approved("0.2.0")
				b.at(12, 0)
				if err := b.HurryFirmware(t.Context(), b.director(), sum); err != nil {
					t.Fatal(err)
				}
				back := func() {
					err := b.CancelFirmware(t.Context(), b.director(), sum)
					if err == nil && approve {
						err = b.ApproveFirmware(t.Context(), b.director(), sum)
					}
					if err != nil {
						t.Error(err)
					}
				}
				if b.slots.during = back; !writing {
					b.slots.during = nil
					back()
				}
				b.turn()
				b.turn()
				if v := b.firmware(); b.slots.did("Arm") != 0 || v.Failed != nil || v.Busy != "" || b.lines("firmware.not_installed") != 0 {
					t.Errorf("%v, %+v", b.slots.asked, v)
				}
				b.slots.during = nil
				b.at(2, 10)
				b.turn()
				if started := b.slots.did("Reboot") == 1; started != approve {
					t.Error(b.slots.asked)
				}
			})
		}
	}
}

// What is taken back while it is written, and cannot be written either, is no
// failure of anything wanted.
func TestCancelledIsNoFailure(t *testing.T) {
	b := newFirmBox(t)
	sum := b.approved("0.2.0")
	if err := b.HurryFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	b.slots.during = func() {
		if err := b.CancelFirmware(t.Context(), b.director(), sum); err != nil {
			t.Error(err)
		}
	}
	b.server.err = text.NewFault("list.fetch_cut", "list", "-")
	b.turn()
	if v := b.firmware(); v.Failed != nil || v.Busy != "" || b.lines("firmware.not_installed") != 0 {
		t.Errorf("%+v", v)
	}
}

// A version that could not be started is not started by the next power cut
// either, whoever was too slow to answer.
func TestFirmwareIsDisarmed(t *testing.T) {
	for _, slow := range []string{"Arm", "Reboot", "neither: no restart came"} {
		t.Run(slow, func(t *testing.T) {
			b := newFirmBox(t)
			sum := b.approved("0.2.0")
			b.at(2, 10)
			b.slots.hangs, b.slots.fail["Back"] = slow, text.NewFault("slot.busy") // with what came before
			b.turn()
			if strings.HasPrefix(slow, "neither") {
				b.time.pass(restartWithin + time.Second)
				b.turn()
			}
			v := b.firmware()
			if n, ok := b.note("gateway.firmware_armed"); !b.slots.st.Armed || v.Armed != "0.2.0" || !ok || n.Args["version"] != "0.2.0" || v.Failed == nil {
				t.Fatalf("nobody is told that it is armed: %+v, %+v", b.slots.st, v)
			}
			b.slots.hangs, b.slots.fail["Back"] = "", nil
			if err := b.CancelFirmware(t.Context(), b.director(), sum); err != nil {
				t.Fatal(err)
			}
			b.turn()
			b.turn() // what runs is not given up by one Back too many
			if _, ok := b.note("gateway.firmware_armed"); b.slots.st.Armed || !b.slots.st.Left.IsZero() || b.firmware().Armed != "" || ok {
				t.Errorf("%+v", b.slots.st)
			}
		})
	}
}

// The time that one act took is not missing to the next.
func TestFirmwareActsHaveTheirOwnTime(t *testing.T) {
	for _, slow := range []string{"Arm", "Reboot"} {
		t.Run(slow, func(t *testing.T) {
			b := newFirmBox(t)
			b.approved("0.2.0")
			b.at(2, 10)
			b.slots.hangs = slow
			b.turn()
			if v := b.firmware(); b.slots.st.Armed || b.slots.did("Back") != 1 || v.Armed != "" || v.Failed == nil || v.Failed.Code != "slot.out_of_time" {
				t.Errorf("%v, %+v", b.slots.asked, v)
			}
		})
	}
}

// What never was armed needs no disarming, which would give up what runs.
func TestFirmwareNeverArmed(t *testing.T) {
	b := newFirmBox(t)
	b.approved("0.2.0")
	b.at(2, 10)
	b.slots.fail["Arm"] = text.NewFault("slot.esp")
	b.turn()
	if b.slots.did("Back") != 0 || b.firmware().Armed != "" {
		t.Error(b.slots.asked)
	}
}

// Nobody is told that a place is asked which is not.
func TestCheckFirmwareSaysWhyNot(t *testing.T) {
	b := newFirmBox(t)
	check := func(code string) {
		t.Helper()
		fails(t, b.CheckFirmware(t.Context(), b.director()), code)
	}
	b.time.set(b.o.Clock.Wall(), false)
	check("firmware.no_clock")
	b.time.pass(clockWait)
	if err := b.CheckFirmware(t.Context(), b.director()); err != nil {
		t.Error(err)
	}
	b.time.set(b.o.Clock.Wall(), true)
	b.slots.fail["Status"] = text.NewFault("slot.unreachable")
	b.time.pass(slotsFresh)
	b.turn()
	check("slot.unreachable")
	delete(b.slots.fail, "Status")
	b.time.pass(slotsFresh)
	b.turn()
	b.approved("0.2.0")
	b.slots.during = func() { check("firmware.busy") }
	b.at(2, 10)
	b.turn()
	check("firmware.restarting_now")
	b.slots.restarts()
	b.boot()
	check("firmware.on_trial")
	b.slots.st.Trial = false
	b.turn()
	b.Gateway.o.Updates = nil
	check("firmware.nobody_asked")
	t.Run("no address", func(t *testing.T) {
		none := newBox(t)
		none.o.Slots, none.o.Updates = &fakeSlots{}, &updateServer{}
		none.start()
		fails(t, none.CheckFirmware(t.Context(), none.director()), "firmware.nobody_asked")
	})
	t.Run("not set up", func(t *testing.T) {
		unset := newBox(t)
		unset.o.Slots, unset.o.Updates = &fakeSlots{}, &updateServer{}
		if err := os.Remove(unset.o.Config); err != nil {
			t.Fatal(err)
		}
		unset.start()
		fails(t, unset.CheckFirmware(t.Context(), unset.director()), "firmware.set_up_first")
	})
}
