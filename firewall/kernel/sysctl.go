package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"monban/firewall"
)

// Tune writes firewall.Sysctls for the caller's network namespace. It is for
// the boot unit and the lab; the daemon has no right to and calls Untuned.
func Tune() error {
	var errs []error
	for _, s := range firewall.Sysctls() {
		if err := os.WriteFile("/proc/sys/"+s.Key, []byte(s.Value), 0o644); err != nil {
			errs = append(errs, fmt.Errorf("setting %s to %s: %w", s.Key, s.Value, err))
		}
	}
	return errors.Join(errs...)
}

// Untuned returns the settings that are not as the rules need them.
func Untuned() []firewall.Sysctl {
	var out []firewall.Sysctl
	for _, s := range firewall.Sysctls() {
		b, err := os.ReadFile("/proc/sys/" + s.Key)
		if err != nil || strings.TrimSpace(string(b)) != s.Value {
			out = append(out, s)
		}
	}
	return out
}
