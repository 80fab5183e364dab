package gateway

import (
	"cmp"
	"context"
	"strings"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/people"
	"monban/gateway/text"
)

// settleFirmware finds out what became of the last update, from what runs now
// and whether it is kept, and puts that on record. Nothing is taken from
// memory for granted: the power may have failed at any moment, and somebody
// at the console may have done something else.
func (g *Gateway) settleFirmware(ctx context.Context, st bootslot.Status) {
	k, runs := g.keptFirmware(), st.Release.Version.String()
	t, now := k.Trial, g.o.Clock.Wall().UTC()
	var err error
	switch {
	case t == nil && st.Trial: // begun at the console
		g.noteFirmware(ctx, func(k *keptFirmware) {
			k.Trial = &firmwareTrial{firmwareStep: firmwareStep{From: cmp.Or(k.Runs, st.Other.String()), To: runs, At: now}, BootID: g.o.BootID}
		})
	case t == nil && k.Runs == "" && st.Failed.IsZero():
		g.noteFirmware(ctx, func(k *keptFirmware) { k.Runs = runs })
	case t != nil && t.To == runs && !st.Trial:
		err = g.stepDone(ctx, "firmware.committed", firmwareStep{From: t.From, To: runs, At: now}, nil)
	case t == nil && k.Runs != runs && k.Runs != "":
		code := "firmware.committed"
		if st.Left.String() == k.Runs {
			code = "firmware.went_back"
		}
		err = g.stepDone(ctx, code, firmwareStep{From: k.Runs, To: runs, At: now}, nil)
	case t == nil && !st.Failed.IsZero() && st.Failed.String() != k.Bad: // it never got so far as to be seen here
		err = g.stepDone(ctx, "firmware.rolled_back", firmwareStep{From: st.Failed.String(), To: runs, At: now}, st.Why)
	case t == nil || t.To == runs: // nothing new, or still on trial
	case t.BootID == g.o.BootID:
		g.awaitRestart(ctx, t.To)
	case st.Waiting.String() == t.To && st.Armed:
		err = g.notStarted(ctx, t.To)
	case st.Waiting.String() == t.To: // the power failed before it was to start next
		g.noteFirmware(ctx, func(k *keptFirmware) { k.Trial = nil })
	case st.Left.String() == t.To:
		err = g.stepDone(ctx, "firmware.went_back", firmwareStep{From: t.To, To: runs, At: now}, nil)
	default:
		err = g.stepDone(ctx, "firmware.rolled_back", firmwareStep{From: t.To, To: runs, At: now}, st.Why)
	}
	if err != nil {
		g.o.Log.Error("outcome of an update not recorded yet", "err", err)
		return
	}
	g.forgetOldOffer(ctx, st)
}

// stepDone records what became of a step: it was kept, a person went back, or
// the box did by itself.
func (g *Gateway) stepDone(ctx context.Context, code string, step firmwareStep, why []*text.Fault) error {
	return g.actFirmware(ctx, people.Box, func(k *keptFirmware) (string, map[string]any, error) {
		args := map[string]any{"from": step.From, "to": step.To}
		k.Runs, k.Trial = step.To, nil
		switch code {
		case "firmware.committed":
			k.Fallen = nil
		case "firmware.rolled_back":
			var codes []string
			for _, f := range why {
				codes = append(codes, f.Code)
			}
			args["why"] = strings.Join(codes, " ")
			k.Fallen, k.Bad = &firmwareFall{step, why}, step.From
			k.Offer, k.Failed = nil, nil
		default:
			k.Offer, k.Failed = nil, nil
		}
		return code, args, nil
	})
}

// notStarted records that a version was to be started and is not what runs.
// Where the power failed before the restart was through, and where the version
// stopped before it could leave a mark, that looks the same. So it is no
// fall-back, but it is not started again without another approval: there might
// be no end to it.
func (g *Gateway) notStarted(ctx context.Context, version string) error {
	why, now := text.NewFault("slot.not_started", "version", version), g.o.Clock.Wall().UTC()
	return g.actFirmware(ctx, people.Box, func(k *keptFirmware) (string, map[string]any, error) {
		k.Trial, k.Unwanted = nil, version
		if k.Offer != nil {
			o := *k.Offer
			o.Approver, o.Approved = people.Actor{}, time.Time{}
			k.Offer, k.Failed = &o, &firmwareFailure{Why: why, At: now, Told: now}
		}
		return "firmware.not_installed", map[string]any{"version": version, "fault": why.Code}, nil
	})
}

// awaitRestart gives up a restart into a version that was asked for and does
// not come.
func (g *Gateway) awaitRestart(ctx context.Context, version string) {
	f := g.firm
	f.mu.Lock()
	late := f.restart == 0 || g.o.Clock.Boot()-f.restart > restartWithin
	if late {
		f.restart = 0
	}
	f.mu.Unlock()
	if late {
		g.setFirmwareBusy("")
		g.noteFirmware(ctx, func(k *keptFirmware) { k.Trial, k.Unwanted = nil, version })
		g.firmwareFailed(ctx, text.NewFault("firmware.not_restarted"))
	}
}

// forgetOldOffer drops what is no newer than what runs.
func (g *Gateway) forgetOldOffer(ctx context.Context, st bootslot.Status) {
	o := g.keptFirmware().Offer
	if o == nil || o.Manifest.Version.Compare(st.Release.Version) > 0 {
		return
	}
	g.noteFirmware(ctx, func(k *keptFirmware) { k.Offer, k.Failed = nil, nil })
}
