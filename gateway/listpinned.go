package gateway

import (
	_ "embed"
	"fmt"
	"strings"

	"monban/dnsfilter"
	"monban/gateway/config"
)

//go:embed pinned.txt
var pinnedText string

// A pinnedName is one that no list may begin to refuse by itself.
type pinnedName struct{ name, why string }

// pinned are the names that must work: those of the data file, and those of
// the configuration.
func pinned(c config.Config) ([]pinnedName, error) {
	var all []pinnedName
	for line := range strings.Lines(pinnedText) {
		name, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" || name[0] == '#' {
			continue
		}
		if c, err := dnsfilter.Canonical(name); err != nil || c != name {
			return nil, fmt.Errorf("names that must work: %q is none", name)
		}
		all = append(all, pinnedName{name, strings.TrimSpace(why)})
	}
	for _, name := range c.DNS.MustWork {
		all = append(all, pinnedName{name, fromSite})
	}
	return all, nil
}
