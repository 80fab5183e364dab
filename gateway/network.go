package gateway

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"monban/gateway/netconf"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// Settings that say which version of a file the log has already: what was in
// force before a trial, and a change that went back.
const (
	keyTrial    = "network.trial"
	keyReverted = "network.reverted"
)

// A network is what is known of the box's own ports.
type network struct {
	until time.Duration     // end of a trial, as Clock.Boot; 0: there is none
	fault error             // why the ports are not as site.toml says
	due   bool              // the service is to be asked again
	told  map[string]string // by setting, the version of its file that was recorded since the start
}

// applyNetwork has the network made what the configuration in force says. That
// may end this process and start it again, where it listens elsewhere then.
func (g *Gateway) applyNetwork(ctx context.Context) {
	if g.o.Network == nil || g.current().mode != Guarding {
		return
	}
	c, err := g.o.Network(ctx, netconf.Apply)
	if ctx.Err() != nil {
		return
	}
	if was := g.setTrial(c, err); err != nil && (was == nil || was.Error() != err.Error()) {
		g.o.Log.Error("network not as site.toml says", "err", err)
	}
	told := true
	if err == nil && c.Left > 0 {
		told = g.tellOnce(ctx, keyTrial, netconf.BeforeFile, "network.trial", map[string]any{"seconds": int(c.Left.Round(time.Second).Seconds())})
	}
	g.mu.Lock()
	g.network.due = err != nil || !told
	g.mu.Unlock()
}

// networkDue says whether the service is to be asked again: it did not answer,
// or did not do what it was asked for, or there was nowhere to record it.
func (g *Gateway) networkDue() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.network.due
}

// setTrial remembers an answer, and returns the fault before it. Without an
// answer a trial goes on: the service has its own clock.
func (g *Gateway) setTrial(c netconf.Change, err error) (was error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was, g.network.fault = g.network.fault, err
	if err == nil {
		g.network.until = 0
		if c.Left > 0 {
			g.network.until = g.o.Clock.Boot() + c.Left
		}
	}
	return was
}

// trialLeft is how long a change of the network still waits; 0: there is none.
func (g *Gateway) trialLeft() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.network.until-g.o.Clock.Boot(), 0)
}

// ConfirmNetwork makes a change of the network stay, for somebody who reaches
// the box by it.
func (g *Gateway) ConfirmNetwork(ctx context.Context, who people.Actor) error {
	if err := may(who, people.ActConfigure); err != nil {
		return err
	}
	if g.o.Network == nil {
		return text.NewFault("network.no_trial")
	}
	c, err := g.o.Network(ctx, netconf.Confirm)
	if err != nil {
		return err
	}
	g.setTrial(c, nil)
	g.record(ctx, who, func(tx *store.Tx) error { return tx.Audit("network.kept", nil) })
	return nil
}

// networkNotes are what people should know of the ports.
func (g *Gateway) networkNotes() []Note {
	g.mu.Lock()
	fault := g.network.fault
	g.mu.Unlock()
	var notes []Note
	if left := g.trialLeft(); left > 0 {
		notes = append(notes, Note{Code: "network.on_trial", Level: "caution", Link: "/network",
			Args: map[string]any{"seconds": int(left.Seconds())}})
	}
	if fault != nil {
		notes = append(notes, Note{Code: "network.not_applied", Level: "danger"})
	}
	return notes
}

// noteReverted tells of a change of the network that went back because nobody
// confirmed it, once.
func (g *Gateway) noteReverted(ctx context.Context) {
	g.tellOnce(ctx, keyReverted, netconf.RevertedFile, "network.reverted", map[string]any{"file": netconf.RevertedFile})
}

// tellOnce tells of each version of a file in the state directory once, also
// over restarts, and says whether nothing is left to tell. The version told
// last is remembered under key.
func (g *Gateway) tellOnce(ctx context.Context, key, file, code string, args map[string]any) bool {
	fi, err := os.Stat(filepath.Join(g.o.State, file))
	if err != nil {
		return true
	}
	mark := fi.ModTime().UTC().Format(time.RFC3339Nano)
	db := g.db()
	if db == nil {
		return false
	}
	if had, err := db.Meta(ctx, key); err != nil || string(had) == mark {
		return err == nil
	}
	g.mu.Lock()
	waits := g.network.told[key] == mark // for a disk that takes it
	if g.network.told == nil {
		g.network.told = map[string]string{}
	}
	g.network.told[key] = mark
	g.mu.Unlock()
	if waits {
		return true
	}
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		return errors.Join(tx.SetMeta(key, []byte(mark)), g.tell(tx, code, args))
	})
	return true
}
