package dnsfilter

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"monban/dnsfilter/list"
	"monban/dnsfilter/tools"
)

var (
	desk  = netip.MustParseAddr("192.168.10.20")
	xray  = netip.MustParseAddr("192.168.10.30")
	xray6 = netip.MustParseAddr("fe80::30")

	strict = netip.MustParseAddr("192.168.10.40") // under answered-only egress
)

// toolPolicy has windows for two tools open on the X-ray machine, and one of
// their names on a list.
func toolPolicy(t testing.TB, enforced bool) *Policy {
	t.Helper()
	set, err := tools.Load()
	if err != nil {
		t.Fatal(err)
	}
	b := list.NewBuilder(list.NewKey())
	hosts := "0.0.0.0 router15.teamviewer.com\n0.0.0.0 tracker.example\n0.0.0.0 mail.zoho.com\n0.0.0.0 www.splashtop.com\n"
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
	granted := []string{"TeamViewer", "Barracuda RMM", "no such tool"}
	return &Policy{
		List: b.Build(), Tools: set, ToolsEnforced: enforced,
		MustWork: names("anydesk.com", "must.example"), Allowed: names("splashtop.com"),
		Local:    map[string][]netip.Addr{"monban.home.arpa": {netip.MustParseAddr("192.168.10.1")}, "rustdesk.com": {desk}},
		Granted:  map[netip.Addr][]string{xray: granted, xray6: granted},
		Answered: map[netip.Addr]bool{strict: true},
	}
}

func TestDecideTools(t *testing.T) {
	shared := func(name string) string {
		tool, class, ok := toolPolicy(t, true).Tools.Lookup(name)
		if !ok || class != tools.Shared {
			t.Fatalf("%s is of no tool that shares it", name)
		}
		return tool
	}
	const (
		tv  = "TeamViewer"
		isl = "ISL Online"
	)
	for _, c := range []struct {
		name     string
		client   netip.Addr
		enforced bool
		want     Decision
	}{
		{"router15.teamviewer.com", desk, true, Decision{Action: Refuse, Reason: ToolRefused, Tool: tv, Class: tools.Block}},
		{"router1.teamviewer.com", netip.Addr{}, true, Decision{Action: Refuse, Reason: ToolRefused, Tool: tv, Class: tools.Block}},
		{"router1.teamviewer.com", desk, false, Decision{Action: Forward, Reason: ToolObserved, Tool: tv, Class: tools.Block}},
		{"router15.teamviewer.com", desk, false, Decision{Action: Refuse, Reason: Listed, List: "広告", Line: 1, Tool: tv, Class: tools.Block}},
		// In a window, whatever the list says, and by each address of the device.
		{"router15.teamviewer.com", xray, true, Decision{Action: Forward, Reason: ToolGranted, Tool: tv, Class: tools.Block, Granted: true}},
		{"router15.teamviewer.com", xray6.WithZone("lan"), true, Decision{Action: Forward, Reason: ToolGranted, Tool: tv, Class: tools.Block, Granted: true}},
		{"router1.teamviewer.com", xray, false, Decision{Action: Forward, Reason: ToolGranted, Tool: tv, Class: tools.Block, Granted: true}},
		// A window for one tool opens what it borrows from another, and no more.
		{"x.islonline.net", xray, true, Decision{Action: Forward, Reason: ToolGranted, Tool: "Barracuda RMM", Class: tools.Block, Granted: true}},
		{"www.islonline.com", xray, true, Decision{Action: Refuse, Reason: ToolRefused, Tool: isl, Class: tools.Block}},
		{"x.islonline.net", desk, true, Decision{Action: Refuse, Reason: ToolRefused, Tool: isl, Class: tools.Block}},
		{"barracudamsp.com", xray, true, Decision{Action: Forward, Reason: ToolGranted, Tool: "Barracuda RMM", Class: tools.Observe, Granted: true}},
		// A device that reaches only what it was answered is told of no tool, from the first day on.
		{"router1.teamviewer.com", strict, false, Decision{Action: Refuse, Reason: ToolRefused, Tool: tv, Class: tools.Block}},
		{"barracudamsp.com", strict, false, Decision{Action: Refuse, Reason: ToolRefused, Tool: "Barracuda RMM", Class: tools.Observe}},
		{"github.com", strict, true, Decision{Action: Forward, Reason: Unlisted, Tool: shared("github.com"), Class: tools.Shared}},
		{"relay.net.anydesk.com", strict, true, Decision{Action: Forward, Reason: Needed}},
		// What the clinic wants comes before: no event, no gate.
		{"relay.net.anydesk.com", desk, true, Decision{Action: Forward, Reason: Needed}},
		{"relay.net.anydesk.com", desk, false, Decision{Action: Forward, Reason: Unlisted}},
		{"my.splashtop.com", desk, true, Decision{Action: Forward, Reason: Permitted}},
		{"www.splashtop.com", desk, true, Decision{Action: Forward, Reason: Permitted}},
		// The other classes are never refused but by a list.
		{"www.adobeconnect.com", desk, true, Decision{Action: Forward, Reason: Unlisted, Tool: "Adobe Connect", Class: tools.Observe}},
		{"www.zoho.com", desk, true, Decision{Action: Forward, Reason: Unlisted, Tool: "Zoho Assist", Class: tools.Shared}},
		{"mail.zoho.com", desk, true, Decision{Action: Refuse, Reason: Listed, List: "広告", Line: 3, Tool: "Zoho Assist", Class: tools.Shared}},
		// Names of no tool, and names of ours.
		{"www.example", xray, true, Decision{Action: Forward, Reason: Unlisted}},
		{"tracker.example", xray, true, Decision{Action: Refuse, Reason: Listed, List: "広告", Line: 2}},
		{"must.example", xray, true, Decision{Action: Forward, Reason: Unlisted}},
	} {
		p := toolPolicy(t, c.enforced)
		d := p.Decide(Ask{Client: c.client, Name: c.name, At: time.Time{}})
		if d.Addrs != nil || !same(d, c.want) {
			t.Errorf("%s of %v, enforced %v:\n%+v, want\n%+v", c.name, c.client, c.enforced, d, c.want)
		}
	}
	if d := toolPolicy(t, true).Decide(Ask{Client: desk, Name: "rustdesk.com", At: time.Time{}}); d.Action != Answer || d.Tool != "" {
		t.Errorf("a name of ours that is a tool's as well: %+v", d)
	}
}

