package dnsfilter

import (
	"net/netip"
	"testing"
	"time"
)

func TestSafeSearch(t *testing.T) {
	p := &Policy{Groups: []Group{{Name: "default"}, {Name: "strict", Safe: SafeStrict}, {Name: "moderate", Safe: SafeModerate}},
		Members: map[netip.Addr]uint8{netip.MustParseAddr("192.168.10.1"): 1, netip.MustParseAddr("192.168.10.2"): 2}}
	for name, want := range map[string][2]string{ // strict and moderate
		"www.google.com":          {"forcesafesearch.google.com"},
		"www.google.co.jp":        {"forcesafesearch.google.com"},
		"www.google.com.tw":       {"forcesafesearch.google.com"},
		"www.google.cat":          {"forcesafesearch.google.com"},
		"www.google.example":      {""}, // not Google's
		"www.google.com.evil":     {""},
		"google.co.jp":            {""}, // leads to www
		"mail.google.com":         {""},
		"www.bing.com":            {"strict.bing.com"},
		"duckduckgo.com":          {"safe.duckduckgo.com"},
		"www.youtube.com":         {"restrict.youtube.com", "restrictmoderate.youtube.com"},
		"youtubei.googleapis.com": {"restrict.youtube.com", "restrictmoderate.youtube.com"},
		"search.brave.com":        {"forcesafe.search.brave.com"},
		"www.ecosia.org":          {"strict-safe-search.ecosia.org"},
		"pixabay.com":             {"safesearch.pixabay.com"},
		"yandex.ru":               {"familysearch.yandex.ru"},
		"search.yahoo.co.jp":      {""},
		"":                        {""},
	} {
		if want[1] == "" {
			want[1] = want[0]
		}
		for i, client := range []string{"192.168.10.1", "192.168.10.2"} {
			for _, typ := range []uint16{0, typeA, typeAAAA, typeCNAME} {
				d := p.Decide(Ask{Client: netip.MustParseAddr(client), Name: name, Type: typ, At: time.Now()})
				if want[i] == "" && d.Action != Forward || want[i] != "" && (d.Action != Rename || d.Host != want[i] || d.Reason != Safe || d.Group == "") {
					t.Errorf("%s, type %d: %+v", name, typ, d)
				}
			}
			for _, typ := range []uint16{typeHTTPS, typeSVCB} {
				if d := p.Decide(Ask{Client: netip.MustParseAddr(client), Name: name, Type: typ}); (d.Action == NoData) != (want[i] != "") {
					t.Errorf("%s, type %d: %+v", name, typ, d)
				}
			}
			const mx = 15
			if d := p.Decide(Ask{Client: netip.MustParseAddr(client), Name: name, Type: mx}); d.Action != Forward {
				t.Errorf("mail for %s: %+v", name, d)
			}
		}
		if d := p.Decide(Ask{Client: netip.MustParseAddr("192.168.10.3"), Name: name, Type: typeA}); d.Action != Forward {
			t.Errorf("without safe search, %s: %+v", name, d)
		}
	}
}

// An entrance that were led on to itself would never be reached, and one name
// must not depend on two answers.
func TestEntrancesAreNoEntry(t *testing.T) {
	for _, s := range []SafeSearch{SafeModerate, SafeStrict} {
		for _, name := range []string{"www.google.com", "www.bing.com", "duckduckgo.com", "www.youtube.com", "search.brave.com", "www.ecosia.org", "pixabay.com", "ya.ru"} {
			if host := s.entrance(name); host == "" || s.entrance(host) != "" {
				t.Errorf("%s leads to %q", name, host)
			}
		}
	}
}

// A list, the clinic's own word and a tool come before safe search; that a name
// must work does not mean that it must work unsafely.
func TestSafeSearchKnowsItsPlace(t *testing.T) {
	denied, _ := NewNames("www.bing.com")
	must, _ := NewNames("www.google.co.jp")
	p := &Policy{Groups: []Group{{Name: "default", Safe: SafeStrict}}, Denied: denied, MustWork: must,
		Local: map[string][]netip.Addr{"www.ecosia.org": {netip.MustParseAddr("192.168.10.1")}}}
	for name, want := range map[string]string{"www.bing.com": Denied, "www.google.co.jp": Safe, "www.ecosia.org": Known} {
		if d := p.Decide(Ask{Name: name, Type: typeA}); d.Reason != want {
			t.Errorf("%s: %+v", name, d)
		}
	}
	// Where another name leads is judged, but not renamed.
	if d := p.Judge(Ask{Name: "x.example", Type: typeA}, []string{"www.youtube.com"}, []netip.Addr{netip.MustParseAddr("203.0.113.1")}); d.Action != Forward {
		t.Errorf("%+v", d)
	}
	if d := p.Judge(Ask{Name: "x.example", Type: typeA}, []string{"www.bing.com"}, nil); d.Reason != Denied {
		t.Errorf("%+v", d)
	}
}
