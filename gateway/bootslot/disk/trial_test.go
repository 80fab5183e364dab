package disk

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// keeper notes what a trial comes to, and when.
type keeper struct {
	began                                   time.Time
	trial                                   bool
	statusErr, beginErr, commitErr, backErr error
	rebootErrs                              int
	begun                                   int
	log                                     []string
}

func (k *keeper) note(format string, args ...any) {
	k.log = append(k.log, fmt.Sprintf("%s at %v", fmt.Sprintf(format, args...), time.Since(k.began).Round(time.Second)))
}

func (k *keeper) Status(context.Context) (bootslot.Status, error) {
	return bootslot.Status{Release: bootslot.Release{Version: next}, Trial: k.trial}, k.statusErr
}

func (k *keeper) Begin(context.Context) error {
	k.begun++
	return k.beginErr
}

func (k *keeper) Commit(context.Context) error {
	if k.commitErr == nil {
		k.note("kept")
	}
	return k.commitErr
}

func (k *keeper) Back(_ context.Context, why []*text.Fault) error {
	for _, w := range why {
		k.note("because of %s", w.Code)
	}
	return k.backErr
}

func (k *keeper) Reboot(context.Context) error {
	if k.rebootErrs > 0 {
		k.rebootErrs--
		return errors.New("no")
	}
	k.note("restarted")
	return nil
}

var well = bootslot.Health{Rules: true, Links: true, DNS: true, Page: true, Database: true}

func TestWatch(t *testing.T) {
	ill := bootslot.Health{Why: []*text.Fault{text.NewFault("slot.trial.mute")}}
	gone := text.NewFault("slot.unreachable")
	for what, c := range map[string]struct {
		keeper keeper
		health func(at time.Duration) bootslot.Health
		up     time.Duration // how long the system is up when it begins
		want   string
		fails  bool
	}{
		"kept already": {keeper{}, nil, 0, "[]", false},
		"healthy":      {keeper{trial: true}, func(time.Duration) bootslot.Health { return well }, 0, "[kept at 1m0s]", false},
		"healthy later": {keeper{trial: true}, func(at time.Duration) bootslot.Health {
			if at < 3*time.Minute {
				return ill
			}
			return well
		}, 0, "[kept at 4m0s]", false},
		"a long first look": {keeper{trial: true}, func(at time.Duration) bootslot.Health {
			if at == 0 {
				time.Sleep(70 * time.Second)
			}
			return well
		}, 0, "[kept at 2m10s]", false},
		"never healthy": {keeper{trial: true}, func(time.Duration) bootslot.Health { return ill }, 0,
			"[because of slot.trial.mute at 10m0s restarted at 10m0s]", false},
		"never healthy, no restart at first": {keeper{trial: true, rebootErrs: 2}, func(time.Duration) bootslot.Health { return ill }, 0,
			"[because of slot.trial.mute at 10m0s restarted at 10m20s]", false},
		"cannot be kept": {keeper{trial: true, commitErr: text.NewFault("slot.esp")}, func(time.Duration) bootslot.Health { return well }, 0,
			"[because of slot.esp at 10m0s restarted at 10m0s]", false},
		"nothing to go back to": {keeper{trial: true, backErr: text.NewFault("slot.no_other")}, func(at time.Duration) bootslot.Health {
			if at < 3*time.Hour {
				return ill
			}
			return well
		}, 0, "[because of slot.trial.mute at 10m0s kept at 3h1m0s]", false},
		"not marked as begun": {keeper{trial: true, beginErr: text.NewFault("slot.esp")}, func(time.Duration) bootslot.Health { return well }, 0, "[kept at 1m0s]", false},
		"never healthy, begun anew": {keeper{trial: true}, func(time.Duration) bootslot.Health { return ill }, 19 * time.Minute,
			"[because of slot.trial.mute at 1m0s restarted at 1m0s]", false},
		"healthy, begun anew": {keeper{trial: true}, func(time.Duration) bootslot.Health { return well }, 19 * time.Minute, "[kept at 1m0s]", false},
		"begun anew too late": {keeper{trial: true}, nil, bootslot.TrialLast, "[because of slot.trial.unjudged at 0s restarted at 0s]", false},
		"begun anew too late, and alone": {keeper{trial: true, backErr: text.NewFault("slot.no_other")}, func(time.Duration) bootslot.Health { return well }, bootslot.TrialLast,
			"[because of slot.trial.unjudged at 0s kept at 1m0s]", false},
		"nobody knows, and for a long time": {keeper{trial: true, statusErr: gone}, nil, time.Hour, "[]", true},
		"nobody knows":                      {keeper{trial: true, statusErr: gone}, nil, 0, "[]", true},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := c.keeper
				k.began = time.Now()
				err := Watch{Slots: &k, Say: func(string, bootslot.Version) {}, Warn: func(error) {},
					Boot:   func() time.Duration { return c.up + time.Since(k.began) },
					Health: func(context.Context) bootslot.Health { return c.health(time.Since(k.began)) }}.Run(t.Context())
				if k.begun > 1 || (k.begun == 1) != (c.want != "[]") {
					t.Errorf("begun %d times", k.begun)
				}
				if got := fmt.Sprint(k.log); got != c.want || (err != nil) != c.fails {
					t.Errorf("%s (%v), want %s", got, err, c.want)
				}
			})
		})
	}
}

// A daemon that does not answer is waited for no longer than a look may take.
func TestWatchDeafDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		boot := func() time.Duration { return time.Since(began) }
		k := keeper{trial: true, began: began}
		if err := (Watch{Slots: &k, Boot: boot, Say: func(string, bootslot.Version) {}, Warn: func(error) {}, Health: func(ctx context.Context) bootslot.Health {
			<-ctx.Done()
			return bootslot.Health{}
		}}).Run(t.Context()); err != nil || fmt.Sprint(k.log) != "[restarted at 10m54s]" {
			t.Errorf("%v (%v)", k.log, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		k = keeper{trial: true, began: time.Now()}
		if err := (Watch{Slots: &k, Boot: boot, Warn: func(error) {}, Health: func(context.Context) bootslot.Health { return bootslot.Health{} }}).Run(ctx); !errors.Is(err, context.DeadlineExceeded) || len(k.log) > 0 {
			t.Errorf("stopped: %v (%v)", k.log, err)
		}
	})
}
