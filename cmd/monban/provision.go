package main

import (
	"errors"
	"fmt"
	"time"

	"monban/dnsfilter/bypass"
	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/netchange"
	"monban/gateway/provision"
	"monban/gateway/text"
)

// provisionCmd brings a box its first site.toml before anything that needs one
// starts.
type provisionCmd struct {
	onBox
	Dev      string        `hidden:"" default:"/dev" placeholder:"DIR"`
	Root     string        `hidden:"" default:"/" placeholder:"DIR"`
	Patience time.Duration `default:"10s" help:"How long a USB stick may take to be there." placeholder:"TIME"`
}

// Run takes a site.toml from the first partition or a stick, unless the box has
// one. It speaks English: the console has no other letters. A wrong file is no
// error, the box is set up by the page or stays closed.
func (c *provisionCmd) Run(e *env) error {
	state, err := netchange.OpenState(c.State)
	if err != nil {
		return err
	}
	defer state.Close()
	_, _, err = goodSite(func() ([]byte, error) { return state.Read(netchange.Site) }, c.State, e)
	if err == nil || !errors.Is(err, config.ErrNone) {
		return err
	}
	r, err := provision.Run(e.ctx, provision.Options{
		State: state, Run: c.RunDir, Patience: c.Patience, Check: checkSite,
		Machine: provision.Machine{Sys: c.Sys, Dev: c.Dev, Root: c.Root},
	})
	fmt.Fprint(e.stdout, r.Say(text.EN))
	return err
}

// checkSite says what keeps a site.toml from being put in force.
func checkSite(b []byte) error {
	c, err := config.Parse(b)
	if err == nil {
		_, _, err = gateway.Plan(c, nil, nil, bypass.NewSet(), nil)
	}
	return err
}
