package disk

import (
	"context"
	"errors"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// A Keeper keeps a version or gives it up. A Client is one.
type Keeper interface {
	Status(context.Context) (bootslot.Status, error)
	Begin(context.Context) error
	Commit(context.Context) error
	Back(ctx context.Context, why []*text.Fault) error
	Reboot(context.Context) error
}

// Times between looks, for one, and after what did not succeed. The first look
// at a big database is long; it is no fault.
const (
	lookEvery  = 2 * time.Second
	lookWithin = 80 * time.Second
	again      = 10 * time.Second
)

// A Watch is a trial under way.
type Watch struct {
	Slots  Keeper                                // required
	Health func(context.Context) bootslot.Health // required
	Boot   func() time.Duration                  // required; since the system started
	Say    func(code string, v bootslot.Version) // required; told how it ends
	Warn   func(error)                           // required; told of what it tries again
}

// Run returns at once if nothing is on trial. A version that is gets kept when
// it was healthy for long enough, or else given up by a restart; where there is
// nothing to go back to, it is watched until it is healthy. If it hangs, the
// watchdog ends it; if nobody can tell whether it is on trial, nothing is done,
// since a restart might be one of many: that waits for a person.
func (w Watch) Run(ctx context.Context) error {
	t := bootslot.Trial{Began: w.Boot()}
	version, err := w.onTrial(ctx, t)
	if err != nil || version.IsZero() {
		return err
	}
	if err := w.Slots.Begin(ctx); err != nil {
		w.Warn(err) // what keeps it or gives it up says it, too
	}
	var unkept []*text.Fault // why it could not be kept
	alone := false           // there is nothing to go back to
	if t.Began >= bootslot.TrialLast {
		// Those that judged before came to no end, nor would this one.
		err := w.giveUp(ctx, version, []*text.Fault{text.NewFault("slot.trial.unjudged")})
		if alone = is(err, "slot.no_other"); !alone {
			return err
		}
		w.Warn(err)
	}
	for {
		h := w.look(ctx)
		step := t.Saw(w.Boot(), h.OK())
		if step == bootslot.Keep {
			err := w.Slots.Commit(ctx)
			if err == nil {
				w.Say("slot.trial.kept", version)
				return nil
			}
			w.Warn(err)
			unkept = []*text.Fault{faultOf(err)}
			// What cannot be kept is no better than what is not healthy.
			step = t.Saw(w.Boot(), false)
		}
		if step == bootslot.GiveUp && !alone {
			err := w.giveUp(ctx, version, append(h.Why, unkept...))
			if alone = is(err, "slot.no_other"); !alone {
				return err
			}
			w.Warn(err)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

func (w Watch) look(ctx context.Context) bootslot.Health {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	return w.Health(ctx)
}

// onTrial is the version on trial, none if it is kept.
func (w Watch) onTrial(ctx context.Context, t bootslot.Trial) (bootslot.Version, error) {
	for {
		s, err := w.Slots.Status(ctx)
		switch {
		case err == nil && s.Trial:
			return s.Release.Version, nil
		case err == nil:
			return bootslot.Version{}, nil
		case w.Boot()-t.Began >= bootslot.TrialLimit: // its own time: systemd counts how often it ends
			return bootslot.Version{}, err
		}
		w.Warn(err)
		if err := pause(ctx, again); err != nil {
			return bootslot.Version{}, err
		}
	}
}

// giveUp leaves word of why and restarts, unless there is nothing to go back to,
// which is slot.no_other.
func (w Watch) giveUp(ctx context.Context, version bootslot.Version, why []*text.Fault) error {
	if err := w.Slots.Back(ctx, why); err != nil {
		if is(err, "slot.no_other") {
			return err
		}
		w.Warn(err) // it was counted out when it was started, or by Begin
	}
	w.Say("slot.trial.given_up", version)
	for {
		err := w.Slots.Reboot(ctx)
		if err == nil {
			return nil
		}
		w.Warn(err)
		if err := pause(ctx, again); err != nil {
			return err
		}
	}
}

// faultOf is err as a Fault.
func faultOf(err error) *text.Fault {
	var f *text.Fault
	if errors.As(err, &f) {
		return f
	}
	return text.NewFault("slot.failed", "detail", err.Error())
}

func is(err error, code string) bool { return err != nil && faultOf(err).Code == code }

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
