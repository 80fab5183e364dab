package gateway

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/window"
)

// Whoever loses his place in site.toml loses his open windows first; others
// keep theirs.
func TestRevoke(t *testing.T) {
	const second = "\n[[vendor]]\nname = \"acme\"\nsources = [\"198.51.100.64/29\"]\n"
	const vendor = `sources = ["198.51.100.8/29", "2001:db8:0:2::/64"]`
	for _, x := range []struct {
		name  string
		pairs []string
		gone  bool
	}{
		{"a range is taken away", []string{vendor, `sources = ["198.51.100.8/29"]`}, true},
		{"a range is made smaller", []string{vendor, `sources = ["198.51.100.8/30", "2001:db8:0:2::/64"]`}, true},
		{"the vendor is renamed", []string{`"rececom-hoshu"`, `"other"`}, true},
		{"the device is taken away", []string{"[[device]]\nname = \"rececom\"\nlabel = \"レセコン\"\nmac = \"00:1b:8b:00:00:31\"\nplace = \"受付\"\n", "",
			`device = "rececom"`, `device = "ehr"`}, true},
		{"a range is added", []string{vendor, `sources = ["198.51.100.8/29", "2001:db8:0:2::/64", "198.51.100.128/29"]`}, false},
		{"only the label changes", []string{"レセコン保守(株)", "レセコン保守株式会社"}, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := newBox(t)
			b.write("site.toml", string(config.Example)+second)
			b.start()
			b.seen(rececom, "192.168.10.31")
			b.seen(ehr, "192.168.10.32")
			w := b.opened(time.Hour, 3389)
			ask := want(time.Hour, 104)
			ask.Vendor, ask.Device = "acme", "ehr"
			other, err := b.BreakGlass(t.Context(), console, ask)
			if err != nil {
				t.Fatal(err)
			}
			b.edit(x.pairs...)
			s, _ := os.ReadFile(b.o.Config)
			b.write("site.toml", string(s)+second)
			b.Reload(t.Context())
			if m := b.current().mode; m != Guarding {
				t.Fatal(m, b.current().fault)
			}
			if x.gone {
				b.on(w.ID, window.Closed, window.Revoked)
			} else {
				b.on(w.ID, window.Open, "")
			}
			b.on(other.ID, window.Open, "")
			if _, live := b.fw.live[firewall.Mark(w.Mark)]; live == x.gone {
				t.Errorf("the kernel holds it: %v", live)
			}
			if b.lines("config.applied") != 1 {
				t.Error("not on record")
			}
		})
	}
}

// A request does not outlive what it was for, and neither does a window whose
// vendor went while the daemon was dead.
func TestTakenAway(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	asked, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	b.kill()
	b.edit(`"198.51.100.8/29", `, "", `to = "198.51.100.10"`, `to = "2001:db8:0:2::10"`)
	b.start()
	if m := b.current().mode; m != Guarding {
		t.Fatal(m, b.current().fault)
	}
	b.on(w.ID, window.Closed, window.Revoked)
	if len(b.fw.marks()) != 0 {
		t.Error("the kernel still holds it")
	}
	_, err = b.ApproveWindow(t.Context(), b.director(), asked.ID, 0, false)
	fails(t, err, "window.not_now")
	b.on(asked.ID, window.Lapsed, "")
}

// A broken site.toml keeps what was in force, also over a restart; windows
// stay, and people are told the key and the line.
func TestBrokenSite(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	rules := b.fw.rules
	b.edit(`interface = "lan0"`, `interface = "wan0"`)
	b.Reload(t.Context())
	check := func() {
		t.Helper()
		if err := b.guardOnce(t.Context()); err != nil {
			t.Error(err)
		}
		s, err := b.Status(t.Context())
		if err != nil || s.Mode != Kept || s.Clinic != "門番クリニック" {
			t.Errorf("%s %s, %v", s.Mode, s.Clinic, err)
		}
		if n, ok := b.note("gateway.site_kept"); !ok || n.Args["key"] == "" || n.Args["line"] == "" {
			t.Errorf("note %+v", n)
		}
		b.on(w.ID, window.Open, "")
		if b.fw.rules != rules {
			t.Error("the rules changed")
		}
	}
	check()
	if b.lines("config.refused") != 1 {
		t.Error("not on record")
	}
	b.kill().start()
	check()
	if b.lines("box.started.kept") != 1 {
		t.Error("not on record")
	}
	os.Remove(b.o.Config)
	b.Reload(t.Context())
	check0, _ := b.Status(t.Context())
	if check0.Mode != Kept {
		t.Error("a lost file:", check0.Mode)
	}
	b.edit()
	b.Reload(t.Context())
	if s, _ := b.Status(t.Context()); s.Mode != Guarding {
		t.Error("mended, and still", s.Mode)
	}
	b.on(w.ID, window.Open, "")
}