func same(a, b Decision) bool {
	a.Addrs, b.Addrs = nil, nil
	return a.Action == b.Action && a.Reason == b.Reason && a.List == b.List && a.Line == b.Line && a.Via == b.Via &&
		a.Zone == b.Zone && a.Host == b.Host && a.Tool == b.Tool && a.Class == b.Class && a.Granted == b.Granted
}

func TestJudgeTools(t *testing.T) {
	for what, c := range map[string]struct {
		name    string
		aliases string
		client  netip.Addr
		want    Decision
		observe bool
	}{
		"alias to a tool": {"www.example", "a.example router1.teamviewer.com", desk,
			Decision{Action: Refuse, Reason: ToolRefused, Tool: "TeamViewer", Class: tools.Block, Via: "router1.teamviewer.com"}, false},
		"… while observing": {"www.example", "a.example router1.teamviewer.com", desk,
			Decision{Action: Forward, Reason: Unlisted, Tool: "TeamViewer", Class: tools.Block, Via: "router1.teamviewer.com"}, true},
		"… in its window": {"www.example", "www.adobeconnect.com router15.teamviewer.com", xray,
			Decision{Action: Forward, Reason: Unlisted, Tool: "TeamViewer", Class: tools.Block, Via: "router15.teamviewer.com", Granted: true}, false},
		"alias to another tool, in a window": {"www.example", "relay.rustdesk.com", xray,
			Decision{Action: Refuse, Reason: ToolRefused, Tool: "RustDesk", Class: tools.Block, Via: "relay.rustdesk.com"}, false},
		"a tool's name leads where its maker says": {"router1.teamviewer.com", "relay.rustdesk.com tracker.example", xray,
			Decision{Action: Forward, Reason: Unlisted}, false},
		"… but not inside": {"router1.teamviewer.com", "monban.home.arpa", xray,
			Decision{Action: Refuse, Reason: Rebinding, Via: "monban.home.arpa"}, false},
		"what must work, must": {"must.example", "router1.teamviewer.com", desk,
			Decision{Action: Forward, Reason: Unlisted}, false},
		"… and needs no gate": {"must.example", "router1.teamviewer.com", xray,
			Decision{Action: Forward, Reason: Unlisted}, false},
		"alias to a shared name": {"www.example", "www.zoho.com", desk,
			Decision{Action: Forward, Reason: Unlisted, Tool: "Zoho Assist", Class: tools.Shared, Via: "www.zoho.com"}, false},
	} {
		d := toolPolicy(t, !c.observe).Judge(Ask{Client: c.client, Name: c.name, At: time.Time{}}, strings.Fields(c.aliases), nil)
		if !same(d, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", what, d, c.want)
		}
	}
}

