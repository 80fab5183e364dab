// Package bypass knows by which names and addresses devices get around a
// resolver: other public resolvers, Apple's relay, VPNs, Tor.
//
// It is data that is built in and reviewed by hand, and fetches nothing. What
// becomes of such a name or address is decided elsewhere.
package bypass

import (
	_ "embed"
	"fmt"
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
