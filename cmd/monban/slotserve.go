package main

import (
	"context"
	"fmt"
	"os"

	"monban/gateway/bootslot"
	"monban/gateway/bootslot/disk"
	"monban/gateway/control"
	"monban/gateway/text"
)

type slotServeCmd struct {
	Listen string `placeholder:"PATH" help:"Unix socket to make and serve on; without it the inherited socket named slot."`
}

// Run serves until it is stopped, or, activated by its socket, until nobody
// asks any more.
func (c *slotServeCmd) Run(e *env) error {
	s, err := slotsHere()
	if err != nil {
		return err
	}
	l, idle, err := rootSocket(c.Listen, "slot")
	if err != nil {
		return err
	}
	defer l.Close()
	return s.Serve(e.ctx, l, idle)
}

// slotsHere are those of the image this runs from.
func slotsHere() (*disk.Slots, error) {
	b, err := os.ReadFile(bootslot.ReleaseFile)
	if err != nil {
		return nil, fmt.Errorf("reading what release this is: %w", err)
	}
	release, err := bootslot.ParseRelease(b)
	if err != nil {
		return nil, err
	}
	keys, err := bootslot.Keys(os.DirFS(bootslot.KeyDir))
	if err != nil {
		return nil, err
	}
	here, err := disk.Here()
	if err != nil {
		return nil, err
	}
	return &disk.Slots{Machine: here, Release: release, Keys: keys}, nil
}

type slotTrialCmd struct {
	slots
	Control string `default:"/run/monban/monban.sock" help:"Control socket of the daemon." placeholder:"PATH"`
}

// Run keeps what is on trial or gives it up.
func (c *slotTrialCmd) Run(e *env) error {
	return disk.Watch{
		Slots:  c.client(),
		Health: c.health,
		Boot:   bootTime,
		Say: func(code string, v bootslot.Version) {
			fmt.Fprintln(e.stderr, "monban:", e.lang.Say(code, text.Args{"version": v}))
		},
		Warn: func(err error) { printError(err, e) },
	}.Run(e.ctx)
}

// health asks the daemon; one that does not answer is not healthy.
func (c *slotTrialCmd) health(ctx context.Context) (h bootslot.Health) {
	if err := (control.Client{Path: c.Control}).Get(ctx, "/health", &h); err != nil {
		return bootslot.Health{Why: []*text.Fault{text.NewFault("slot.trial.mute")}}
	}
	return h
}