// Whatever the name and the windows: a shared name is never refused as a
// tool's, a name is granted only to the device with the window, and while
// observing nothing is refused that was not before.
func TestToolsProperties(t *testing.T) {
	p, observing := toolPolicy(t, true), toolPolicy(t, false)
	bare := toolPolicy(t, false)
	bare.Tools = nil
	var names []string
	for _, tool := range p.Tools.Tools() {
		for _, d := range tool.Domains {
			names = append(names, d.Name, "x."+d.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "name")
		for _, client := range []netip.Addr{desk, xray, {}} {
			d, o, b := p.Decide(Ask{Client: client, Name: name, At: time.Time{}}), observing.Decide(Ask{Client: client, Name: name, At: time.Time{}}), bare.Decide(Ask{Client: client, Name: name, At: time.Time{}})
			if d.Reason == ToolRefused && d.Class != tools.Block || d.Granted && (client != xray || d.Class == tools.Shared) {
				t.Fatalf("%s of %v: %+v", name, client, d)
			}
			if o.Action == Refuse && b.Action != Refuse || o.Reason == ToolRefused {
				t.Fatalf("%s of %v while observing: %+v", name, client, o)
			}
		}
	})
}

// A decision keeps nothing of the name it is about: package server asks about
// names in a buffer that it uses again.
func TestDecideKeepsNothing(t *testing.T) {
	p := toolPolicy(t, true)
	for name := range strings.FieldsSeq(`www.example tracker.example must.example my.splashtop.com relay.net.anydesk.com
		router15.teamviewer.com mail.zoho.com www.adobeconnect.com monban.home.arpa x.home.arpa localhost x.localhost
		printer.local a.test mask.icloud.com _dns.resolver.arpa 1.10.168.192.in-addr.arpa 9.0.31.172.in-addr.arpa
		1.0.0.127.in-addr.arpa 8.8.8.8.in-addr.arpa ` + reverse("fd00::1") + " " + reverse("::1")) {
		for _, client := range []netip.Addr{desk, xray} {
			b := []byte(name)
			view := unsafe.String(unsafe.SliceData(b), len(b))
			d := p.Decide(Ask{Client: client, Name: view, At: time.Time{}})
			j := p.Judge(Ask{Client: client, Name: view, At: time.Time{}}, []string{"router1.teamviewer.com"}, nil)
			for i := range b {
				b[i] = '!'
			}
			if want := p.Decide(Ask{Client: client, Name: name, At: time.Time{}}); !same(d, want) {
				t.Errorf("%s: %+v, want %+v", name, d, want)
			}
			if want := p.Judge(Ask{Client: client, Name: name, At: time.Time{}}, []string{"router1.teamviewer.com"}, nil); !same(j, want) {
				t.Errorf("%s: %+v, want %+v", name, j, want)
			}
		}
	}
}

func BenchmarkDecideTools(b *testing.B) {
	p := toolPolicy(b, true)
	for _, name := range []string{"www.some-clinic.example", "www.clinic.co.jp", "router1.teamviewer.com"} {
		b.Run(name, func(b *testing.B) {
			wire := []byte(name)
			at := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(Ask{Client: desk, Name: string(wire), At: at})
			}
		})
	}
}
