// Package bypass knows by which names and addresses devices get around a
// resolver: other public resolvers, Apple's relay, VPNs, Tor.
//
// It is data that is built in and reviewed by hand, and fetches nothing. What
// becomes of such a name or address is decided elsewhere.
package bypass

import (
	_ "embed"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"monban/dnsfilter/list"
)

//go:embed bypass.txt
var data string

// A Kind is a way around the resolver. As text it is the name of the block
// list of that way.
type Kind string

// The kinds.
const (
	DNS   Kind = "bypass-dns"   // public resolvers over HTTPS, TLS or QUIC
	Relay Kind = "bypass-relay" // iCloud Private Relay
	VPN   Kind = "bypass-vpn"   // consumer VPNs
	Tor   Kind = "bypass-tor"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{DNS, Relay, VPN, Tor} }

// A Service is one way around, as people call it.
type Service struct {
	Kind   Kind
	Name   string
	Source string         // where its makers say what is here
	Names  []string       // canonical; one that begins with a dot stands for all below it, too
	Addrs  []netip.Prefix // masked; they answer DNS and nothing else
}

// Hosts is the block list of a kind, in a form that package list reads as
// Hosts: exact names, and "||name^" for those with all below them.
func Hosts(k Kind) io.Reader {
	var b strings.Builder
	for _, s := range Services() {
		if s.Kind != k {
			continue
		}
		fmt.Fprintf(&b, "# %s: %s\n", s.Name, s.Source)
		for _, n := range s.Names {
			if below, ok := strings.CutPrefix(n, "."); ok {
				fmt.Fprintf(&b, "||%s^\n", below)
			} else {
				fmt.Fprintf(&b, "0.0.0.0 %s\n", n)
			}
		}
	}
	return strings.NewReader(b.String())
}

// Addrs are the addresses that serve nothing but DNS.
func Addrs() []netip.Prefix { return AddrsBut(nil) }

// AddrsBut are those of services that are not wanted: by a canonical name of
// theirs, or one above or, where all below is theirs, below it.
func AddrsBut(wanted []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range Services() {
		if !slices.ContainsFunc(wanted, s.meets) {
			out = append(out, s.Addrs...)
		}
	}
	return out
}

func (s Service) meets(name string) bool {
	return slices.ContainsFunc(s.Names, func(n string) bool {
		return strings.HasSuffix("."+strings.TrimPrefix(n, "."), "."+name) || n[0] == '.' && strings.HasSuffix("."+name, n)
	})
}

// Services are all services, in the order of the file.
func Services() []Service {
	all, err := parse(data)
	if err != nil {
		panic(err) // the file is embedded, and tested
	}
	return all
}

// parse reads the data file. A fault of it is an error with its line.
func parse(text string) ([]Service, error) {
	var all []Service
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if f := strings.Split(line, " | "); len(f) == 3 {
			s := Service{Kind: Kind("bypass-" + f[0]), Name: f[1], Source: f[2]}
			if !slices.Contains(Kinds(), s.Kind) || s.Name == "" {
				return nil, fmt.Errorf("line %d: no such kind or no name", n)
			}
			all = append(all, s)
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("line %d: of no service", n)
		}
		s := &all[len(all)-1]
		if p, ok := prefix(line); ok {
			s.Addrs = append(s.Addrs, p)
			continue
		}
		dot := strings.HasPrefix(line, ".")
		name, err := list.Canonical(strings.TrimPrefix(line, "."))
		if err != nil || !strings.Contains(name, ".") {
			return nil, fmt.Errorf("line %d: %q is no name", n, line)
		}
		if dot {
			name = "." + name
		}
		s.Names = append(s.Names, name)
	}
	return all, nil
}

// prefix reads an address or a range.
func prefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), a.Zone() == ""
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil && p == p.Masked()
}
