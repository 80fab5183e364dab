package dnsfilter

import (
	"fmt"
	"strings"

	"monban/dnsfilter/list"
)

// Names are names in canonical form, each standing for all below it as well.
type Names map[string]bool

// NewNames returns names as Names; what is no name is an error.
func NewNames(names ...string) (Names, error) {
	n := make(Names, len(names))
	for _, name := range names {
		c, err := Canonical(name)
		if err != nil {
			return nil, fmt.Errorf("reading name %q: %w", name, err)
		}
		n[c] = true
	}
	return n, nil
}

// Has says whether name or one above it is among n.
func (n Names) Has(name string) bool {
	if len(n) == 0 {
		return false
	}
	for {
		if n[name] {
			return true
		}
		_, above, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		name = above
	}
}

// Canonical returns the form in which names are compared: lower-case ASCII or
// punycode, without the dot at the end.
func Canonical(name string) (string, error) { return list.Canonical(name) }
