package gateway

import (
	"strings"
	"testing"
	"time"
)

// Power may fail at any moment, and whoever sits at the console may do what he
// wants: what is said is what runs.
func TestFirmwareAfterWhateverHappened(t *testing.T) {
	for name, x := range map[string]struct {
		happens func(*firmBox)
		want    string // lines of the log, in order
	}{
		"power failed before it was armed": {func(b *firmBox) { b.slots.st.Armed = false; b.boot() }, ""},
		"it was to be started, and is not": {func(b *firmBox) { b.boot(); b.boot() }, "firmware.not_installed"},
		"kept before anybody looked":       {func(b *firmBox) { b.slots.restarts(); b.slots.st.Trial = false; b.boot() }, "firmware.committed"},
		"a second start on trial":          {func(b *firmBox) { b.slots.restarts(); b.boot(); b.boot() }, ""},
		"it hung, and left no word":        {func(b *firmBox) { b.slots.restarts(); b.boot(); b.slots.falls(); b.boot() }, "firmware.rolled_back"},
		"kept, then taken back by a person": {func(b *firmBox) {
			b.slots.restarts()
			b.boot()
			b.slots.st.Trial = false
			b.turn()
			b.slots.st.Left, b.slots.st.Release.Version = version("0.2.0"), version("0.1.0")
			b.boot()
		}, "firmware.committed firmware.went_back"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFirmBox(t)
			b.approved("0.2.0")
			b.at(3, 0)
			b.turn()
			x.happens(b)
			var got []string
			for _, l := range b.log() {
				switch l.Code {
				case "firmware.committed", "firmware.rolled_back", "firmware.went_back", "firmware.not_installed":
					got = append(got, l.Code)
				}
			}
			if strings.Join(got, " ") != x.want {
				t.Errorf("%v, want %s", got, x.want)
			}
		})
	}
}

// What the console does is on record, too.
func TestFirmwareFromTheConsole(t *testing.T) {
	b := newFirmBox(t)
	b.slots.st.Waiting, b.slots.st.Armed = version("0.3.0"), true
	b.slots.restarts()
	b.boot()
	if _, ok := b.note("gateway.firmware_trial"); !ok {
		t.Error("the first page does not say that it is on trial")
	}
	b.slots.st.Trial = false
	b.boot()
	if b.lines("firmware.committed") != 1 {
		t.Error("not on record")
	}
	b.slots.st.Failed = version("0.4.0") // it never got so far as to be seen
	b.boot()
	b.boot()
	if v := b.firmware(); b.lines("firmware.rolled_back") != 1 || v.Fallen == nil || v.Fallen.From != "0.4.0" || v.Fallen.To != "0.3.0" {
		t.Errorf("%+v", v)
	}
}

// A version that was to be started and is not may have been started and have
// died: it is told, disarmed, and not tried again without another approval.
func TestFirmwareNotStarted(t *testing.T) {
	b := newFirmBox(t)
	sum := b.approved("0.2.0")
	b.at(3, 0)
	b.turn()
	b.boot()
	v := b.firmware()
	if v.Failed == nil || v.Failed.Code != "slot.not_started" || v.Fallen != nil || v.Trial || v.Busy != "" ||
		v.Offer == nil || !v.Offer.Approved.IsZero() || v.Offer.Fell || b.slots.st.Armed {
		t.Errorf("%+v, %+v", v, b.slots.st)
	}
	if _, ok := b.note("gateway.firmware_again"); !ok {
		t.Error("the first page does not say so")
	}
	for range 3 {
		b.time.pass(24 * time.Hour)
		b.at(3, 0)
		b.turn()
	}
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot Back" {
		t.Error(b.slots.asked)
	}
	if err := b.ApproveFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if strings.Join(b.slots.asked, " ") != "Install Arm Reboot Back Arm Reboot" { // it is still written
		t.Error(b.slots.asked)
	}
	b.slots.restarts()
	b.slots.st.Trial = false
	b.boot()
	if b.lines("firmware.committed") != 1 || b.lines("firmware.rolled_back") != 0 || b.lines("firmware.not_installed") != 1 {
		t.Errorf("%+v", b.log())
	}
}
