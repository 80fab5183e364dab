package dnsfilter

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/dnsfilter/list"
)

func policy(t testing.TB) *Policy {
	t.Helper()
	b := list.NewBuilder(list.NewKey())
	hosts := "0.0.0.0 ads.example\n0.0.0.0 must.example\n0.0.0.0 www.fine.example\n0.0.0.0 cdn.tracker.example\n"
	if _, err := b.AddHosts(list.Source{Name: "広告", Text: strings.NewReader(hosts)}); err != nil {
		t.Fatal(err)
	}
	names := func(n ...string) Names {
		out, err := NewNames(n...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	p := &Policy{
		List: b.Build(), MustWork: names("Must.example."), Allowed: names("fine.example"), Private: names("nas.example"),
		Inside: []netip.Prefix{netip.MustParsePrefix("2001:db8:10::/64")},
	}
	p.AddLocal("monban.home.arpa", netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("2001:db8:10::1"))
	return p
}

func TestDecide(t *testing.T) {
	p := policy(t)
	for name, want := range map[string]struct {
		action       Action
		reason, zone string
	}{
		"www.example":             {Forward, Unlisted, ""},
		"":                        {Forward, Unlisted, ""},
		"jp":                      {Forward, Unlisted, ""},
		"ads.example":             {Refuse, Listed, ""},
		"x.ads.example":           {Forward, Unlisted, ""}, // hosts lines are exact
		"must.example":            {Forward, Needed, ""},
		"www.fine.example":        {Forward, Permitted, ""},
		"monban.home.arpa":        {Answer, Known, ""},
		"other.home.arpa":         {NoName, AtHome, "home.arpa"},
		"home.arpa":               {NoData, AtHome, "home.arpa"},
		"myhome.arpa":             {Forward, Unlisted, ""},
		"localhost":               {Answer, AtHome, "localhost"},
		"a.b.localhost":           {Answer, AtHome, "localhost"},
		"notlocalhost":            {Forward, Unlisted, ""},
		"printer.local":           {NoName, AtHome, "local"},
		"local":                   {NoData, AtHome, "local"},
		"a.test":                  {NoName, AtHome, "test"},
		"a.invalid":               {NoName, AtHome, "invalid"},
		"a.onion":                 {NoName, AtHome, "onion"},
		"a.alt":                   {NoName, AtHome, "alt"},
		"a.internal":              {NoName, AtHome, "internal"},
		"local.example":           {Forward, Unlisted, ""},
		"use-application-dns.net": {NoName, Canary, "net"},
		"mask.icloud.com":         {NoName, Canary, "icloud.com"},
		"mask-h2.icloud.com":      {NoName, Canary, "icloud.com"},
		"_dns.resolver.arpa":      {NoData, Canary, "resolver.arpa"},
		"x._dns.resolver.arpa":    {NoName, Canary, "resolver.arpa"},
		"resolver.arpa":           {NoData, Canary, "resolver.arpa"},

		"1.10.168.192.in-addr.arpa":   {Answer, Known, ""},
		"2.10.168.192.in-addr.arpa":   {NoName, AtHome, "168.192.in-addr.arpa"},
		"168.192.in-addr.arpa":        {NoData, AtHome, "168.192.in-addr.arpa"},
		"1.0.0.127.in-addr.arpa":      {Answer, AtHome, "127.in-addr.arpa"},
		"9.0.0.10.in-addr.arpa":       {NoName, AtHome, "10.in-addr.arpa"},
		"9.0.16.172.in-addr.arpa":     {NoName, AtHome, "16.172.in-addr.arpa"},
		"9.0.31.172.in-addr.arpa":     {NoName, AtHome, "31.172.in-addr.arpa"},
		"9.0.32.172.in-addr.arpa":     {Forward, Unlisted, ""},
		"9.0.15.172.in-addr.arpa":     {Forward, Unlisted, ""},
		"9.0.64.100.in-addr.arpa":     {NoName, AtHome, "64.100.in-addr.arpa"},
		"9.0.128.100.in-addr.arpa":    {Forward, Unlisted, ""},
		"8.8.8.8.in-addr.arpa":        {Forward, Unlisted, ""},
		"9.0.016.172.in-addr.arpa":    {Forward, Unlisted, ""},
		"172.in-addr.arpa":            {Forward, Unlisted, ""},
		"in-addr.arpa":                {Forward, Unlisted, ""},
		reverse("fd00::1"):            {Answer, Known, ""},
		reverse("fd00::2"):            {NoName, AtHome, "d.f.ip6.arpa"},
		reverse("fe80::2"):            {NoName, AtHome, "8.e.f.ip6.arpa"},
		reverse("2001:db8:10::1"):     {Answer, Known, ""},
		reverse("2001:db8:10::2"):     {NoName, AtHome, "8.b.d.0.1.0.0.2.ip6.arpa"},
		reverse("2400:4000::1"):       {Forward, Unlisted, ""},
		reverse("::"):                 {NoName, AtHome, reverse("::")[2:]},
		reverse("::1"):                {Answer, AtHome, reverse("::")[2:]},
		"x" + reverse("fd00::1")[1:]:  {NoName, AtHome, "d.f.ip6.arpa"},
		"256.10.168.192.in-addr.arpa": {NoName, AtHome, "168.192.in-addr.arpa"},
		"1.1.10.168.192.in-addr.arpa": {NoName, AtHome, "168.192.in-addr.arpa"},
	} {
		d := p.Decide(Ask{Client: netip.Addr{}, Name: name, At: time.Time{}})
		if d.Action != want.action || d.Reason != want.reason || d.Zone != want.zone {
			t.Errorf("%q: %+v, want %+v", name, d, want)
		}
		if d.Zone != "" && !below(name, d.Zone) {
			t.Errorf("%q is not below %q", name, d.Zone)
		}
	}
	if d := p.Decide(Ask{Client: netip.Addr{}, Name: "ads.example", At: time.Time{}}); d.List != "広告" || d.Line != 1 {
		t.Errorf("%+v", d)
	}
	if d := p.Decide(Ask{Client: netip.Addr{}, Name: reverse("fd00::1"), At: time.Time{}}); d.Host != "monban.home.arpa" {
		t.Errorf("%+v", d)
	}
}

// reverse is the reverse name of an IPv6 address, made another way than the
// code reads it.
func reverse(s string) string {
	const hex = "0123456789abcdef"
	b := netip.MustParseAddr(s).As16()
	var out []string
	for i := 15; i >= 0; i-- {
		out = append(out, string(hex[b[i]&15]), string(hex[b[i]>>4]))
	}
	return strings.Join(out, ".") + ".ip6.arpa"
}

func TestJudge(t *testing.T) {
	p := policy(t)
	addrs := func(s ...string) (out []netip.Addr) {
		for _, a := range s {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for what, c := range map[string]struct {
		name    string
		aliases []string
		addrs   []netip.Addr
		action  Action
		reason  string
		via     string
	}{
		"plain":             {"www.example", nil, addrs("192.0.2.1", "2001:db8::1"), Forward, Unlisted, ""},
		"alias on a list":   {"www.example", []string{"a.example", "cdn.tracker.example"}, nil, Refuse, Listed, "cdn.tracker.example"},
		"allowed all along": {"www.fine.example", []string{"cdn.tracker.example"}, nil, Forward, Unlisted, ""},
		"needed all along":  {"must.example", []string{"cdn.tracker.example"}, nil, Forward, Unlisted, ""},
		"alias to us":       {"www.example", []string{"monban.home.arpa"}, nil, Refuse, Rebinding, "monban.home.arpa"},
		"… though allowed":  {"must.example", []string{"x.localhost"}, nil, Refuse, Rebinding, "x.localhost"},
		"RFC 1918":          {"www.example", nil, addrs("192.0.2.1", "10.0.0.1"), Refuse, Rebinding, ""},
		"… though needed":   {"must.example", nil, addrs("10.0.0.1"), Refuse, Rebinding, ""},
		"loopback":          {"www.example", nil, addrs("127.9.9.9"), Refuse, Rebinding, ""},
		"loopback 6":        {"www.example", nil, addrs("::1"), Refuse, Rebinding, ""},
		"nothing":           {"www.example", nil, addrs("0.0.0.0"), Refuse, Rebinding, ""},
		"this network":      {"www.example", nil, addrs("0.1.2.3"), Refuse, Rebinding, ""},
		"link local":        {"www.example", nil, addrs("169.254.1.1"), Refuse, Rebinding, ""},
		"link local 6":      {"www.example", nil, addrs("fe80::1"), Refuse, Rebinding, ""},
		"ULA":               {"www.example", nil, addrs("fd12::1"), Refuse, Rebinding, ""},
		"shared space":      {"www.example", nil, addrs("100.64.1.1"), Refuse, Rebinding, ""},
		"beside it":         {"www.example", nil, addrs("100.128.1.1", "100.63.0.1"), Forward, Unlisted, ""},
		"mapped":            {"www.example", nil, addrs("::ffff:192.168.1.1"), Refuse, Rebinding, ""},
		"NAT64":             {"www.example", nil, addrs("64:ff9b::10.0.0.1"), Refuse, Rebinding, ""},
		"NAT64 outside":     {"www.example", nil, addrs("64:ff9b::192.0.2.1"), Forward, Unlisted, ""},
		"our own GUA":       {"www.example", nil, addrs("2001:db8:10::77"), Refuse, Rebinding, ""},
		"no address":        {"www.example", nil, []netip.Addr{{}}, Refuse, Rebinding, ""},
		"private allowed":   {"box.nas.example", nil, addrs("192.168.1.1"), Forward, Unlisted, ""},
	} {
		d := p.Judge(Ask{Client: netip.Addr{}, Name: c.name, At: time.Time{}}, c.aliases, c.addrs)
		if d.Action != c.action || d.Reason != c.reason || d.Via != c.via {
			t.Errorf("%s: %+v", what, d)
		}
	}
}

func TestNames(t *testing.T) {
	n, err := NewNames("Example.JP.", "日本語.jp")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"example.jp": true, "a.b.example.jp": true, "jp": false, "badexample.jp": false, "": false,
		"www.xn--wgv71a119e.jp": true,
	} {
		if n.Has(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	if _, err := NewNames("a..b"); err == nil {
		t.Error("rubbish is taken")
	}
}

// Whatever the name, a decision is one of the known ones and its zone is part
// of the name.
func TestDecideAnything(t *testing.T) {
	p := policy(t)
	piece := rapid.SampledFrom([]string{"", "a", "ads", "example", "arpa", "home", "in-addr", "ip6", "10", "172", "16", "016", "f", "e", "8",
		"localhost", "local", "resolver", "_dns", "168.192", strings.Repeat("0.", 32), `\046`})
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "name"), ".")
		d := p.Decide(Ask{Client: netip.Addr{}, Name: name, At: time.Time{}})
		if d.Action < Forward || d.Action > NoName || d.Reason == "" {
			t.Fatalf("%q: %+v", name, d)
		}
		if (d.Action == NoData || d.Action == NoName) && !below(name, d.Zone) {
			t.Fatalf("%q: zone %q", name, d.Zone)
		}
		if d.Action == Answer && len(d.Addrs) == 0 && d.Host == "" {
			t.Fatalf("%q: an empty answer", name)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := policy(b)
	for _, name := range []string{"www.some-clinic.example", "ads.example"} {
		b.Run(name, func(b *testing.B) {
			wire := []byte(name)
			at := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(Ask{Client: netip.Addr{}, Name: string(wire), At: at})
			}
		})
	}
}
