package main

import (
	"fmt"
	"time"

	"monban/gateway/lamp"
	"monban/gateway/text"
)

// lampWait is how long a lamp may take to be there.
const lampWait = 4 * time.Second

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
	// What failed may have failed before the lamp's driver found it.
	for until := time.Now().Add(lampWait); ; time.Sleep(lampWait / 20) {
		if had, err := lamp.Show(c.Sys, s); had || err != nil {
			return err
		}
		if time.Now().After(until) {
			fmt.Fprintln(e.stderr, "monban:", text.EN.Say("lamp.none", nil))
			return nil
		}
	}
}
