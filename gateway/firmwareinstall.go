package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/bootslot"
	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/run"
	"monban/gateway/text"
)

const (
	// soonOpen is how near a planned window keeps the box from restarting.
	soonOpen = 15 * time.Minute
	// failedAgain is how long after a failure of a version the next one is
	// told again: once a night.
	failedAgain = 20 * time.Hour
)

// inNight says whether the wall clock shows a time at which the box may
// restart.
func inNight(u config.Update, at time.Time) bool {
	m := at.Hour()*60 + at.Minute()
	if u.From < u.To {
		return u.From <= m && m < u.To
	}
	return u.From <= m || m < u.To
}

// nextNight is when that is the next time; at itself if it is now.
func nextNight(u config.Update, at time.Time) time.Time {
	if inNight(u, at) {
		return at
	}
	next := time.Date(at.Year(), at.Month(), at.Day(), u.From/60, u.From%60, 0, 0, at.Location())
	if next.Before(at) {
		next = time.Date(at.Year(), at.Month(), at.Day()+1, u.From/60, u.From%60, 0, 0, at.Location())
	}
	return next
}

// calm says why the box may not restart now, if it may not: a vendor is at
// work, or soon will be.
func (g *Gateway) calm() error {
	if open := g.open(); len(open) > 0 {
		v := g.view(open[0])
		return text.NewFault("firmware.window_open", "window", v.ID, "vendor", v.VendorLabel, "device", v.DeviceName)
	}
	g.mu.Lock()
	start := g.nextStart
	g.mu.Unlock()
	if !start.IsZero() && start.Sub(g.o.Clock.Wall()) < soonOpen {
		return text.NewFault("firmware.window_soon")
	}
	return nil
}

// installFirmware installs what is approved when its time has come, and
// restarts into it. g.firm.turn is held.
func (g *Gateway) installFirmware(ctx context.Context) {
	o, f := g.keptFirmware().Offer, g.firm
	f.mu.Lock()
	retry := f.retry
	f.mu.Unlock()
	if !o.approved() || g.o.Clock.Boot() < retry {
		return
	}
	if !g.hurried(o) && (!g.nightNow() || g.calm() != nil) {
		return
	}
	err := g.installAndRestart(ctx, o)
	if ctx.Err() != nil || err == nil {
		return // of the daemon, which may be the restart
	}
	waits := !g.hurried(o) && (is(err, "firmware.window_open") || is(err, "firmware.window_soon"))
	f.mu.Lock()
	f.busy, f.hurry = "", "" // a try that failed goes on in the night
	f.mu.Unlock()
	if now := g.keptFirmware().Offer; waits || !now.approved() || now.Sum != o.Sum {
		return // or it is wanted no more
	}
	g.firmwareFailed(ctx, err)
}

// hurried says whether somebody wants o at once.
func (g *Gateway) hurried(o *firmwareOffer) bool {
	g.firm.mu.Lock()
	defer g.firm.mu.Unlock()
	return o != nil && g.firm.hurry == o.Sum
}

// nightNow says whether the box may restart at this time of day. Without a
// right clock nobody knows.
func (g *Gateway) nightNow() bool {
	return g.o.Clock.Synced() && inNight(g.current().config.Update, g.o.Clock.Wall().In(g.Zone()))
}

func (g *Gateway) installAndRestart(ctx context.Context, o *firmwareOffer) error {
	want, err := o.sum()
	if err != nil {
		return err
	}
	st, err := g.askSlots(ctx, 0)
	if err != nil {
		return err
	}
	if st.Waiting != o.Manifest.Version || st.Sum != want { // else an earlier night got so far
		g.setFirmwareBusy(firmwareInstalling)
		if err := g.install(ctx, o, want); err != nil {
			return err
		}
		st, err = g.askSlots(ctx, 0)
		switch {
		case err != nil:
			return err
		case st.Waiting != o.Manifest.Version:
			return text.NewFault("firmware.wrong_one", "version", st.Waiting.String(), "want", o.Manifest.Version.String())
		case st.Sum != want: // the console was faster
			return text.NewFault("slot.other", "version", st.Waiting.String())
		}
	}
	// While it was written somebody may have taken the hurry back.
	if !g.hurried(o) && !g.nightNow() { // the line was slow; what is written waits for the next one
		g.setFirmwareBusy("")
		return nil
	}
	return g.restartInto(ctx, o, st)
}

// install hands the update to the slot service, from where it is.
func (g *Gateway) install(ctx context.Context, o *firmwareOffer, want bootslot.Sum) error {
	if o.File {
		file, err := os.Open(g.sentUpdate(o.Sum))
		if err != nil {
			return text.NewFault("firmware.lost").Because(err)
		}
		defer file.Close()
		fi, err := file.Stat()
		if err != nil {
			return text.NewFault("firmware.lost").Because(err)
		}
		return g.o.Slots.Install(ctx, fi.Size(), want, file)
	}
	address := g.current().config.Update.Address
	if address == "" || g.o.Updates == nil {
		return text.NewFault("firmware.no_address")
	}
	from, to := io.Pipe()
	group, _ := run.NewGroup(ctx)
	var fetched, installed error
	group.Go("fetching an update", func(ctx context.Context) error {
		_, fetched = g.o.Updates.Fetch(ctx, subscribe.Source{Name: "-", URL: address + "/" + updateName(o.Manifest)}, subscribe.Seen{}, to)
		to.CloseWithError(fetched)
		return nil
	})
	group.Go("installing an update", func(ctx context.Context) error {
		installed = g.o.Slots.Install(ctx, o.Size, want, from)
		from.CloseWithError(errInstalled)
		return nil
	})
	if err := group.Wait(); err != nil { // one of them panicked
		return err
	}
	if fetched != nil && !errors.Is(fetched, errInstalled) {
		return fetchFault(fetched)
	}
	return installed
}

