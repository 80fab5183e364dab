package bypass_test

import (
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"monban/dnsfilter/bypass"
	"monban/dnsfilter/list"
	"monban/dnsfilter/tools"
)

// The data is what the file's head says of it: each name and address once, no
// range so wide that it could hold anything but one operator's resolvers.
func TestData(t *testing.T) {
	names, kinds := map[string]string{}, map[bypass.Kind]int{}
	var nets []netip.Prefix
	for _, s := range bypass.Services() {
		kinds[s.Kind]++
		if len(s.Names) == 0 || s.Source == "" {
			t.Errorf("%s: without names or source", s.Name)
		}
		if s.Kind != bypass.DNS && len(s.Addrs) > 0 {
			t.Errorf("%s: only resolvers have addresses of nothing else", s.Name)
		}
		for _, n := range s.Names {
			n = strings.TrimPrefix(n, ".")
			if other, ok := names[n]; ok {
				t.Errorf("%s is of %s and of %s", n, other, s.Name)
			}
			names[n] = s.Name
		}
		for _, p := range s.Addrs {
			a := p.Addr()
			if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is4() && p.Bits() < 24 || a.Is6() && p.Bits() < 48 {
				t.Errorf("%s: %s", s.Name, p)
			}
			if slices.ContainsFunc(nets, p.Overlaps) {
				t.Errorf("%s: %s is there twice", s.Name, p)
			}
			nets = append(nets, p)
		}
	}
	for _, k := range bypass.Kinds() {
		if kinds[k] == 0 {
			t.Errorf("nothing of kind %s", k)
		}
	}
	if got := bypass.NewSet().Addrs(); len(got) != len(nets) {
		t.Errorf("%d addresses of %d", len(got), len(nets))
	}
}

// A name of a remote-support tool is that, and nothing else: windows open it.
func TestNoToolIsAWayAround(t *testing.T) {
	set, err := tools.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range bypass.Services() {
		for _, n := range s.Names {
			if tool, class, ok := set.Lookup(strings.TrimPrefix(n, ".")); ok && class != tools.Shared {
				t.Errorf("%s of %s is a name of the tool %s", n, s.Name, tool)
			}
		}
	}
}

// Each list is read without a word left out, and refuses what the Set knows.
func TestHosts(t *testing.T) {
	set, b := bypass.NewSet(), list.NewBuilder(list.NewKey())
	for _, k := range bypass.Kinds() {
		r, err := b.AddHosts(list.Source{Name: string(k), Text: set.Hosts(k)})
		if err != nil || r.Bad+r.Unusable > 0 || r.Names == 0 {
			t.Errorf("%s: %+v, %v", k, r, err)
		}
	}
	l := b.Build()
	for name, want := range map[string]bypass.Kind{
		"dns.google": bypass.DNS, "mozilla.cloudflare-dns.com": bypass.DNS, "abc123.dns.nextdns.io": bypass.DNS, "public.dns.iij.jp": bypass.DNS,
		"mask-api.icloud.com": bypass.Relay, "api.nordvpn.com": bypass.VPN, "bridges.torproject.org": bypass.Tor,
		"google": "", "www.google.com": "", "icloud.com": "", "www.icloud.com": "", "iij.jp": "", "cloudflare.com": "", "mullvad.net": "", "": "",
	} {
		e, listed := l.Lookup(name)
		s, known := set.ByName(name)
		if listed != (want != "") || known != listed || e.List != string(want) || s.Kind != want {
			t.Errorf("%q: on list %q (%t), known as %q (%t), want %q", name, e.List, listed, s.Kind, known, want)
		}
	}
	var none *bypass.Set
	if _, ok := none.ByName("dns.google"); ok {
		t.Error("no set knows something")
	}
	if b, err := io.ReadAll(set.Hosts("bypass-none")); len(b) > 0 || err != nil {
		t.Error("a list of no kind")
	}
}

// What the site wants to work keeps its addresses.
func TestAddrs(t *testing.T) {
	set, google := bypass.NewSet(), netip.MustParsePrefix("8.8.8.8/32")
	for name, kept := range map[string]bool{"dns.google": true, "google": true, "x.dns.google": true, "google.com": true, "www.google.com": false, "ogle": false} {
		but := set.Addrs("www.example", name)
		if slices.Contains(but, google) == kept || !slices.Contains(set.Addrs(), google) || len(but) == 0 {
			t.Errorf("%s: %v", name, but)
		}
	}
}

// It is asked each time the rules are planned, every few seconds.
func BenchmarkAddrs(b *testing.B) {
	set := bypass.NewSet()
	for b.Loop() {
		if len(set.Addrs("www.example")) == 0 {
			b.Fatal("none")
		}
	}
}
