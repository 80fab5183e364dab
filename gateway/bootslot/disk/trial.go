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
	Say    func(code string, v bootslot.Version) // required; told how it ends
	Warn   func(error)                           // required; told of what it tries again
}

// Run returns at once if nothing is on trial. A version that is gets kept when
// it was healthy for long enough, or else given up by a restart. If it hangs,
// the watchdog ends it; if nobody can tell whether it is on trial, nothing is
// done, since a restart might be one of many.
func (w Watch) Run(ctx context.Context) error {
	t := bootslot.Trial{Began: time.Now()}
	version, err := w.onTrial(ctx, t.Began)
	if err != nil || version.IsZero() {
		return err
	}
	var unkept []*text.Fault // why it could not be kept
	for {
		h := w.look(ctx)
		step := t.Saw(time.Now(), h.OK())
		if step == bootslot.Keep {
			err := w.Slots.Commit(ctx)
			if err == nil {
				w.Say("slot.trial.kept", version)
				return nil
			}
			w.Warn(err)
			unkept = []*text.Fault{faultOf(err)}
			// What cannot be kept is no better than what is not healthy.
			step = t.Saw(time.Now(), false)
		}
		if step == bootslot.GiveUp {
			return w.giveUp(ctx, version, append(h.Why, unkept...))
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
func (w Watch) onTrial(ctx context.Context, began time.Time) (bootslot.Version, error) {
	for {
		s, err := w.Slots.Status(ctx)
		switch {
		case err == nil && s.Trial:
			return s.Release.Version, nil
		case err == nil:
			return bootslot.Version{}, nil
		case time.Since(began) >= bootslot.TrialLimit:
			return bootslot.Version{}, err
		}
		w.Warn(err)
		if err := pause(ctx, again); err != nil {
			return bootslot.Version{}, err
		}
	}
}

// giveUp leaves word of why and restarts, unless there is nothing to go back to.
func (w Watch) giveUp(ctx context.Context, version bootslot.Version, why []*text.Fault) error {
	if err := w.Slots.Back(ctx, why); err != nil {
		if faultOf(err).Code == "slot.no_other" {
			return err
		}
		w.Warn(err) // the next start is the other version all the same
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

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
