package gateway

import (
	"context"
	"encoding/json"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// inviteFor is how long an invitation is good.
const inviteFor = 7 * 24 * time.Hour

// An invitation lets one person make an account of his own.
type invitation struct {
	Hash  string    `json:"hash"`
	Until time.Time `json:"until"`
}

// People are everybody with an account, in the order they came.
func (g *Gateway) People(ctx context.Context, who people.Actor) ([]people.Actor, error) {
	if err := may(who, people.ActManagePeople); err != nil {
		return nil, err
	}
	db := g.db()
	if db == nil {
		return nil, g.storeFault()
	}
	all, err := db.People(ctx)
	if err != nil {
		return nil, err
	}
	var out []people.Actor
	for _, p := range all {
		if !p.Disabled {
			out = append(out, p.Actor("page"))
		}
	}
	return out, nil
}

// Invite returns a code, good once and for 7 days, by which one person of this
// role makes an account. A newer one for the same role takes its place.
func (g *Gateway) Invite(ctx context.Context, who people.Actor, role people.Role) (string, error) {
	if err := may(who, people.ActManagePeople); err != nil {
		return "", err
	}
	if !role.Assignable() {
		return "", text.NewFault("people.no_such_role").On("role")
	}
	now := g.o.Clock.Wall()
	if !who.SteppedUpWithin(window.StepUp, now) {
		return "", text.NewFault("people.step_up").On("code")
	}
	code, hash := people.NewSetupCode()
	b, err := json.Marshal(invitation{hash, now.Add(inviteFor)})
	if err != nil {
		return "", err
	}
	return code, g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.SetMeta(keyInvite+string(role), b); err != nil {
			return err
		}
		return tx.Audit("people.invited", map[string]any{"role": string(role)})
	})
}

// invited finds the invitation a code belongs to; an empty key means none.
func (g *Gateway) invited(ctx context.Context, code string) (grant, people.Role, error) {
	for _, role := range []people.Role{people.Director, people.Staff, people.Vendor, people.Inspector} {
		key := keyInvite + string(role)
		b, err := g.db().Meta(ctx, key)
		if err != nil {
			return grant{}, "", err
		}
		if i, ok := invitationOf(b, g.o.Clock.Wall()); ok && people.IsSetupCode(i.Hash, code) {
			return grant{key, i.Hash}, role, nil
		}
	}
	return grant{}, "", nil
}

// invitationOf reads what is kept of an invitation, if there is one that is not
// over.
func invitationOf(kept []byte, now time.Time) (i invitation, ok bool) {
	ok = kept != nil && json.Unmarshal(kept, &i) == nil && now.Before(i.Until)
	return i, ok
}
