package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/lab"
)

// flood sends datagrams to a sink and says what each counted.
func (c *clinic) flood(from, to string, at netip.AddrPort, how ...string) (f lab.Flooded, s lab.Sunk) {
	c.t.Helper()
	k := c.start(to, "sink", at.String())
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
	how := []string{"--rate", fmt.Sprint(rate), "--for", "3s", "--together", "16"}
	pid := c.daemon()
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
					c.replaceRules(pid, n)
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
func (c *clinic) replaceRules(pid, n int) {
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
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
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