// updateName is the name of the file with the update that m is of.
func updateName(m bootslot.Manifest) string {
	return fmt.Sprintf("monban_%s_%s_%s.update", m.Version, m.Board, m.Arch)
}

// errInstalled ends a transfer nobody reads any more.
var errInstalled = errors.New("the update is not read any more")

// restartInto arms the new version and restarts, when no window is open. It
// puts down first what the box was able to do, which the new version must be
// able to do as well.
func (g *Gateway) restartInto(ctx context.Context, o *firmwareOffer, st bootslot.Status) error {
	step := firmwareStep{From: st.Release.Version.String(), To: o.Manifest.Version.String(), At: g.o.Clock.Wall().UTC()}
	if err := g.beginRestart(ctx, o, step); err != nil {
		return err
	}
	err := g.armAndReboot(ctx)
	if err != nil && ctx.Err() == nil {
		g.noteFirmware(ctx, func(k *keptFirmware) { k.Trial, k.Unwanted = nil, step.To })
		g.disarm(ctx) // no power cut shall do it unasked
		f := g.firm
		f.mu.Lock()
		f.restart = 0
		f.mu.Unlock()
		return err
	}
	g.o.Log.Info("restarting into another version", "from", step.From, "to", step.To)
	return nil
}

// armAndReboot gives each of the two its own time: what the one took shall not
// be missing to the other.
func (g *Gateway) armAndReboot(ctx context.Context) error {
	for _, act := range []func(context.Context) error{g.o.Slots.Arm, g.o.Slots.Reboot} {
		soon, stop := context.WithTimeout(ctx, slotsAct)
		err := act(soon)
		stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// beginRestart puts the step on record, if it may be now. From then on no
// window opens.
func (g *Gateway) beginRestart(ctx context.Context, o *firmwareOffer, step firmwareStep) error {
	g.acts.Lock() // nobody opens a window meanwhile
	defer g.acts.Unlock()
	if err := g.calm(); err != nil {
		return err
	}
	before := g.ableNow()
	if err := g.actFirmware(ctx, people.Box, func(k *keptFirmware) (string, map[string]any, error) {
		if !k.Offer.approved() || k.Offer.Sum != o.Sum { // taken back meanwhile
			return "", nil, text.NewFault("firmware.changed")
		}
		k.Trial, k.Failed, k.Unwanted = &firmwareTrial{firmwareStep: step, BootID: g.o.BootID, Before: &before}, nil, ""
		return "firmware.restarting", map[string]any{"from": step.From, "to": step.To}, nil
	}); err != nil {
		return err
	}
	f := g.firm
	f.mu.Lock()
	f.restart, f.busy, f.hurry = g.o.Clock.Boot(), firmwareRestarting, ""
	f.mu.Unlock()
	return nil
}

// disarm has the next restart start what runs, where it was to start a version
// that is not wanted any more. What does not work is tried again with the next
// turn, and shown until then.
func (g *Gateway) disarm(ctx context.Context) {
	version := g.keptFirmware().Unwanted
	if version == "" {
		return
	}
	undo, stop := context.WithTimeout(context.WithoutCancel(ctx), slotsAct)
	defer stop()
	st, err := g.o.Slots.Status(undo)
	if err == nil && st.Armed && st.Waiting.String() == version { // else Back would give up what runs
		err = g.o.Slots.Back(undo, nil)
	}
	if err != nil {
		g.o.Log.Warn("version not disarmed", "version", version, "err", err)
		return
	}
	g.noteFirmware(context.WithoutCancel(ctx), func(k *keptFirmware) { k.Unwanted = "" })
}

// restarting says that the box is on its way into another version, so that
// nothing new may begin.
func (g *Gateway) restarting() error {
	g.firm.mu.Lock()
	at := g.firm.restart
	g.firm.mu.Unlock()
	if at != 0 && g.o.Clock.Boot()-at < restartWithin {
		return text.NewFault("firmware.restarting_now")
	}
	return nil
}

// firmwareFailed keeps why an approved version is not in use yet. It is told
// once a night, and tried again after a while.
func (g *Gateway) firmwareFailed(ctx context.Context, err error) {
	f, now, why := g.firm, g.o.Clock.Wall().UTC(), faultOf(err)
	f.mu.Lock()
	f.retry = g.o.Clock.Boot() + fetchAgain<<min(f.tries, 2)
	f.tries++
	f.mu.Unlock()
	g.o.Log.Error("update not installed", "err", err)
	k := g.keptFirmware()
	if k.Offer == nil {
		return
	}
	failed := &firmwareFailure{Why: why, At: now, Told: now}
	if k.Failed != nil && now.Sub(k.Failed.Told).Abs() < failedAgain {
		failed.Told = k.Failed.Told
		g.noteFirmware(ctx, func(k *keptFirmware) { k.Failed = failed })
		return
	}
	if err := g.actFirmware(ctx, people.Box, func(k *keptFirmware) (string, map[string]any, error) {
		if k.Offer == nil {
			return "", nil, text.NewFault("firmware.changed")
		}
		k.Failed = failed
		return "firmware.not_installed", map[string]any{"version": k.Offer.Manifest.Version.String(), "fault": why.Code}, nil
	}); err != nil {
		g.o.Log.Warn("failure of an update not recorded", "err", err)
	}
}