// Before there is a site.toml everything is closed but the page on the LAN.
func TestSetUpMode(t *testing.T) {
	for _, x := range []struct {
		name, lan, site string
		note            string
	}{
		{"no file", "lan0", "", "gateway.set_up"},
		{"no file, unknown board", "", "", "gateway.set_up"},
		{"broken from the start", "lan0", "version = 1\nclinic = 3\n", "gateway.site_broken"},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := newBox(t)
			b.o.SetUpLAN = x.lan
			os.Remove(b.o.Config)
			if x.site != "" {
				b.write("site.toml", x.site)
			}
			b.start()
			if s, _ := b.Status(t.Context()); s.Mode != SetUp || !s.RulesOK {
				t.Errorf("%+v", s)
			}
			if _, ok := b.note(x.note); !ok {
				t.Error("no note", x.note)
			}
			plan, _, err := b.plan()
			if err != nil {
				t.Fatal(err)
			}
			world := firewall.World{Box: []netip.Addr{netip.MustParseAddr("192.168.10.1")},
				Routes: []firewall.Route{{To: netip.MustParsePrefix("192.168.10.0/24"), Iface: "lan0"}, {To: netip.MustParsePrefix("0.0.0.0/0"), Iface: "wan0"}}}
			for _, p := range []struct {
				in, to string
				port   uint16
				page   bool
			}{{"lan0", "192.168.10.1", 443, true}, {"lan0", "192.168.10.1", 53, false}, {"lan0", "198.51.100.1", 443, false},
				{"wan0", "192.168.10.1", 443, false}, {"wan0", "192.168.10.31", 3389, false}} {
				from := map[string]string{"lan0": "192.168.10.21", "wan0": "198.51.100.10"}[p.in]
				d := plan.Rules.Decide(firewall.Packet{In: p.in, Source: netip.MustParseAddr(from), Target: netip.MustParseAddr(p.to),
					Proto: firewall.TCP, SourcePort: 40000, Port: p.port, Flags: firewall.FlagSYN, HopLimit: 64}, world)
				if (d.Verdict == firewall.Accept) != (p.page && x.lan != "") {
					t.Errorf("%s to %s:%d: %+v", p.in, p.to, p.port, d)
				}
			}
			if got := b.Inside(); (len(got) == 1) != (x.lan != "") {
				t.Errorf("the page answers on %v", got)
			}
			_, err = b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
			if err == nil {
				t.Error("asked for a window of nobody")
			}
			b.edit()
			b.Reload(t.Context())
			if s, _ := b.Status(t.Context()); s.Mode != Guarding {
				t.Error(s.Mode)
			}
			if err := b.guardOnce(t.Context()); err != nil || !strings.Contains(b.fw.rules, "198.51.100.8") {
				t.Error("the new site.toml is not in force", err)
			}
		})
	}
}

