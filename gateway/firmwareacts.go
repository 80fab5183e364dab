package gateway

import (
	"context"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// CheckFirmware has the box asked for newer versions now. It does not wait for
// the answer.
func (g *Gateway) CheckFirmware(_ context.Context, who people.Actor) error {
	if err := may(who, people.ActBringUpdate); err != nil {
		return err
	}
	if g.o.Slots == nil {
		return text.NewFault("firmware.not_here")
	}
	if err := g.mayCheck(); err != nil {
		return err
	}
	g.firm.mu.Lock()
	g.firm.due = max(g.o.Clock.Boot(), 1)
	g.firm.mu.Unlock()
	signal(g.firm.wake)
	return nil
}

// mayCheck says why nobody would be asked for newer versions now.
func (g *Gateway) mayCheck() error {
	f, s := g.firm, g.current()
	f.mu.Lock()
	trial, mute, busy := f.kept.Trial != nil, f.mute, f.busy
	f.mu.Unlock()
	switch {
	case s.mode == SetUp:
		return text.NewFault("firmware.set_up_first")
	case s.config.Update.Address == "" || g.o.Updates == nil:
		return text.NewFault("firmware.nobody_asked")
	case g.restarting() != nil:
		return g.restarting()
	case trial:
		return text.NewFault("firmware.on_trial")
	case busy == firmwareInstalling:
		return text.NewFault("firmware.busy")
	case mute != nil:
		return faultOf(mute)
	case !g.clockForChecks():
		return text.NewFault("firmware.no_clock")
	}
	return nil
}

// ApproveFirmware lets the version of that sum be installed in the night. It
// needs a fresh step-up.
func (g *Gateway) ApproveFirmware(ctx context.Context, who people.Actor, sum string) error {
	if err := g.mayUpdate(who); err != nil {
		return err
	}
	now := g.o.Clock.Wall().UTC()
	err := g.actFirmware(ctx, who, func(k *keptFirmware) (string, map[string]any, error) {
		if k.Trial != nil {
			return "", nil, text.NewFault("firmware.on_trial")
		}
		if k.Offer == nil || k.Offer.Sum != sum || k.Offer.approved() {
			return "", nil, text.NewFault("firmware.changed")
		}
		o := *k.Offer
		o.Approver, o.Approved = who, now
		k.Offer, k.Failed = &o, nil
		return "firmware.approved", map[string]any{"from": k.Runs, "to": o.Manifest.Version.String()}, nil
	})
	if err == nil {
		g.freshTry("") // for the night
	}
	return err
}

// HurryFirmware installs the approved version of that sum now and restarts,
// unless a window is open. It needs a fresh step-up, and does not wait.
func (g *Gateway) HurryFirmware(ctx context.Context, who people.Actor, sum string) error {
	if err := g.mayUpdate(who); err != nil {
		return err
	}
	if err := g.calm(); err != nil {
		return err
	}
	err := g.actFirmware(ctx, who, func(k *keptFirmware) (string, map[string]any, error) {
		if k.Trial != nil {
			return "", nil, text.NewFault("firmware.on_trial")
		}
		if k.Offer == nil || k.Offer.Sum != sum {
			return "", nil, text.NewFault("firmware.changed")
		}
		if !k.Offer.approved() {
			return "", nil, text.NewFault("firmware.not_approved")
		}
		return "firmware.hurried", map[string]any{"to": k.Offer.Manifest.Version.String()}, nil
	})
	if err == nil {
		g.freshTry(sum)
	}
	return err
}

// mayUpdate checks what only the director may do.
func (g *Gateway) mayUpdate(who people.Actor) error {
	if err := may(who, people.ActApproveUpdate); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	if g.o.Slots == nil {
		return text.NewFault("firmware.not_here")
	}
	return nil
}

// freshTry forgets how often it did not work. hurry is the sum of what somebody
// wants at once; empty: nobody does.
func (g *Gateway) freshTry(hurry string) {
	g.firm.mu.Lock()
	g.firm.retry, g.firm.tries, g.firm.hurry = 0, 0, hurry
	g.firm.mu.Unlock()
	signal(g.firm.wake)
}

// CancelFirmware takes the approval of the version of that sum back; without
// one, it throws a file away that was sent.
func (g *Gateway) CancelFirmware(ctx context.Context, who people.Actor, sum string) error {
	o := g.keptFirmware().Offer
	act := people.ActBringUpdate
	if o.approved() {
		act = people.ActApproveUpdate
	}
	if err := may(who, act); err != nil {
		return err
	}
	if g.o.Slots == nil {
		return text.NewFault("firmware.not_here")
	}
	err := g.actFirmware(ctx, who, func(k *keptFirmware) (string, map[string]any, error) {
		switch {
		case k.Trial != nil:
			return "", nil, text.NewFault("firmware.restarting_now")
		case k.Offer == nil || k.Offer.Sum != sum:
			return "", nil, text.NewFault("firmware.changed")
		case !k.Offer.approved() && (o.approved() || !o.File): // somebody was faster
			return "", nil, text.NewFault("firmware.cancelled_already")
		case k.Offer.approved() != o.approved():
			return "", nil, text.NewFault("firmware.changed")
		}
		args := map[string]any{"version": k.Offer.Manifest.Version.String()}
		k.Failed = nil
		if !o.approved() {
			k.Offer = nil // the file is tidied away
			return "firmware.dropped", args, nil
		}
		back := *k.Offer
		back.Approver, back.Approved = people.Actor{}, time.Time{}
		k.Offer = &back
		return "firmware.cancelled", args, nil
	})
	if err == nil {
		g.freshTry("") // whoever approves it again did not ask for a hurry
	}
	return err
}

// SeeFirmware says that somebody has seen that the box went back to the old
// version, so that the first page need not say it any more.
func (g *Gateway) SeeFirmware(ctx context.Context, who people.Actor) error {
	if err := may(who, people.ActApproveUpdate); err != nil {
		return err
	}
	if g.o.Slots == nil {
		return text.NewFault("firmware.not_here")
	}
	return g.actFirmware(ctx, who, func(k *keptFirmware) (string, map[string]any, error) {
		if k.Fallen == nil {
			return "", nil, text.NewFault("firmware.seen_already")
		}
		was := *k.Fallen
		k.Fallen = nil
		return "firmware.seen", map[string]any{"from": was.From, "to": was.To}, nil
	})
}
