package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/lab"
)

// scan probes ports of target by raw SYN from a host outside.
func (c *clinic) scan(host, target string) lab.ScanResult {
	c.t.Helper()
	out, errs, status := c.in(host, "scan", target)
	var r lab.ScanResult
	if status != 0 || json.Unmarshal([]byte(out), &r) != nil {
		c.t.Fatalf("scanning %s from %s: %s%s", target, host, out, errs)
	}
	return r
}

// counter reads one of the kernel's counters with a tool that is not ours.
func (c *clinic) counter(name string) uint64 {
	c.t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil {
		c.t.Fatal("this test reads counters with nft; install the package nftables")
	}
	out := c.run("lab", "exec", "--dir", c.dir, "gateway", "--", nft, "-j", "list", "counter", "inet", "monban", name)
	var r struct {
		Nftables []struct {
			Counter struct{ Packets uint64 }
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Nftables) < 2 {
		c.t.Fatalf("reading counter %s: %v\n%s", name, err, out)
	}
	return r.Nftables[1].Counter.Packets
}

// Before any window nobody outside reaches a single TCP port of the box or of
// the receipt computer; the kernel counted every probe. A port opened on
// purpose is found, so that finding none means something.
func TestNothingIsOpen(t *testing.T) {
	c := open(t)
	time.Sleep(time.Second) // what the lab said to warm up has passed
	v6 := strings.TrimSuffix(strings.TrimPrefix(c.addr("rececom", true, 1), "["), "]:1")
	targets := []struct {
		what, addr, counter string
	}{
		{"the box, IPv4", c.WAN[0].String(), firewall.Refused(true, 4, firewall.TCP)},
		{"the box, IPv6", c.WAN[1].String(), firewall.Refused(true, 6, firewall.TCP)},
		{"the receipt computer, IPv6", v6, firewall.Refused(false, 6, firewall.TCP)},
	}
	for _, host := range []string{"vendor", "stranger"} {
		for _, x := range targets {
			before := c.counter(x.counter)
			r := c.scan(host, x.addr)
			counted := c.counter(x.counter) - before
			t.Logf("%s → %s: %d probes, %d counted, open %v, closed %d", host, x.what, r.Sent, counted, r.Open, r.Closed)
			if r.Sent != 65535 || len(r.Open) != 0 || r.Closed != 0 {
				t.Errorf("%s → %s: %+v", host, x.what, r)
			}
			if counted != uint64(r.Sent) {
				t.Errorf("%s → %s: %d probes sent, the kernel counted %d", host, x.what, r.Sent, counted)
			}
		}
	}
	c.breakGlass("rececom", "3389", 2*time.Minute)
	for _, x := range []struct{ host, addr, want string }{
		{"vendor", c.WAN[0].String(), "3389"}, {"vendor", v6, "3389"},
		{"stranger", c.WAN[0].String(), ""}, {"stranger", v6, ""},
	} {
		r := c.scan(x.host, x.addr)
		got, _ := json.Marshal(r.Open)
		if strings.Trim(string(got), "[]") != x.want && !(x.want == "" && len(r.Open) == 0) {
			t.Errorf("with a window open %s finds %s open at %s, want %q", x.host, got, x.addr, x.want)
		}
	}
}
