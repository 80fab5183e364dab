package main

import (
	"errors"
	"fmt"

	"monban/gateway/config"
	"monban/gateway/text"
)

type checkCmd struct {
	File string `arg:"" help:"The site.toml to check." placeholder:"site.toml"`
}

// Run prints every fault of the file with its key and line, one per line of
// stderr, and ends with status 1 if there is any.
func (c *checkCmd) Run(e *env) error {
	site, err := config.Check(c.File)
	if err == nil {
		err = plans(site)
	}
	if errors.Is(err, config.ErrNone) {
		return text.NewFault("config.none", "file", c.File)
	}
	if err != nil {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			fmt.Fprintln(e.stderr, e.lang.Say("config.faults", text.Args{"file": c.File, "count": len(many.Unwrap())}))
		}
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("config.ok", text.Args{"file": c.File,
		"vendors": len(site.Vendors), "devices": len(site.Devices), "lists": len(site.DNS.Lists)}))
	return nil
}
