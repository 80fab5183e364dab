package gateway

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/checklist"
	"monban/gateway/config"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/image"
)

// missing is what of h does not hold, by code.
func missing(h bootslot.Health) (all []string) {
	for _, f := range h.Why {
		all = append(all, f.Code)
	}
	return all
}

// sick checks what is missing, and that each sentence is whole.
func (b *firmBox) sick(what string, want ...string) {
	b.t.Helper()
	h := b.Health(b.t.Context())
	if got := missing(h); !slices.Equal(got, want) || h.OK() != (len(want) == 0) {
		b.t.Errorf("%s: %v, want %v", what, got, want)
	}
	for _, f := range h.Why {
		if s := text.JA.Say(f.Code, f.Args); s == f.Code {
			b.t.Errorf("%s has no sentence", f.Code)
		}
	}
}

// Whoever does not do its work is not healthy, each way of not doing it by
// itself.
func TestHealth(t *testing.T) {
	b := newFirmBox(t)
	b.sick("a box that works")
	fine := b.Gateway.o

	b.time.pass(3 * compareEvery)
	b.sick("nobody has read the rules back", "health.rules")
	b.guardOnce(t.Context())
	b.fw.set(func() { b.fw.rules += "\n# foreign"; b.fw.fail["Apply"] = errors.New("no") })
	b.time.pass(compareEvery)
	b.guardOnce(t.Context())
	b.sick("the kernel holds others", "health.rules")
	b.fw.set(func() { delete(b.fw.fail, "Apply") })
	b.guardOnce(t.Context())
	b.sick("put right")

	for what, x := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"no port": {func(o *Options) {
			o.Probe.Link = func(string) (Link, error) { return Link{}, errors.New("no such port") }
		}, []string{"health.no_port"}},
		"off":      {func(o *Options) { o.Probe.Link = func(string) (Link, error) { return Link{Carrier: true}, nil } }, []string{"health.down"}},
		"no cable": {func(o *Options) { o.Probe.Link = func(string) (Link, error) { return Link{Up: true}, nil } }, nil},
		"no LAN address": {func(o *Options) {
			o.LocalAddrs = func(string) ([]netip.Addr, error) { return nil, nil }
		}, []string{"health.address"}},
		"no names": {func(o *Options) {
			o.Probe.Names = func(context.Context, netip.Addr) error { return errors.New("no answer") }
		}, []string{"health.names"}},
		"no page": {func(o *Options) {
			o.Probe.Page = func(ctx context.Context, _ netip.Addr) error { <-ctx.Done(); return ctx.Err() }
		}, []string{"health.page"}},
		"records in memory": {func(o *Options) { o.Data = image.DataState{State: image.DataVolatile, Why: "data.locked"} }, []string{"data.locked"}},
		"nobody to ask":     {func(o *Options) { o.Probe = Probe{} }, []string{"health.no_port", "health.names", "health.page"}},
	} {
		x.change(&b.Gateway.o)
		b.sick(what, x.want...)
		b.Gateway.o = fine
	}

	b.o.Store = func() (*store.DB, error) { return nil, errors.New("no card") }
	b.kill().start()
	b.sick("no database", "store.unusable")
}

// A version is asked for no more than the one before could do, and for no less.
func TestHealthAsBefore(t *testing.T) {
	b := newFirmBox(t)
	b.approved("0.2.0")
	b.at(2, 10)
	b.turn()
	b.slots.restarts()
	b.boot()
	b.sick("all as before")
	b.Gateway.o.Probe.Link = func(iface string) (Link, error) { return Link{Up: true, Carrier: iface != "wan0"}, nil }
	b.sick("the WAN lost its link", "health.no_carrier")
	b.Gateway.o.Probe.Link = b.o.Probe.Link
	all := b.Gateway.o.LocalAddrs
	b.Gateway.o.LocalAddrs = func(iface string) ([]netip.Addr, error) {
		if iface == "wan0" {
			return nil, nil
		}
		return all(iface)
	}
	b.sick("the WAN lost its address", "health.no_address")
	b.Gateway.o.LocalAddrs = all
	b.write("site.toml", string(config.Example)+"\n[future]\n")
	b.Reload(t.Context())
	b.guardOnce(t.Context())
	b.sick("it does not understand site.toml", "health.site")
}

