package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
)

// A group's lists hold for its devices alone and in its hours alone, by the
// gateway's clock, and its searches are led to the safe entrance.
func TestGroupsInTheClinic(t *testing.T) {
	c := open(t)
	file := filepath.Join(c.dir, "site.toml")
	site, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tokyo := time.FixedZone("JST", 9*3600)
	from, to := time.Now().In(tokyo).Add(-time.Hour), time.Now().In(tokyo).Add(time.Hour)
	next := strings.Replace(string(site), "\n[tools]", `
[[dns.group]]
name = "desks"
label = "受付まわり"
devices = ["reception"]
lists = []
safe_search = "strict"
[[dns.group.schedule]]
lists = ["lab"]
from = "`+from.Format("15:04")+`"
to = "`+to.Format("15:04")+`"

[tools]`, 1)
	if next == string(site) {
		t.Fatal("the example no longer has [tools]; change this test")
	}
	if err := os.WriteFile(file, []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(host, name, kind string) string {
		t.Helper()
		return strings.Join(c.asks(host, c.LAN[0].String(), name, kind).Answer, " ")
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 150 {
			if ok() {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(what)
	}
	until("searches are not led to the safe entrance", func() bool {
		return strings.Contains(ask("reception", "www.google.co.jp", "CNAME"), "forcesafesearch.google.com.")
	})
	if got := ask("reception", c.BlockedName, "A"); !strings.HasSuffix(got, "0.0.0.0") {
		t.Errorf("in the hours of the schedule: %s", got)
	}
	if got := ask("xray", "www.google.co.jp", "CNAME"); strings.Contains(got, "forcesafesearch") {
		t.Errorf("another group's device: %s", got)
	}
	out := c.run("dns", "explain", c.BlockedName, "--device", "reception", "--socket", c.Socket)
	if !strings.Contains(out, "受付まわり") || !strings.Contains(out, from.Format("15:04")+"–") {
		t.Errorf("explain says %s", out)
	}
	var x gateway.NameWhy
	c.ask(&x, "dns", "explain", c.BlockedName, "--device", "xray")
	if x.Group != "default" || x.Schedule != 0 || x.Action != "refuse" {
		t.Errorf("%+v", x)
	}
	if err := lab.SetClock(c.dir, lab.Clock{Ahead: 3 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	until("the schedule does not end with the clock", func() bool { return !strings.Contains(ask("reception", c.BlockedName, "A"), "0.0.0.0") })
	if got := ask("xray", c.BlockedName, "A"); !strings.HasSuffix(got, "0.0.0.0") {
		t.Errorf("the other devices' list ended, too: %s", got)
	}
}
