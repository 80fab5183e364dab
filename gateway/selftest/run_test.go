package selftest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/text"
)

func try(t *testing.T, k *kernel.Kernel) Result {
	t.Helper()
	r, err := Run(t.Context(), k, asked())
	must(t, err)
	t.Logf("%s %s %s: sent %d, counted %d, skipped %d, control %v %v, took %v", r.State, r.Why, r.Detail, r.Sent, r.Counted, r.Skipped, r.Passed, r.Cut, r.Took)
	for _, p := range r.Probes {
		if p.Got != p.Expect {
			t.Logf("  %s %s: %s", p.Target, p.Proto, p.Got)
		}
	}
	for _, name := range []string{probeIface, sinkIface} {
		if _, err := netlink.LinkByName(name); err == nil {
			t.Errorf("%s is left behind", name)
		}
	}
	return r
}

func wants(t *testing.T, r Result, s State, why string) {
	t.Helper()
	if r.State != s || r.Why != why {
		t.Errorf("%s %s, want %s %s", r.State, r.Why, s, why)
	}
}

// The right rules pass, twice, beside an open window, and nothing is left.
func TestRightRulesPass(t *testing.T) {
	if !alone(t) {
		return
	}
	k, _, _ := clinic(t)
	before, err := k.Read()
	must(t, err)
	vendor := firewall.Opening{Mark: 7, For: time.Minute, Passes: []firewall.Pass{{
		Source: netip.MustParsePrefix("198.51.100.0/24"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.7.20:3389")}}}
	_, err = k.OpenWindow(vendor)
	must(t, err)
	for range 2 {
		r := try(t, k)
		wants(t, r, OK, "")
		if !r.Passed || !r.Cut || r.Sent == 0 || r.Counted != r.Sent || r.Skipped != 0 {
			t.Errorf("%+v", r)
		}
		n := 0
		for _, p := range r.Probes {
			if p.Expect == Cut {
				n++
			}
		}
		if n != 4 {
			t.Errorf("control talked %d times, want TCP and UDP over IPv4 and IPv6", n)
		}
	}
	live, err := k.Live()
	must(t, err)
	if len(live) != 1 || live[0].Mark != 7 {
		t.Errorf("windows afterwards: %+v", live)
	}
	after, err := k.Read()
	must(t, err)
	if before != after {
		t.Error("the rules are not what they were")
	}
	if out, err := exec.Command("nft", "list", "set", "inet", "monban", "probe_if").CombinedOutput(); err != nil || slices.Contains([]byte(string(out)), '"') {
		t.Errorf("probe_if: %v %s", err, out)
	}
}

// Holes opened on purpose are found, be they heard or not.
func TestHolesAreFound(t *testing.T) {
	if !alone(t) {
		return
	}
	k, _, device := clinic(t)
	// It takes what comes and answers nothing.
	device(func() {
		c, err := net.ListenPacket("udp", ":500")
		must(t, err)
		t.Cleanup(func() { c.Close() })
	})
	good, err := firewall.Compile(policy())
	must(t, err)
	for _, c := range []struct{ name, rule, why, target string }{
		{"page reachable from outside", "insert rule inet monban wan_box tcp dport 443 accept", "selftest.got_in", "203.0.113.2:443"},
		{"everything to the LAN", "insert rule inet monban wan_lan accept", "selftest.got_in", "192.168.7.20:104"},
		{"a port of a device, IPv6 only", "insert rule inet monban forward ip6 daddr 2001:db8:7::20 tcp dport 445 accept", "selftest.got_in", "[2001:db8:7::20]:445"},
		{"one that nobody hears", "insert rule inet monban forward ip daddr 192.168.7.20 udp dport 500 accept", "selftest.not_counted", "192.168.7.20:500"},
		{"ping", "insert rule inet monban input icmpv6 type echo-request accept", "selftest.got_in", "[2001:db8:f::2]:0"},
		{"windows that do not end", "insert rule inet monban forward ct mark & 0x10000 != 0 accept", "selftest.not_cut", ""},
	} {
		nft(t, c.rule)
		t.Log(c.name)
		r := try(t, k)
		for again := 0; r.State == Unmeasured && again < 3; again++ {
			r = try(t, k) // a busy machine may lose the control: that proves nothing, either way
		}
		wants(t, r, Failed, c.why)
		found := c.target == ""
		for _, p := range r.Probes {
			found = found || p.Target.String() == c.target && (p.Got == Answered || p.Got == Missing)
		}
		if !found {
			t.Errorf("%s: the hole at %s is not named", c.name, c.target)
		}
		must(t, k.Apply(good))
	}
	wants(t, try(t, k), OK, "")
}

// Where the probe's packets do not reach the rules, nothing is proven.
func TestWithoutControlNothingIsProven(t *testing.T) {
	if !alone(t) {
		return
	}
	k, _, _ := clinic(t)
	nft(t, "insert rule inet monban honest iifname mbprobe drop")
	wants(t, try(t, k), Unmeasured, "selftest.no_control")
	must(t, k.Apply(firewall.Closed()))
	if r := try(t, k); r.State != Unmeasured {
		t.Errorf("with everything closed: %s", r.State)
	}
	nft(t, "delete table inet monban")
	if r := try(t, k); r.State == OK {
		t.Error("without any rule it passes")
	}
}

// Strangers who knock meanwhile do not make it fail or pass for nothing.
func TestNoiseFromOutside(t *testing.T) {
	if !alone(t) {
		return
	}
	k, outside, _ := clinic(t)
	stop := make(chan bool)
	ended := make(chan bool)
	go outside(func() {
		defer close(ended)
		c, err := net.Dial("udp", "203.0.113.2:53")
		must(t, err)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				_, _ = c.Write([]byte("knock"))
			}
		}
	})
	r := try(t, k)
	close(stop)
	<-ended
	if r.State == Failed {
		t.Errorf("noise makes it fail: %s", r.Why)
	}
	nft(t, "insert rule inet monban forward ip daddr 192.168.7.20 udp dport 500 accept")
	wants(t, try(t, k), Failed, "selftest.got_in")
}

// A run that dies leaves nothing: its interfaces go with the process, and the
// next run need not wait.
func TestDeadRunIsCleanedUp(t *testing.T) {
	if os.Getenv("SELFTEST_DIE") != "" {
		b, err := newBench(t.Context())
		must(t, err)
		k, err := kernel.Open()
		must(t, err)
		must(t, k.AddProbe(probeIface, probeFor))
		talks := b.talks(nil, nil)
		_, err = k.OpenWindow(firewall.Opening{Mark: firewall.Canary, For: canaryFor, Passes: []firewall.Pass{{
			Source: netip.PrefixFrom(b.probe6, 128), Proto: firewall.UDP, Inside: talks[0].sink}}})
		must(t, err)
		os.Stdout.WriteString("ready\n")
		select {}
	}
	if !alone(t) {
		return
	}
	k, _, _ := clinic(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestDeadRunIsCleanedUp$")
	cmd.Env = append(os.Environ(), "SELFTEST_DIE=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := netlink.LinkByName(probeIface); err != nil {
		t.Fatal("the other run has no probe")
	}
	var f *text.Fault
	if _, err := Run(t.Context(), k, asked()); !errors.As(err, &f) || f.Code != "selftest.busy" {
		t.Errorf("two at once: %v", err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	wants(t, try(t, k), OK, "")
}

// A run that is out of time says so, and does not claim anything.
func TestOutOfTime(t *testing.T) {
	if !alone(t) {
		return
	}
	k, _, _ := clinic(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	r, err := Run(ctx, k, asked())
	must(t, err)
	if r.State != Unmeasured {
		t.Errorf("%+v", r)
	}
	wants(t, try(t, k), OK, "")
}