// A version that does less by site.toml than the one before is not kept, whether
// the file is missing or not understood; one that does as much is, and so is any
// of which nobody put down what was done before.
func TestHealthBySiteOfBefore(t *testing.T) {
	b := newFirmBox(t)
	broken := text.NewFault("config.syntax")
	for _, x := range []struct {
		was, now Mode
		fault    error
		fine     bool
	}{
		{"", SetUp, nil, true}, {"", SetUp, broken, true}, {"", Kept, broken, true}, {"", Guarding, nil, true},
		{SetUp, SetUp, nil, true}, {SetUp, SetUp, broken, true}, {SetUp, Kept, broken, true}, {SetUp, Guarding, nil, true},
		{Kept, SetUp, nil, false}, {Kept, SetUp, broken, false}, {Kept, Kept, broken, true}, {Kept, Guarding, nil, true},
		{Guarding, SetUp, nil, false}, {Guarding, SetUp, broken, false}, {Guarding, Kept, broken, false}, {Guarding, Guarding, nil, true},
	} {
		b.Gateway.mu.Lock()
		b.Gateway.site.mode, b.Gateway.site.fault = x.now, x.fault
		b.Gateway.mu.Unlock()
		err := b.rulesHealth(before{Mode: x.was})
		if x.fine != (err == nil) || err != nil && faultOf(err).Code != "health.site" {
			t.Errorf("%q, then %q (%v): %v", x.was, x.now, x.fault, err)
		}
	}
}

// Before there is a site.toml nothing but the closed rules and the page can be
// looked at.
func TestHealthInSetUpMode(t *testing.T) {
	b := newFirmBox(t)
	b.kill()
	b.o.Config, b.o.State = b.dir+"/none.toml", t.TempDir()
	b.o.Probe.Names = func(context.Context, netip.Addr) error { return errors.New("not served") }
	b.start()
	b.sick("set-up mode")
}

func TestNights(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2027, 3, 2, h, m, 0, 0, time.UTC) }
	two := config.Update{From: 120, To: 240}
	over := config.Update{From: 23 * 60, To: 60}
	for _, x := range []struct {
		u    config.Update
		now  time.Time
		in   bool
		next string
	}{
		{two, at(1, 59), false, "03-02 02:00"}, {two, at(2, 0), true, "03-02 02:00"}, {two, at(3, 59), true, "03-02 03:59"}, {two, at(4, 0), false, "03-03 02:00"},
		{over, at(22, 59), false, "03-02 23:00"}, {over, at(23, 0), true, "03-02 23:00"}, {over, at(0, 59), true, "03-02 00:59"}, {over, at(1, 0), false, "03-02 23:00"},
		{config.Update{From: 0, To: 24 * 60}, at(12, 0), true, "03-02 12:00"},
	} {
		if in, next := inNight(x.u, x.now), nextNight(x.u, x.now).Format("01-02 15:04"); in != x.in || next != x.next {
			t.Errorf("%v at %v: %v %s, want %v %s", x.u, x.now, in, next, x.in, x.next)
		}
	}
}

// What is asked and how often, and what of the answers is taken.
func TestFirmwareChecks(t *testing.T) {
	b := newFirmBox(t)
	if len(b.server.asked) != 0 {
		t.Error("asked at once when it starts")
	}
	b.server.has("0.1.0")
	b.time.pass(11 * time.Minute)
	b.turn()
	v := b.firmware()
	if len(b.server.asked) != 2 || v.Error != nil || v.Checked.IsZero() || v.Offer != nil || v.Host != "updates.example.com" {
		t.Errorf("%v %+v", b.server.asked, v)
	}
	b.time.pass(20 * time.Hour)
	b.turn()
	b.boot() // a start does not begin anew
	b.time.pass(11 * time.Minute)
	b.turn()
	if len(b.server.asked) != 2 {
		t.Error("asked more than once a day")
	}
	if err := b.CheckFirmware(t.Context(), b.director()); err != nil {
		t.Fatal(err)
	}
	b.server.files["manifest.minisig"] = "evil"
	b.turn()
	if v := b.firmware(); len(b.server.asked) != 4 || v.Error == nil || v.Error.Code != "slot.signature" || v.Offer != nil {
		t.Errorf("%v %+v", b.server.asked, v)
	}
	for _, x := range []struct{ file, content, code string }{
		{"manifest", "", "firmware.fetch.status"}, {"manifest", string(make([]byte, maxFirmwareWords+1)), "firmware.fetch.big"}, {"manifest", "{}", "slot.manifest"},
	} {
		b.server.has("0.2.0")
		if b.server.files[x.file] = x.content; x.content == "" {
			delete(b.server.files, x.file)
		}
		b.time.pass(36 * time.Hour)
		b.turn()
		if v := b.firmware(); v.Error == nil || v.Error.Code != x.code || v.Offer != nil {
			t.Errorf("%s: %+v", x.code, v.Error)
		}
	}
	b.offered("0.2.0")
	if first := b.firmware().Offer.Sum; b.offered("0.3.0") == first || b.lines("firmware.offered") != 2 {
		t.Error("a newer one does not take its place")
	}
	sum := b.approved("0.4.0")
	b.server.has("0.5.0")
	b.time.pass(30 * time.Hour)
	b.turn()
	if b.firmware().Offer.Sum != sum && b.firmware().Version == "0.1.0" {
		t.Error("what is approved gave way to what is not")
	}
}

