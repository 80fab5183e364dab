package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"monban/dnsfilter/bypass"
	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway"
	"monban/gateway/config"
)

// rulesCmd prints the rules, and at boot loads them. It needs no database, no
// network and no daemon, so that the box is closed and works before, and
// without, the service.
type rulesCmd struct {
	Config string `default:"/var/lib/monban/site.toml" help:"The configuration." placeholder:"FILE"`
	State  string `default:"/var/lib/monban" help:"State directory, where the last good configurations are." placeholder:"DIR"`
	Closed bool   `xor:"load" help:"Load the closed rules: everything is dropped. Stage 0 of the boot."`
	Boot   bool   `xor:"load" help:"Load the rules of the last good configuration, without any window. Stage 1 of the boot."`
}

// Run prints or loads the rules.
func (c *rulesCmd) Run(e *env) error {
	if c.Closed {
		return load(firewall.Closed())
	}
	rules, err := c.compile(e)
	if err != nil {
		return err
	}
	if !c.Boot {
		_, err := fmt.Fprint(e.stdout, rules)
		return err
	}
	// Before the rules, so that no flow is born under other settings; again
	// after them, since loading them may have brought the module whose
	// settings they are. The rules close the box without them too.
	_ = setSysctls()
	if err := load(rules); err != nil {
		return err
	}
	if err := setSysctls(); err != nil {
		fmt.Fprintln(e.stderr, "monban:", err)
	}
	return nil
}

// compile makes the rules of site.toml, or of the last good generation if the
// file is missing or broken, or the closed ones if there is none.
func (c *rulesCmd) compile(e *env) (firewall.Ruleset, error) {
	_, conf, err := goodSite(func() ([]byte, error) { return os.ReadFile(c.Config) }, c.State, e)
	if err != nil {
		fmt.Fprintln(e.stderr, "monban:", e.lang.Say("command.rules_closed", nil))
		return firewall.Closed(), nil
	}
	want, _, err := gateway.Plan(conf, nil, nil, bypass.NewSet(), nil)
	if err != nil && c.Boot {
		printError(err, e)
		return firewall.Closed(), nil
	}
	return want.Rules, err
}

// goodSite is what a box is run with before its daemon says so: site.toml, as
// read returns it, or the last good generation if it is missing or cannot be put
// in force, as the daemon judges it. It returns config.ErrNone if there is none.
func goodSite(read func() ([]byte, error), state string, e *env) ([]byte, config.Config, error) {
	b, err := read()
	if err == nil {
		var conf config.Config
		if conf, err = parseSite(b); err == nil {
			return b, conf, nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		printError(err, e)
	}
	conf, b, _, err := config.Generations{Dir: filepath.Join(state, "generations")}.LastGood()
	return b, conf, err
}

func load(rules firewall.Ruleset) error {
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	return k.Apply(rules)
}

// setSysctls sets the kernel settings the rules rely on. All are tried.
func setSysctls() error {
	var errs []error
	for _, s := range firewall.Sysctls() {
		if err := os.WriteFile("/proc/sys/"+s.Key, []byte(s.Value), 0o644); err != nil {
			errs = append(errs, fmt.Errorf("setting %s: %w", s.Key, err))
		}
	}
	return errors.Join(errs...)
}
