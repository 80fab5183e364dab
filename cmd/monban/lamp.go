package main

import (
	"fmt"

	"monban/gateway/lamp"
	"monban/gateway/text"
)

// lampCmd is what systemd starts when a unit the box cannot do without fails.
type lampCmd struct {
	Reason string `arg:"" help:"What failed: closed, rules, data or net."`
	Sys    string `hidden:"" default:"/sys" placeholder:"DIR"`
}

// Run says on the console and by the lamp what failed. It speaks English: the
// console has no other letters.
func (c *lampCmd) Run(e *env) error {
	s, ok := lamp.Find(c.Reason)
	if !ok {
		return fmt.Errorf("no sign for %q", c.Reason)
	}
	fmt.Fprintf(e.stdout, "MONBAN %d: %s\n", s.Code, text.EN.Say("lamp."+s.Reason, nil))
	_, err := lamp.Show(c.Sys, s)
	return err
}
