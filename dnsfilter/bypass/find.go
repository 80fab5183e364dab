package bypass

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// A Set is the services with a way to find them. It does not change; the zero
// Set knows none.
type Set struct {
	all   []Service
	names map[string]*Service // with all below, if it begins with a dot
}

// NewSet returns the Set of what is built in.
func NewSet() *Set {
	s := &Set{all: Services(), names: map[string]*Service{}}
	for i := range s.all {
		for _, n := range s.all[i].Names {
			s.names[n] = &s.all[i]
		}
	}
	return s
}

// ByName finds the service of a canonical name.
func (s *Set) ByName(name string) (Service, bool) {
	if s == nil || name == "" {
		return Service{}, false
	}
	if of := s.names[name]; of != nil {
		return *of, true
	}
	// The keys with all below begin with a dot: ".example.com".
	for rest := "." + name; rest != ""; {
		if of := s.names[rest]; of != nil {
			return *of, true
		}
		i := strings.IndexByte(rest[1:], '.')
		if i < 0 {
			break
		}
		rest = rest[1+i:]
	}
	return Service{}, false
}

// Hosts is the block list of a kind, in a form that package list reads as
// Hosts: exact names, and "||name^" for those with all below them.
func (s *Set) Hosts(k Kind) io.Reader {
	var b strings.Builder
	for _, of := range s.all {
		if of.Kind != k {
			continue
		}
		fmt.Fprintf(&b, "# %s: %s\n", of.Name, of.Source)
		for _, n := range of.Names {
			if below, ok := strings.CutPrefix(n, "."); ok {
				fmt.Fprintf(&b, "||%s^\n", below)
			} else {
				fmt.Fprintf(&b, "0.0.0.0 %s\n", n)
			}
		}
	}
	return strings.NewReader(b.String())
}

// Addrs are the addresses that serve nothing but DNS, without those of
// services that are wanted: by a canonical name of theirs, or one above or,
// where all below is theirs, below it.
func (s *Set) Addrs(wanted ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, of := range s.all {
		if !slices.ContainsFunc(wanted, of.meets) {
			out = append(out, of.Addrs...)
		}
	}
	return out
}

func (s Service) meets(name string) bool {
	return slices.ContainsFunc(s.Names, func(n string) bool {
		return strings.HasSuffix("."+strings.TrimPrefix(n, "."), "."+name) || n[0] == '.' && strings.HasSuffix("."+name, n)
	})
}
