package gateway

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// keySealed is the setting that keeps the hashes of the codes on paper.
const keySealed = "sealed"

// sealed are the unused break-glass codes.
type sealed struct {
	Hashes []string  `json:"hashes"`
	Made   time.Time `json:"made"`
}

// NewSealedCodes makes new break-glass codes, to be printed and sealed. All
// older ones end.
func (g *Gateway) NewSealedCodes(ctx context.Context, who people.Actor) ([]string, error) {
	if err := may(who, people.ActManagePeople); err != nil {
		return nil, err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return nil, text.NewFault("people.step_up").On("totp")
	}
	codes, hashes := people.NewSealed()
	err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := putSealed(tx, sealed{hashes, g.o.Clock.Wall()}); err != nil {
			return err
		}
		return g.tell(tx, "people.sealed_made", map[string]any{"n": len(hashes)})
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// SealedCodes says how many codes on paper are left.
func (g *Gateway) SealedCodes(ctx context.Context, who people.Actor) (SealedCodes, error) {
	if err := may(who, people.ActRead); err != nil {
		return SealedCodes{}, err
	}
	db := g.db()
	if db == nil {
		return SealedCodes{}, g.storeFault()
	}
	b, err := db.Meta(ctx, keySealed)
	if err != nil {
		return SealedCodes{}, err
	}
	s := sealedOf(b)
	return SealedCodes{Left: len(s.Hashes), MadeAt: s.Made}, nil
}

// BreakSealed opens a window at once, without an approver, by a code on paper,
// which is used up. It lasts an hour at most and alarms everyone; owed reports
// do not stop it.
func (g *Gateway) BreakSealed(ctx context.Context, who people.Actor, source netip.Addr, code string, ask Ask) (Window, error) {
	if err := may(who, people.ActBreakSealed); err != nil {
		return Window{}, err
	}
	if ask.Length == 0 {
		ask.Length = window.SealedLength
	}
	if ask.Requester == "" {
		ask.Requester = who.Name
	}
	w, err := g.request(ctx, who, ask)
	if err != nil {
		return Window{}, err
	}
	if err := g.try("sealed code", source); err != nil {
		return Window{}, err
	}
	use := func(tx *store.Tx) error {
		b, err := tx.Meta(keySealed)
		if err != nil {
			return err
		}
		s := sealedOf(b)
		hash, ok := people.FindSealed(s.Hashes, code)
		if !ok {
			return text.NewFault("people.wrong_sealed", "left", len(s.Hashes)).On("code")
		}
		s.Hashes = slices.DeleteFunc(s.Hashes, func(h string) bool { return h == hash })
		return putSealed(tx, s)
	}
	v, err := g.breakOpen(ctx, who, w, "window.break_sealed", use, func(w window.Window, s window.Start) (window.Window, error) {
		return w.BreakSealed(who, s)
	})
	if is(err, "people.wrong_sealed") {
		g.record(ctx, who, func(tx *store.Tx) error {
			return g.tell(tx, "people.sealed_wrong", map[string]any{"source": source.String()})
		})
	}
	return v, err
}

func putSealed(tx *store.Tx, s sealed) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.SetMeta(keySealed, b)
}

// sealedOf reads the setting; what cannot be read holds no code.
func sealedOf(b []byte) sealed {
	var s sealed
	if b == nil || json.Unmarshal(b, &s) != nil {
		return sealed{}
	}
	return s
}
