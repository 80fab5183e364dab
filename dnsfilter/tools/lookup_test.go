package tools

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"monban/dnsfilter/list"
)

func load(t testing.TB) *Set {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLookup(t *testing.T) {
	s := load(t)
	for name, want := range map[string]struct {
		tool  string
		class Class
	}{
		"teamviewer.com":                                  {"TeamViewer", Block},
		"router15.teamviewer.com":                         {"TeamViewer", Block},
		"master1.teamviewer.com":                          {"TeamViewer", Block},
		"ping3.dyngate.com":                               {"TeamViewer", Block},
		"relay-0a1b2c3d.net.anydesk.com":                  {"AnyDesk", Block},
		"st-v3-univ-srs-win-123.api.splashtop.com":        {"Splashtop", Block},
		"my.splashtop.com":                                {"Splashtop", Block},
		"my.splashtop.eu":                                 {"Splashtop", Block},
		"www.splashtop.co.jp":                             {"Splashtop", Observe},
		"www.islonline.jp":                                {"ISL Online", Block},
		"x1.islonline.net":                                {"ISL Online", Block},
		"remotedesktop.google.com":                        {"Chrome Remote Desktop", Block},
		"remotedesktop-pa.googleapis.com":                 {"Chrome Remote Desktop", Block},
		"instantmessaging-pa.googleapis.com":              {"Chrome Remote Desktop", Shared},
		"www.rview.com":                                   {"RemoteView", Block},
		"stap.rview.com":                                  {"RemoteView", Block},
		"www.remotecall.com":                              {"RemoteCall", Block},
		"secure.logmein.com":                              {"LogMeIn", Block},
		"secure.logmeinrescue.com":                        {"LogMeIn Rescue", Block},
		"www.logmein123.com":                              {"LogMeIn Rescue", Block},
		"global.gotoassist.com":                           {"GoToAssist (GoTo Resolve)", Block},
		"devices.console.gotoresolve.com":                 {"GoToAssist (GoTo Resolve)", Block},
		"egwglobal.gotomeeting.getgo.com":                 {"GoToAssist (GoTo Resolve)", Observe},
		"instance-ab12cd-relay.screenconnect.com":         {"ConnectWise ScreenConnect", Block},
		"control.connectwise.com":                         {"ConnectWise ScreenConnect", Block},
		"university.connectwise.com":                      {"ConnectWise ScreenConnect", Observe},
		"clinic.beyondtrustcloud.com":                     {"BeyondTrust (Bomgar)", Block},
		"rs-ny.rustdesk.com":                              {"RustDesk", Block},
		"node123456.dwservice.net":                        {"DWService", Block},
		"assist.zoho.jp":                                  {"Zoho Assist", Block},
		"gateway.zohoassist.jp":                           {"Zoho Assist", Block},
		"mail.zoho.com":                                   {"Zoho Assist", Shared},
		"us4-dms.zoho.com":                                {"Zoho Assist", Shared},
		"a.dms.zoho.com":                                  {"ManageEngine Endpoint Central (Desktop Central)", Block},
		"remoteassistance.support.services.microsoft.com": {"Microsoft Quick Assist", Block},
		"other.support.services.microsoft.com":            {"Microsoft Quick Assist", Observe},
		"www.magicconnect.net":                            {"MagicConnect", Block},
		"c1.controller.dynamic-ip.thin.cyber.ipa.go.jp":   {"Thin Telework System (シン・テレワークシステム)", Block},
		"biz3.optim.co.jp":                                {"Optimal Remote", Shared},
		"a.b.c.d.e.f.g.h.teamviewer.com":                  {"TeamViewer", Block},
		"github.com":                                      {"GLPI Agent", Shared},
		"www.adobeconnect.com":                            {"Adobe Connect", Observe},
		"basecamp.com":                                    {"Basecamp", Shared},

		// Beside, above and below what is listed.
		"":                            {},
		"com":                         {},
		".":                           {},
		"..":                          {},
		"xteamviewer.com":             {},
		"teamviewer.com.evil.example": {},
		"teamviewer.com.":             {},
		"co.jp":                       {},
		"go.jp":                       {},
		"ipa.go.jp":                   {},
		"www.github.com":              {}, // only github.com is listed
		"launchpad.basecamp.com":      {},
		"google.com":                  {},
		"googleapis.com":              {},
	} {
		tool, class, ok := s.Lookup(name)
		if tool != want.tool || class != want.class || ok != (want.tool != "") {
			t.Errorf("%q: %q, %q, %v; want %+v", name, tool, class, ok, want)
		}
	}
	if _, _, ok := (*Set)(nil).Lookup("teamviewer.com"); ok || (*Set)(nil).Belongs("TeamViewer", "teamviewer.com") {
		t.Error("no set knows a tool")
	}
}

// A name that several tools use belongs to each of them, and shared ones to
// none: a window for a tool opens all it needs and nothing everybody uses.
func TestBelongs(t *testing.T) {
	s := load(t)
	for _, c := range []struct {
		tool, name string
		want       bool
	}{
		{"ISL Online", "x1.islonline.net", true},
		{"Barracuda RMM", "x1.islonline.net", true},
		{"Barracuda RMM", "www.islonline.com", false},
		{"TiFLUX", "my.splashtop.com", true},
		{"Splashtop", "my.splashtop.com", true}, // listed by TiFLUX alone, yet below Splashtop's
		{"TiFLUX", "x.relay.splashtop.com", false},
		{"LogMeIn Rescue", "secure.logmein.com", true},
		{"LogMeIn", "control.logmein-gateway.com", true},
		{"Zoho Assist", "assist.zoho.jp", true},
		{"Zoho Assist", "mail.zoho.jp", false},
		{"Zoho Assist", "x.dms.zoho.com", false},
		{"GLPI Agent", "github.com", false},
		{"GLPI Agent", "glpi-project.org", true},
		{"no such tool", "teamviewer.com", false},
		{"TeamViewer", "", false},
		{"TeamViewer", "com", false},
	} {
		if got := s.Belongs(c.tool, c.name); got != c.want {
			t.Errorf("%s, %q: %v", c.tool, c.name, got)
		}
	}
}

// slow is Lookup and Belongs as one would write them down: every domain of
// every tool, compared with the name.
func slow(s *Set, name string) (owner string, class Class, users map[string]bool) {
	users, size := map[string]bool{}, 0
	for _, t := range s.Tools() {
		for _, d := range t.Domains {
			if name != d.Name && !(d.Below && strings.HasSuffix(name, "."+d.Name)) {
				continue
			}
			users[t.Name] = users[t.Name] || d.Class != Shared
			if len(d.Name) > size {
				size, owner, class = len(d.Name), t.Name, d.Class
				if d.Of != "" {
					owner = d.Of
				}
			}
		}
	}
	if class == Shared {
		clear(users)
	}
	return owner, class, users
}

func sameAsSlow(t interface{ Fatalf(string, ...any) }, s *Set, name string) {
	owner, class, users := slow(s, name)
	if tool, c, ok := s.Lookup(name); tool != owner || c != class || ok != (owner != "") {
		t.Fatalf("%q: %q %q %v; slowly %q %q", name, tool, c, ok, owner, class)
	}
	for _, tool := range s.tools {
		if s.Belongs(tool.Name, name) != users[tool.Name] {
			t.Fatalf("%q belongs to %s: %v", name, tool.Name, !users[tool.Name])
		}
	}
}

func TestLookupAgainstSlow(t *testing.T) {
	s := load(t)
	var names []string
	for _, tool := range s.tools {
		for _, d := range tool.Domains {
			names = append(names, d.Name)
		}
	}
	piece := rapid.SampledFrom([]string{"", "a", "www.", "api.", "x.y.z.", ".", "-"})
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "name")
		name = name[rapid.IntRange(0, len(name)).Draw(t, "from"):]
		name = piece.Draw(t, "before") + name + piece.Draw(t, "after")
		sameAsSlow(t, s, name)
	})
}

