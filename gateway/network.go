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

// reverted is where a change of the network lies that nobody confirmed, beside
// site.toml.
const reverted = "site.reverted.toml"

// keyReverted is the setting that says which such change the log has already.
const keyReverted = "network.reverted"

// A network is what is known of the box's own ports.
type network struct {
	until time.Duration // end of a trial, as Clock.Boot; 0: there is none
	fault error         // why the ports are not as site.toml says
}

// applyNetwork has the network made what the configuration in force says. That
// may end this process and start it again, where it listens elsewhere then.
func (g *Gateway) applyNetwork(ctx context.Context) {
	if g.o.Network == nil || g.current().mode != Guarding {
		return
	}
	was := g.trialLeft()
	c, err := g.o.Network(ctx, netconf.Apply)
	if err != nil {
		g.o.Log.Error("network not as site.toml says", "err", err)
	}
	g.setTrial(c, err)
	if was == 0 && c.Left > 0 {
		g.record(ctx, people.Box, func(tx *store.Tx) error {
			return g.tell(tx, "network.trial", map[string]any{"seconds": int(c.Left.Round(time.Second).Seconds())})
		})
	}
}

func (g *Gateway) setTrial(c netconf.Change, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.network = network{fault: err}
	if err == nil && c.Left > 0 {
		g.network.until = g.o.Clock.Boot() + c.Left
	}
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
	fi, err := os.Stat(filepath.Join(g.o.State, reverted))
	db := g.db()
	if err != nil || db == nil {
		return
	}
	mark := fi.ModTime().UTC().Format(time.RFC3339Nano)
	if had, err := db.Meta(ctx, keyReverted); err != nil || string(had) == mark {
		return
	}
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		return errors.Join(tx.SetMeta(keyReverted, []byte(mark)), g.tell(tx, "network.reverted", map[string]any{"file": reverted}))
	})
}
