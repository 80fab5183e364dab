package gateway

import (
	"context"
	"errors"
	"net/netip"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// Getting in. Every attempt is limited by delay, never by a lock, and what is
// wrong with it is never told: a wrong name, password or code are one and the
// same fault.

// SignIn checks name, password and second factor together.
func (g *Gateway) SignIn(ctx context.Context, source netip.Addr, name, password, code string) (people.Actor, error) {
	db := g.db()
	if db == nil {
		return people.Actor{}, g.storeFault()
	}
	if err := g.try(name, source); err != nil {
		return people.Actor{}, err
	}
	p, err := db.PersonNamed(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return people.Actor{}, err
	}
	found := err == nil && !p.Disabled
	if !found {
		p = people.Person{} // and on, so that the time taken tells nothing
	}
	right, err := g.hash.Verify(ctx, p.Password, password)
	if err != nil {
		return people.Actor{}, err
	}
	used := g.secondFactor(ctx, p, code)
	if !found || !right || used == nil {
		g.failed(ctx, name, source)
		return people.Actor{}, g.wrongSignIn()
	}
	who, err := g.admit(ctx, p, used, "people.signed_in", source)
	if err == nil {
		g.doors.Good(name, sourceKey(source))
	}
	return who, err
}

// StepUp checks the second factor again.
func (g *Gateway) StepUp(ctx context.Context, source netip.Addr, who people.Actor, code string) (people.Actor, error) {
	db := g.db()
	if db == nil {
		return who, g.storeFault()
	}
	if err := g.try(who.Name, source); err != nil {
		return who, on("totp", err)
	}
	p, err := db.Person(ctx, who.ID)
	if err != nil {
		return who, err
	}
	used := g.secondFactor(ctx, p, code)
	if p.Disabled || used == nil {
		g.failed(ctx, who.Name, source)
		return who, g.wrongCode("totp")
	}
	stepped, err := g.admit(ctx, p, used, "people.stepped_up", source)
	if err == nil {
		g.doors.Good(who.Name, sourceKey(source))
	}
	return stepped, err
}

// Actor returns the person with this id as he is now.
func (g *Gateway) Actor(ctx context.Context, id int64) (people.Actor, error) {
	db := g.db()
	if db == nil {
		return people.Actor{}, g.storeFault()
	}
	p, err := db.Person(ctx, id)
	if err == nil && p.Disabled || errors.Is(err, store.ErrNotFound) {
		return people.Actor{}, text.NewFault("people.gone")
	}
	if err != nil {
		return people.Actor{}, err
	}
	return p.Actor("page"), nil
}

// A use is what an admission uses up, as part of its act.
type use func(*store.Tx) error

// secondFactor checks a one-time or a recovery code of p. It returns what its
// use takes out of the store, or nil if the code is wrong.
func (g *Gateway) secondFactor(ctx context.Context, p people.Person, code string) use {
	now := g.o.Clock.Wall()
	last, back := p.Counter, people.TOTPAhead(p.Counter, now)
	if back { // the clock was set back: every code would count as used
		last = 0
	}
	// Both are looked at, so that the time taken does not tell which was right.
	hash, err := g.hash.FindRecovery(ctx, p.Recovery, code)
	if step, ok := people.CheckTOTP(p.TOTP, code, now, last); ok {
		return func(tx *store.Tx) error {
			if !back {
				return tx.UseTOTP(p.ID, step)
			}
			if err := tx.ResetTOTP(p.ID, step); err != nil {
				return err
			}
			return tx.Audit("people.clock_set_back", map[string]any{"name": p.Name})
		}
	}
	if err != nil || hash == "" {
		return nil
	}
	return func(tx *store.Tx) error {
		if err := tx.UseRecovery(p.ID, hash); err != nil {
			return err
		}
		return g.tell(tx, "people.recovery_used", map[string]any{"name": p.Name, "left": len(p.Recovery) - 1})
	}
}

// admit records that p came in. The code is used up in the same transaction:
// of two requests with one code, one fails.
func (g *Gateway) admit(ctx context.Context, p people.Person, used use, code string, source netip.Addr) (people.Actor, error) {
	who := p.Actor("page")
	err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := used(tx); err != nil {
			return err
		}
		return tx.Audit(code, map[string]any{"name": p.Name, "source": source.String()})
	})
	who.SteppedUp = g.o.Clock.Wall()
	return who, err
}

// try asks the limiter for one attempt.
func (g *Gateway) try(account string, source netip.Addr) error {
	wait := g.doors.Try(account, sourceKey(source), g.o.Clock.Wall())
	if wait > 0 {
		return text.NewFault("people.wait", "seconds", int(wait.Seconds())+1)
	}
	return nil
}

// sourceKey is what counts as one source: an IPv4 address or an IPv6 /64.
func sourceKey(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.Unmap().String()
}

// failed puts a failed attempt on record. The name is what somebody typed;
// it may be a password by mistake, so only known names are kept.
func (g *Gateway) failed(ctx context.Context, name string, source netip.Addr) {
	known := ""
	if db := g.db(); db != nil {
		if p, err := db.PersonNamed(ctx, name); err == nil {
			known = p.Name
		}
	}
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		return tx.Audit("people.sign_in_failed", map[string]any{"name": known, "source": source.String()})
	})
}

func (g *Gateway) wrongSignIn() error {
	if !g.o.Clock.Synced() {
		return text.NewFault("people.wrong_sign_in_unsynced")
	}
	return text.NewFault("people.wrong_sign_in")
}

func (g *Gateway) wrongCode(field string) error {
	if !g.o.Clock.Synced() {
		return text.NewFault("people.wrong_totp_unsynced").On(field)
	}
	return text.NewFault("people.wrong_totp").On(field)
}

// on sets the form field of a fault.
func on(field string, err error) error {
	var f *text.Fault
	if errors.As(err, &f) {
		return f.On(field)
	}
	return err
}