// Anybody in the house chooses the names that are looked up.
func FuzzLookup(f *testing.F) {
	for _, name := range []string{"", ".", "a.teamviewer.com", "mail.zoho.jp", `a\046teamviewer.com`, strings.Repeat("a.", 126) + "co.jp"} {
		f.Add(name)
	}
	s := load(f)
	f.Fuzz(func(t *testing.T, name string) { sameAsSlow(t, s, name) })
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := load(t)
	for _, name := range []string{"www.some-clinic.example", "www.clinic.co.jp", "router15.teamviewer.com", "mail.zoho.jp"} {
		if n := testing.AllocsPerRun(100, func() { s.Lookup(name); s.Belongs("Zoho Assist", name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	s := load(b)
	for _, name := range []string{"www.some-clinic.example", "www.clinic.co.jp", "login.microsoftonline.com", "router15.teamviewer.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Lookup(name)
			}
		})
	}
}

// What look-ups take for canonical is what package list makes so.
func TestCanonicalIsThatOfLists(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "Z", "9", "-", "_", ".", "..", " ", "é", "例", "xn--", "*", strings.Repeat("b", 63)})
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "name"), "")
		c, err := list.Canonical(name)
		if want := err == nil && c == name && strings.Contains(name, "."); canonical(name) != want {
			t.Fatalf("%q: %v; package list makes it %q, %v", name, !want, c, err)
		}
	})
}
