package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/lab"
)

// How much of what a gateway with two rules forwards ours must forward.
const (
	streamRatio = 0.97 // of a TCP connection's throughput
	packetRatio = 0.85 // of small packets
)

// plainRules are the least a gateway can do: answers pass, the LAN goes out
// under one address.
const plainRules = "add table inet plain; " +
	"add chain inet plain forward { type filter hook forward priority 0; policy drop; }; " +
	"add rule inet plain forward ct state established,related accept; add rule inet plain forward iifname lan0 accept; " +
	"add chain inet plain out { type nat hook postrouting priority 100; }; " +
	"add rule inet plain out oifname wan0 ip saddr 192.168.10.0/24 masquerade"

// BenchmarkForwarding compares three rulesets in the same namespaces, in turns:
// ours, the plain one, and none.
func BenchmarkForwarding(b *testing.B) {
	c := open(b)
	ip, err := exec.LookPath("ip")
	if err != nil {
		b.Fatal("this benchmark adds a route with ip; install the package iproute2")
	}
	// Without masquerading answers need a way back.
	c.run("lab", "exec", "--dir", c.dir, "isp", "--", ip, "route", "add", "192.168.10.0/24", "via", c.WAN[0].String())
	c.breakOpen(inbound(time.Hour, "3389"))
	c.run("lab", "kill", "--dir", c.dir) // it would put our rules back
	sets := []struct{ name, nft string }{
		{"plain", "add table inet monban { flags dormant; }; " + plainRules},
		{"ours", "add table inet monban; delete table inet plain"},
		{"none", "add table inet monban { flags dormant; }"},
	}
	stream, packets := rates{}, rates{}
	for b.Loop() {
		for range 15 {
			for _, s := range sets {
				c.nft(s.nft)
				stream[s.name] = append(stream[s.name], c.stream())
				packets[s.name] = append(packets[s.name], c.packets())
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(slices.Max(stream["ours"])/1e9, "Gbit/s")
	b.ReportMetric(slices.Max(packets["ours"])/1e3, "kpacket/s")
	for _, x := range []struct {
		unit string
		got  rates
		most float64
	}{{"stream", stream, streamRatio}, {"packets", packets, packetRatio}} {
		ratio := x.got.ratio("ours", "plain")
		b.ReportMetric(ratio, x.unit+"/plain")
		b.ReportMetric(x.got.ratio("ours", "none"), x.unit+"/none")
		b.Logf("%s: best %.4g, plain %.4g, none %.4g", x.unit, slices.Max(x.got["ours"]), slices.Max(x.got["plain"]), slices.Max(x.got["none"]))
		if ratio < x.most {
			b.Errorf("%s: %.3f of the plain gateway's, less than %.2f", x.unit, ratio, x.most)
		}
	}
}

// rates are what each round got through by each ruleset.
type rates map[string][]float64

// ratio is the median of the rounds' ratios: the two of a round had the same
// company on the machine.
func (r rates) ratio(a, b string) float64 {
	var all []float64
	for i := range r[a] {
		all = append(all, r[a][i]/r[b][i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

var web = netip.MustParseAddr("198.51.100.130")

// stream is what one TCP connection from the LAN gets through, in bit/s.
func (c *clinic) stream() float64 {
	c.t.Helper()
	at := netip.AddrPortFrom(web, 5001).String()
	k := c.start("internet", "sink", at)
	var s lab.Sunk
	k.read(&s)
	out, errs, status := c.in("reception", "flood", "--for", "400ms", at)
	if status != 0 {
		c.t.Fatalf("%s%s", out, errs)
	}
	f := decoded[lab.Flooded](c.t, out)
	k.stop()
	return float64(8*f.Bytes) / f.Took.Seconds()
}

// packets is how many datagrams of 18 bytes, the smallest frames, get through
// in a second.
func (c *clinic) packets() float64 {
	c.t.Helper()
	f, s := c.flood("reception", "internet", netip.AddrPortFrom(web, 5002), "--size", "18", "--for", "400ms")
	return float64(s.Arrived) / f.Took.Seconds()
}

// flood sends datagrams to a sink and says what each counted.
func (c *clinic) flood(from, to string, at netip.AddrPort, how ...string) (f lab.Flooded, s lab.Sunk) {
	c.t.Helper()
	k := c.start(to, "sink", "--udp", at.String())
	k.read(&s)
	out, errs, status := c.in(from, append([]string{"flood", "--udp"}, append(how, at.String())...)...)
	if status != 0 {
		c.t.Fatalf("%s%s", out, errs)
	}
	f = decoded[lab.Flooded](c.t, out)
	k.last(&s)
	return f, s
}

// BenchmarkReplaceRules replaces the whole ruleset again and again while
// 1 Gbit/s goes through an open window, of which not one packet may be lost.
func BenchmarkReplaceRules(b *testing.B) {
	const rate, port = 1_000_000_000, 24000
	c := open(b)
	c.breakOpen(inbound(time.Hour, fmt.Sprintf("%d/udp", port)))
	at := netip.AddrPortFrom(c.lan("rececom", true), port)
	how := []string{"--rate", fmt.Sprint(rate), "--for", "3s", "--together", "8"}
	var sent, replaced int
	// Without a replacement nothing may be lost, or this measures the machine.
	f, s := c.flood("vendor", "rececom", at, how...)
	if s.Got != f.Sent {
		b.Fatalf("this machine loses %d of %d packets by itself (%d since they came too fast)", f.Sent-s.Got, f.Sent, s.Overflow)
	}
	for b.Loop() {
		done := make(chan int)
		stop := make(chan struct{})
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					done <- n
					return
				default:
					c.replaceRules(n)
					n++
				}
			}
		}()
		f, s := c.flood("vendor", "rececom", at, how...)
		close(stop)
		n := <-done
		sent, replaced = sent+int(f.Sent), replaced+n
		if s.Got != f.Sent || n == 0 {
			b.Errorf("%d replacements: %d of %d packets lost (%d since they came too fast)", n, f.Sent-s.Got, f.Sent, s.Overflow)
		}
		if got := float64(8*f.Bytes) / f.Took.Seconds(); got < 0.95*rate {
			b.Errorf("only %.2f Gbit/s were sent", got/1e9)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(sent), "packets")
	b.ReportMetric(float64(replaced), "replacements")
}

// replaceRules changes site.toml so that the rules change, and waits until the
// kernel has them.
func (c *clinic) replaceRules(n int) {
	site := filepath.Join(c.dir, "site.toml")
	b, err := os.ReadFile(site)
	if err != nil {
		c.t.Error(err)
		return
	}
	mac := fmt.Sprintf("02:00:5e:11:%02x:%02x", n/256%256, n%256)
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "must_work = ") {
			lines[i] = fmt.Sprintf("exempt = [%q]\n", mac) + l
		}
		if strings.HasPrefix(l, "exempt = ") {
			lines[i] = ""
		}
	}
	if err := os.WriteFile(site, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		c.t.Error(err)
		return
	}
	if err := syscall.Kill(c.daemon(), syscall.SIGHUP); err != nil {
		c.t.Error(err)
		return
	}
	for range 100 {
		if out, _, _ := c.try("lab", "exec", "--dir", c.dir, "gateway", "--", "nft", "list", "set", "inet", "monban", "dns_exempt"); strings.Contains(out, mac) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Errorf("the rules were not replaced with %s", mac)
}
