package webui_test

import (
	"context"
	"net/netip"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
)

// accountSide is the person's own way in.
type accountSide struct {
	recovered int    // times a recovery code was used
	password  string // the last that was set
	factors   int    // authenticators registered anew
}

func (f *fake) Account(context.Context, people.Actor) (gateway.Account, error) {
	return gateway.Account{RecoveryLeft: 10 - f.recovered}, nil
}

// renew ends all sign-ins but that of the actor it returns.
func (f *fake) renew(who people.Actor) people.Actor {
	f.director.Renewed++
	f.acts++
	who.Renewed = f.director.Renewed
	return who
}

func (f *fake) SetPassword(_ context.Context, _ netip.Addr, who people.Actor, old, password string) (people.Actor, error) {
	if err := f.stepped(who); err != nil {
		return who, err
	}
	if len(password) < 15 {
		return who, text.NewFault("people.password_short", "min", 15).On("password")
	}
	if old != rightPassword {
		return who, text.NewFault("people.wrong_password").On("old")
	}
	f.password = password
	return f.renew(who), nil
}

func (f *fake) BeginFactor(_ context.Context, who people.Actor) (string, error) {
	if err := f.stepped(who); err != nil {
		return "", err
	}
	f.pending = "own"
	return f.pending, nil
}

func (f *fake) FinishFactor(_ context.Context, _ netip.Addr, who people.Actor, pending, totp string) (people.Actor, error) {
	if pending == "" || pending != f.pending {
		return who, text.NewFault("people.factor_expired")
	}
	if totp != rightTOTP {
		return who, text.NewFault("people.wrong_totp").On("totp")
	}
	f.pending = ""
	f.factors++
	return f.renew(who), nil
}

func (f *fake) NewRecoveryCodes(_ context.Context, _ netip.Addr, who people.Actor) (people.Actor, []string, error) {
	if err := f.stepped(who); err != nil {
		return who, nil, err
	}
	f.recovered = 0
	return f.renew(who), []string{"newco-de001", "newco-de002"}, nil
}
