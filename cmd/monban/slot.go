package main

import (
	"fmt"
	"os"

	"monban/gateway/bootslot"
	"monban/gateway/bootslot/disk"
	"monban/gateway/text"
)

type slotCmd struct {
	Status  slotStatusCmd  `cmd:"" help:"Show which version runs, and what the other slot holds."`
	Check   slotCheckCmd   `cmd:"" help:"Say whether an update file can be installed on this box."`
	Install slotInstallCmd `cmd:"" help:"Write an update file into the other slot; the next restart tries it."`
	Commit  slotCommitCmd  `cmd:"" help:"Keep the version on trial."`
	Back    slotBackCmd    `cmd:"" help:"Do not try the new version, or go back to the one before."`
	Reboot  slotRebootCmd  `cmd:"" help:"Restart the box."`
	Serve   slotServeCmd   `cmd:"" help:"Change the slots for whoever asks at a Unix socket. Needs root."`
	Trial   slotTrialCmd   `cmd:"" help:"Keep the version on trial if it gets healthy, or else go back."`
}

// slots is embedded in each command that asks the service of the slots.
type slots struct {
	Socket string `default:"/run/monban/slot.sock" help:"Socket of the service." placeholder:"PATH"`
}

func (s slots) client() disk.Client { return disk.Client{Path: s.Socket} }

type slotStatusCmd struct {
	slots
	JSON bool `name:"json" help:"Print JSON for scripts."`
}

// Run prints how the slots stand.
func (c *slotStatusCmd) Run(e *env) error {
	s, err := c.client().Status(e.ctx)
	if err != nil {
		return err
	}
	return remote{JSON: c.JSON}.print(e.stdout, s, func() { printSlots(e, s) })
}

func printSlots(e *env, s bootslot.Status) {
	say := func(code string, v bootslot.Version) {
		fmt.Fprintln(e.stdout, e.lang.Say(code, text.Args{"version": v, "other": s.Other}))
	}
	r := s.Release
	fmt.Fprintln(e.stdout, e.lang.Say("command.slot.runs", text.Args{"version": r.Version, "board": r.Board, "arch": r.Arch, "slot": s.Slot}))
	switch {
	case s.Trial:
		say("command.slot.trial", r.Version)
	case s.Left == r.Version:
		say("command.slot.back", s.Other)
	default:
		say("command.slot.kept", r.Version)
	}
	switch {
	case s.Armed:
		say("command.slot.armed", s.Waiting)
	case !s.Waiting.IsZero():
		say("command.slot.waiting", s.Waiting)
	case !s.Other.IsZero():
		say("command.slot.other", s.Other)
	default:
		say("command.slot.none", bootslot.Version{})
	}
	if !s.Failed.IsZero() {
		say("command.slot.failed", s.Failed)
		for _, why := range s.Why {
			fmt.Fprintln(e.stdout, "-", e.lang.Say(why.Code, why.Args))
		}
	}
	if !s.Left.IsZero() && s.Left != r.Version {
		say("command.slot.left", s.Left)
	}
}

// updateFile is an update file given on the command line.
type updateFile struct {
	File string `arg:"" help:"The update file." placeholder:"monban_….update"`
}

func (u updateFile) open() (*os.File, error) {
	f, err := os.Open(u.File)
	if err != nil {
		return nil, text.NewFault("command.slot.no_file", "file", u.File).Because(err)
	}
	return f, nil
}

type slotCheckCmd struct {
	slots
	updateFile
}

// Run asks the service about the manifest. All else is looked at when it is
// written.
func (c *slotCheckCmd) Run(e *env) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	manifest, signature, err := bootslot.Head(f)
	if err != nil {
		return err
	}
	m, err := c.client().Check(e.ctx, manifest, signature)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("command.slot.fits", text.Args{"version": m.Version}))
	notes := m.Notes.JA
	if e.lang == text.EN {
		notes = m.Notes.EN
	}
	if notes != "" {
		fmt.Fprintln(e.stdout, printable(notes))
	}
	return nil
}

// printable takes what moves a terminal's cursor out of others' words.
func printable(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			out[i] = '?'
		}
	}
	return string(out)
}

type slotInstallCmd struct {
	slots
	updateFile
}

// Run writes the update and arms it.
func (c *slotInstallCmd) Run(e *env) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return text.NewFault("command.slot.no_file", "file", c.File).Because(err)
	}
	if err := c.client().Install(e.ctx, fi.Size(), bootslot.Sum{}, f); err != nil {
		return err
	}
	if err := c.client().Arm(e.ctx); err != nil {
		return err
	}
	s, err := c.client().Status(e.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("command.slot.written", text.Args{"version": s.Waiting}))
	return nil
}

type slotCommitCmd struct{ slots }

// Run keeps the running version.
func (c *slotCommitCmd) Run(e *env) error {
	if err := c.client().Commit(e.ctx); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("command.slot.kept", nil))
	return nil
}

type slotBackCmd struct{ slots }

// Run disarms what waits, or gives up the running version.
func (c *slotBackCmd) Run(e *env) error {
	before, err := c.client().Status(e.ctx)
	if err != nil {
		return err
	}
	if err := c.client().Back(e.ctx, nil); err != nil {
		return err
	}
	code, version := "command.slot.back", before.Other
	if before.Armed {
		code, version = "command.slot.stays", before.Release.Version
	}
	fmt.Fprintln(e.stdout, e.lang.Say(code, text.Args{"version": version}))
	return nil
}

type slotRebootCmd struct{ slots }

// Run restarts the box.
func (c *slotRebootCmd) Run(e *env) error {
	if err := c.client().Reboot(e.ctx); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("command.slot.restart", nil))
	return nil
}
