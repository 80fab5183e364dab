package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"monban/dnsfilter/bypass"
	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/netchange"
	"monban/gateway/people"
	"monban/gateway/provision"
	"monban/gateway/text"
)

// provisionCmd brings a box its first site.toml before anything that needs one
// starts.
type provisionCmd struct {
	onBox
	Dev      string        `hidden:"" default:"/dev" placeholder:"DIR"`
	Patience time.Duration `default:"10s" help:"How long a USB stick may take to be there." placeholder:"TIME"`
}

// Run takes a site.toml from the first partition or a stick, unless the box has
// one. It speaks English: the console has no other letters. A wrong file is no
// error: the box stays closed, but for the page on its LAN port, and looks again
// at the next start.
func (c *provisionCmd) Run(e *env) error {
	state, err := netchange.OpenState(c.State)
	if err != nil {
		return err
	}
	defer state.Close()
	if err := c.take(e, state); err != nil {
		return err
	}
	return c.sayCode(e, state)
}

func (c *provisionCmd) take(e *env, state netchange.State) error {
	_, _, err := goodSite(func() ([]byte, error) { return state.Read(netchange.Site) }, c.State, e)
	if err == nil || !errors.Is(err, config.ErrNone) {
		return err
	}
	r, err := provision.Run(e.ctx, provision.Options{
		State: state, Run: c.RunDir, Patience: c.Patience, Check: checkSite,
		Machine: provision.Machine{Sys: c.Sys, Dev: c.Dev},
	})
	fmt.Fprint(e.stdout, r.Say(text.EN))
	return err
}

// sayCode shows the set-up code on the console until it is used: whoever stands
// there is trusted, as who can read the label. For a box that was brought none
// it is made here, since nobody can log in to read the one the service makes.
func (c *provisionCmd) sayCode(e *env, state netchange.State) error {
	file := gateway.SetUpFile
	switch {
	case state.Has("monban.db") && !state.Has(file): // it was used; none that is brought counts
		return nil
	case state.Has(provision.Seed): // the service will put it in the other's place
		file = provision.Seed
	case state.Has(file):
	default:
		code, _ := people.NewSetupCode()
		if err := state.Write(provision.Seed, []byte(code+"\n")); err != nil {
			return fmt.Errorf("keeping the set-up code: %w", err)
		}
		file = provision.Seed
	}
	b, err := state.Read(file)
	if err != nil {
		return fmt.Errorf("reading the set-up code: %w", err)
	}
	if code, _, ok := people.SetupCode(string(b)); ok {
		line := text.EN.Say("provision.code_shown", text.Args{"code": code}) + "\n"
		if c.onConsole(line) != nil {
			fmt.Fprint(e.stdout, line) // rather in the journal than nowhere
		}
	}
	return nil
}

// onConsole writes to the console alone: what goes to stdout is in the journal,
// too, where a secret has no business.
func (c *provisionCmd) onConsole(s string) error {
	f, err := os.OpenFile(filepath.Join(c.Dev, "console"), os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("opening the console: %w", err)
	}
	_, err = io.WriteString(f, s)
	return errors.Join(err, f.Close())
}

// checkSite says what keeps a site.toml from being put in force.
func checkSite(b []byte) error {
	_, err := parseSite(b)
	return err
}

// parseSite reads a site.toml that can be put in force.
func parseSite(b []byte) (config.Config, error) {
	c, err := config.Parse(b)
	if err == nil {
		err = plans(c)
	}
	return c, err
}

// plans says what no rules can be made of: it is as bad as what cannot be read.
func plans(c config.Config) error {
	_, _, err := gateway.Plan(c, nil, nil, bypass.NewSet(), nil)
	return err
}