// E-08 is what is known of the version, and nothing where it is not ours.
func TestFirmwareEvidence(t *testing.T) {
	b := newFirmBox(t)
	is := func(what string, want checklist.State, attention bool) {
		t.Helper()
		_, found, err := b.Checklist(t.Context(), staff)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			for _, p := range f.Parts {
				if slices.Contains(p.Needs, "E-08") && (p.State != want || p.Attention != attention) {
					t.Errorf("%s: %s %v, want %s %v", what, p.State, p.Attention, want, attention)
				}
			}
		}
	}
	is("nobody was asked yet", checklist.Unmeasured, false)
	b.server.has("0.1.0")
	b.time.pass(11 * time.Minute)
	b.turn()
	is("the newest", checklist.Confirmed, false)
	b.time.pass(6 * dayOld)
	is("asked some days ago", checklist.Confirmed, false)
	sum := b.offered("0.2.0")
	is("a newer one waits", checklist.Partial, true)
	if err := b.ApproveFirmware(t.Context(), b.director(), sum); err != nil {
		t.Fatal(err)
	}
	is("it comes tonight", checklist.Confirmed, false)
	b.time.pass(15 * dayOld)
	is("it does not come", checklist.Partial, true)
	b.Gateway.o.Slots = nil
	is("a package of Debian", checklist.Unmeasured, false)
}

// Without slots the page says so, and nothing is done.
func TestNoFirmwareHere(t *testing.T) {
	b := newBox(t).start()
	if v, err := b.Firmware(t.Context(), staff); err != nil || v.Slots || v.Version != "test" {
		t.Error(v, err)
	}
	for _, err := range []error{b.CheckFirmware(t.Context(), b.director()), b.ApproveFirmware(t.Context(), b.director(), ""), b.HurryFirmware(t.Context(), b.director(), ""),
		b.CancelFirmware(t.Context(), b.director(), ""), b.SeeFirmware(t.Context(), b.director()), second(b.UploadFirmware(t.Context(), b.director(), nil))} {
		fails(t, err, "firmware.not_here")
	}
	if s, err := b.Status(t.Context()); err != nil || s.Slots {
		t.Error(s, err)
	}
}

// A slot service that does not answer keeps nothing else from working.
func TestMuteSlots(t *testing.T) {
	b := newFirmBox(t)
	b.turn()
	b.slots.fail["Status"] = text.NewFault("slot.busy") // the console is at it
	b.time.pass(slotsFresh)
	b.turn()
	if _, ok := b.note("gateway.firmware_mute"); ok {
		t.Error("told while the console is at it")
	}
	if v := b.firmware(); v.Mute != nil || v.Slot != "a" {
		t.Errorf("while the console is at it: %+v", v)
	}
	b.slots.fail["Status"] = text.NewFault("slot.unreachable")
	b.time.pass(slotsFresh)
	b.turn()
	if _, ok := b.note("gateway.firmware_mute"); !ok {
		t.Error("nobody is told")
	}
	if v := b.firmware(); v.Mute == nil || v.Version != "test" {
		t.Errorf("%+v", v)
	}
	b.slots.fail = map[string]error{}
	b.time.pass(slotsFresh)
	b.turn()
	if _, ok := b.note("gateway.firmware_mute"); ok {
		t.Error("still told")
	}
}