// The first site.toml comes from the provisioning place, once.
func TestProvision(t *testing.T) {
	b := newBox(t)
	b.o.Provision = filepath.Join(t.TempDir(), "provision.toml")
	if err := os.Rename(b.o.Config, b.o.Provision); err != nil {
		t.Fatal(err)
	}
	b.start()
	if m := b.current().mode; m != Guarding {
		t.Error(m)
	}
	if got, err := os.ReadFile(b.o.Config); err != nil || string(got) != string(config.Example) {
		t.Error("not copied:", err)
	}
	if err := os.WriteFile(b.o.Provision, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.kill().start()
	if m := b.current().mode; m != Guarding {
		t.Error("the provisioning place was read again:", m)
	}
}

// The lists of site.toml are in force and follow their files; one that cannot
// be read leaves the old ones.
func TestLists(t *testing.T) {
	b := newBox(t).start()
	explain := func(name string) Explanation {
		t.Helper()
		e, err := b.Explain(t.Context(), staff, name, inside)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := explain("ads.lab.example"); e.List != "lab" || e.Line != 1 {
		t.Errorf("%+v", e)
	}
	if len(b.dns.routes.Servers) != 2 {
		t.Errorf("upstreams %v", b.dns.routes)
	}
	b.write("lists/lab.hosts", "# new\n0.0.0.0 more.lab.example\nnonsense here!\n")
	if !b.listsChanged() {
		t.Fatal("a new list is not seen")
	}
	b.loadLists()
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := explain("more.lab.example"); e.Line != 2 {
		t.Errorf("%+v", e)
	}
	if e := explain("ads.lab.example"); e.List != "" {
		t.Errorf("the old list is in force: %+v", e)
	}
	if n, ok := b.note("gateway.list_bad_lines"); !ok || n.Args["bad"] != 1 {
		t.Errorf("note %+v", n)
	}
	os.Remove(filepath.Join(b.dir, "lists", "lab.hosts"))
	b.loadLists()
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := explain("more.lab.example"); e.List != "lab" {
		t.Errorf("half a filter: %+v", e)
	}
	if n, ok := b.note("gateway.list_unread"); !ok || n.Level != "caution" {
		t.Errorf("note %+v", n)
	}
}

// A device that site.toml no longer names loses that name, and only that.
func TestSiteNames(t *testing.T) {
	b := running(t)
	b.seen(ehr, "192.168.10.32")
	if err := b.NameDevice(t.Context(), staff, b.number(ehr), "カルテ機"); err != nil {
		t.Fatal(err)
	}
	b.edit("name = \"ehr\"\nlabel = \"電子カルテ\"", "name = \"karte\"\nlabel = \"電子カルテ\"", // a person named it
		"name = \"xray\"\nlabel = \"X線装置\"", "name = \"roentgen\"\nlabel = \"X線装置\"",
		"[[device]]\nname = \"printer\"\nlabel = \"プリンター\"\nmac = \"00:80:77:00:00:51\"\nplace = \"受付\"", "")
	b.Reload(t.Context())
	ds, err := b.Devices(t.Context(), staff)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range ds {
		got[d.MAC] = d.Name
	}
	for mac, name := range map[string]string{ehr.String(): "カルテ機", "00:20:6b:00:00:41": "roentgen", rececom.String(): "rececom", "00:80:77:00:00:51": ""} {
		if got[mac] != name {
			t.Errorf("%s is called %q, want %q", mac, got[mac], name)
		}
	}
}

// What provisioning could not take is told on the page; what it took is on
// record once, and a set-up code that was brought is the box's.
func TestProvisioned(t *testing.T) {
	b := newBox(t)
	b.o.Provisioned = filepath.Join(t.TempDir(), "report.json")
	site, err := os.ReadFile(b.o.Config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(b.o.Config); err != nil {
		t.Fatal(err)
	}
	write(b.o.Provisioned, `{"source":"stick","taken":false,"faults":[{"code":"config.missing","field":"lan.interface","args":{"line":7}}]}`)
	write(filepath.Join(b.dir, "setup-code.seed"), "ABCD EFGH JKMN PQRS\r\n")
	b.start()
	s, err := b.Status(t.Context())
	if err != nil || s.Mode != SetUp || len(s.Notes) == 0 || s.Notes[0].Code != "gateway.site_broken" || fmt.Sprint(s.Notes[0].Args["line"], " ", s.Notes[0].Args["key"]) != "7 lan.interface" {
		t.Errorf("%+v, %v", s.Notes, err)
	}
	if got := b.code(); got != "abcd-efgh-jkmn-pqrs" {
		t.Error("set-up code:", got)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "setup-code.seed")); !os.IsNotExist(err) {
		t.Error("the code still lies there as it was brought", err)
	}
	// A stick that comes later brings the one that counts from then on.
	write(filepath.Join(b.dir, "setup-code.seed"), "zzzz-efgh-jkmn-pqrs\n")
	b.kill().start()
	if got := b.code(); got != "zzzz-efgh-jkmn-pqrs" {
		t.Error("the set-up code that came later:", got)
	}
	b.kill()
	write(b.o.Config, string(site))
	write(b.o.Provisioned, `{"source":"stick","sha256":"ab","taken":true}`)
	write(filepath.Join(b.dir, "provisioned.json"), `{"source":"stick","sha256":"ab","taken":true}`)
	b.start().kill().start()
	if s, err := b.Status(t.Context()); err != nil || s.Mode != Guarding || b.lines("provision.taken.stick") != 1 {
		t.Errorf("%v, %d lines, %v", s.Mode, b.lines("provision.taken.stick"), err)
	}
}
