package gateway

import (
	"context"
	"errors"
	"net/netip"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// What people renew of how they come in, each for himself alone: no method
// here takes another's id. Each act wants the second factor of a moment ago, is
// one transaction with its line in the log, and is told to those who are told
// of people. The same transaction ends all sign-ins of the account, since the
// page takes none whose Renewed is not the account's; the actor that is
// returned is the one to go on with.

// An Account is what somebody is told of his own.
type Account struct {
	RecoveryLeft int `json:"recovery_left"` // unused recovery codes
}

// Account is that of who.
func (g *Gateway) Account(ctx context.Context, who people.Actor) (Account, error) {
	if err := may(who, people.ActAccount); err != nil {
		return Account{}, err
	}
	p, err := g.own(ctx, who)
	return Account{RecoveryLeft: len(p.Recovery)}, err
}

func (g *Gateway) own(ctx context.Context, who people.Actor) (people.Person, error) {
	db := g.db()
	if db == nil {
		return people.Person{}, g.storeFault()
	}
	p, err := db.Person(ctx, who.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Disabled {
		return people.Person{}, text.NewFault("people.gone")
	}
	return p, err
}

// SetPassword gives who another password, by the rules of set-up. It wants the
// old one (OWASP ASVS 5.0, 6.2.3): the second factor may have been given by
// somebody who then left the page open.
func (g *Gateway) SetPassword(ctx context.Context, source netip.Addr, who people.Actor, old, password string) (people.Actor, error) {
	if err := g.mayRenew(who); err != nil {
		return who, err
	}
	if err := people.CheckPassword(password, who.Name, g.current().config.Clinic); err != nil {
		return who, on("password", err)
	}
	p, err := g.own(ctx, who)
	if err != nil {
		return who, err
	}
	if err := g.try(who.Name, source); err != nil {
		return who, on("old", err)
	}
	right, err := g.hash.Verify(ctx, p.Password, old)
	if err != nil {
		return who, err
	}
	if !right {
		g.failed(ctx, who.Name, source)
		return who, text.NewFault("people.wrong_password").On("old")
	}
	hash, err := g.hash.Hash(ctx, password)
	if err != nil {
		return who, err
	}
	g.doors.Good(who.Name, sourceKey(source))
	return g.renew(ctx, source, who, "people.password_changed", func(p *people.Person) { p.Password = hash })
}

// BeginFactor makes the secret of another authenticator and keeps it for 15
// minutes under a random id; PendingSetUp says what the authenticator must be
// told. The old one holds until FinishFactor.
func (g *Gateway) BeginFactor(ctx context.Context, who people.Actor) (string, error) {
	if err := g.mayRenew(who); err != nil {
		return "", err
	}
	p, err := g.own(ctx, who)
	if err != nil {
		return "", err
	}
	return g.keepPending(people.Person{ID: p.ID, Name: p.Name, TOTP: people.NewTOTP()}, grant{})
}

// FinishFactor checks the new authenticator's first code and lets it take the
// place of the old one. The second factor of a moment ago was asked for at the
// beginning: who has lost his phone shall not need a second recovery code
// because finding the camera took long.
func (g *Gateway) FinishFactor(ctx context.Context, source netip.Addr, who people.Actor, pending, totp string) (people.Actor, error) {
	if err := may(who, people.ActAccount); err != nil {
		return who, err
	}
	if err := g.try(who.Name, source); err != nil {
		return who, on("totp", err)
	}
	p, err := g.pendingPerson(pending)
	if err != nil || p.person.ID == 0 || p.person.ID != who.ID {
		return who, text.NewFault("people.factor_expired")
	}
	step, ok := people.CheckTOTP(p.person.TOTP, totp, g.o.Clock.Wall(), 0)
	if !ok {
		return who, g.wrongCode("totp")
	}
	now, err := g.renew(ctx, source, who, "people.factor_changed", func(own *people.Person) {
		own.TOTP, own.Counter = p.person.TOTP, step
	})
	if err != nil {
		return who, err
	}
	g.dropPending(pending)
	g.doors.Good(who.Name, sourceKey(source))
	return now, nil
}

// NewRecoveryCodes makes new recovery codes, which are stored only as hashes.
// All older ones end.
func (g *Gateway) NewRecoveryCodes(ctx context.Context, source netip.Addr, who people.Actor) (people.Actor, []string, error) {
	if err := g.mayRenew(who); err != nil {
		return who, nil, err
	}
	codes, hashes, err := g.hash.NewRecovery(ctx)
	if err != nil {
		return who, nil, err
	}
	now, err := g.renew(ctx, source, who, "people.recovery_renewed", func(p *people.Person) { p.Recovery = hashes })
	if err != nil {
		return who, nil, err
	}
	return now, codes, nil
}

func (g *Gateway) mayRenew(who people.Actor) error {
	if err := may(who, people.ActAccount); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	return nil
}

// renew changes the account of who and ends all its sign-ins. One that is over
// already renews nothing.
func (g *Gateway) renew(ctx context.Context, source netip.Addr, who people.Actor, code string, change func(*people.Person)) (people.Actor, error) {
	now := who
	err := g.act(ctx, who, func(tx *store.Tx) error {
		p, err := tx.Person(who.ID)
		switch {
		case errors.Is(err, store.ErrNotFound) || err == nil && p.Disabled:
			return text.NewFault("people.gone")
		case err != nil:
			return err
		case p.Renewed != who.Renewed:
			return text.NewFault("people.renewed_elsewhere")
		}
		change(&p)
		p.Renewed++
		if err := tx.PutPerson(p); err != nil {
			return err
		}
		now = p.Actor(who.Via)
		now.SteppedUp = who.SteppedUp
		return g.tell(tx, code, map[string]any{"name": p.Name, "source": source.String()})
	})
	if err != nil {
		return who, err
	}
	return now, nil
}
