package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
)

// A well-known public resolver, by its built-in addresses.
const (
	public4 = "8.8.8.8"
	public6 = "2001:4860:4860::8888"
)

// website is where www.lab.example is, on a port that QUIC has as well.
const website = "198.51.100.130:443"

// resolverOutside puts a public resolver into the pretend internet: an echo on
// HTTPS and on 853, by TCP and UDP.
func (c *clinic) resolverOutside() {
	c.t.Helper()
	ip, err := exec.LookPath("ip")
	if err != nil {
		c.t.Fatal("this test adds addresses with ip; install the package iproute2")
	}
	for _, cmd := range []string{
		"internet addr add " + public4 + "/32 dev eth0", "internet addr add " + public6 + "/128 dev eth0 nodad",
		"isp route add " + public4 + "/32 via 198.51.100.130", "isp route add " + public6 + "/128 via 2001:db8:0:4::130",
	} {
		host, args, _ := strings.Cut(cmd, " ")
		c.run(append([]string{"lab", "exec", "--dir", c.dir, host, "--", ip}, strings.Fields(args)...)...)
	}
	for _, udp := range [][]string{nil, {"--udp"}} {
		at := []string{net.JoinHostPort(public4, "443"), net.JoinHostPort(public6, "443"), net.JoinHostPort(public4, "853"), website}
		k := c.start("internet", append(append([]string{"listen"}, udp...), at...)...)
		for range at {
			if _, err := k.out.ReadString('\n'); err != nil {
				c.t.Fatalf("no echo: %v %s", err, &k.errs)
			}
		}
	}
}

// asks puts a question from a host.
func (c *clinic) asks(host, server, name, kind string) lab.Lookup {
	c.t.Helper()
	out, errs, status := c.in(host, "dns", server, name, kind)
	var l lab.Lookup
	if status != 0 || json.Unmarshal([]byte(out), &l) != nil {
		c.t.Fatalf("%s asking %s for %s %s: %s%s", host, server, name, kind, out, errs)
	}
	return l
}

// turnedAway wants a host to be told at once that nobody is there. Told late
// it would say "timeout".
func (c *clinic) turnedAway(host, network, to string) {
	c.t.Helper()
	args := []string{"pipe", "--for", "20s"}
	if network == "udp" { // the tool sends what it is given to the end
		args = []string{"pipe", "--for", "3s", "--udp"}
	}
	began := time.Now()
	cmd := exec.Command(self(c.t), append([]string{"--lang", "en", "lab", "exec", "--dir", c.dir, host, "--", self(c.t), "lab", "tool"}, append(args, to)...)...)
	cmd.Stdin = strings.NewReader("are you there\n")
	out, _ := cmd.CombinedOutput()
	if took := time.Since(began); !strings.Contains(string(out), "refused") || took > 10*time.Second {
		c.t.Errorf("%s %s %s: after %v: %s", host, network, to, took, out)
	}
}

// Whatever a PC was set up to use, its names are asked here: plain DNS to a
// resolver of its own is answered by us, DNS over TLS and HTTPS to it is refused
// at once, so that it falls back. The page and the log say who tried; the
// terminal that is exempt reaches all of it and is not even counted.
func TestGoingAroundIsStoppedAndSeen(t *testing.T) {
	c := open(t)
	c.resolverOutside()
	site := filepath.Join(c.dir, "site.toml")
	b, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(b), "must_work = [", "exempt = [\"xray\"]\nmust_work = [", 1)
	if err := os.WriteFile(site, []byte(next), 0o644); err != nil || next == string(b) {
		t.Fatal("the example no longer has must_work; change this test", err)
	}
	c.until("the X-ray is exempt", func() bool {
		return strings.Contains(c.run("lab", "exec", "--dir", c.dir, "gateway", "--", "nft", "list", "set", "inet", "monban", "dns_exempt"), c.Hosts["xray"].MAC)
	})

	// Plain: 8.8.8.8 has no name server here, and yet it answers: that is us.
	for _, server := range []string{public4, public6} {
		if l := c.asks("reception", server, c.BlockedName, "A"); len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], "0.0.0.0") {
			t.Errorf("%s says of the blocked name %+v", server, l)
		}
		if l := c.asks("reception", server, c.AllowedName, "A"); l.Rcode != "NOERROR" || len(l.Answer) == 0 {
			t.Errorf("%s says of the allowed name %+v", server, l)
		}
	}
	// Encrypted: refused, and told so.
	c.turnedAway("reception", "tcp", net.JoinHostPort("198.51.100.154", "853"))
	c.turnedAway("reception", "udp", net.JoinHostPort("2001:db8:0:4::154", "853"))
	for _, a := range []string{public4, public6} {
		c.turnedAway("reception", "tcp", net.JoinHostPort(a, "443"))
		c.turnedAway("reception", "udp", net.JoinHostPort(a, "443")) // QUIC
	}
	if l := c.asks("reception", c.LAN[0].String(), "dns.google", "A"); len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], "0.0.0.0") {
		t.Errorf("the name of a resolver: %+v", l)
	}
	if l := c.asks("reception", c.LAN[0].String(), "use-application-dns.net", "A"); l.Rcode != "NXDOMAIN" {
		t.Errorf("the canary: %+v", l)
	}
	// The exempt one reaches all three.
	if l := c.asks("xray", "198.51.100.154", "whoami.lab.example", "TXT"); len(l.Answer) != 1 || !strings.Contains(l.Answer[0], "foreign") {
		t.Errorf("the exempt device is answered by somebody else: %+v", l)
	}
	for _, to := range []string{"198.51.100.154:853", public4 + ":443", net.JoinHostPort(public6, "443")} {
		if out, ok := c.reach("xray", "tcp", to); !ok {
			t.Errorf("the exempt device does not reach %s: %s", to, out)
		}
	}
	if out, ok := c.reach("xray", "udp", public4+":443"); !ok {
		t.Errorf("the exempt device's QUIC: %s", out)
	}

	// QUIC to a site is nobody's business, but for the device that reaches only
	// what it was answered.
	for _, network := range []string{"tcp", "udp"} {
		if out, ok := c.reach("reception", network, website); !ok {
			t.Errorf("the PC does not reach a site by %s: %s", network, out)
		}
		if out, ok := c.reach("ehr", network, website); ok {
			t.Errorf("the device that asked for nothing reaches a site by %s: %s", network, out)
		}
	}
	c.asks("ehr", c.LAN[0].String(), "www.lab.example", "A")
	for _, network := range []string{"tcp", "udp"} {
		if out, ok := c.reach("ehr", network, website); !ok {
			t.Errorf("the device does not reach what it was answered, by %s: %s", network, out)
		}
	}
	c.turnedAway("ehr", "tcp", net.JoinHostPort(public4, "443"))

	d := c.director()
	var text string
	want := regexp.MustCompile(`受付PC.*DNS over HTTPS など 4 止めた.*\(ポート53\) 4 門番が引き受けた|受付PC.*\(ポート53\) 4 門番が引き受けた.*DNS over HTTPS など 4 止めた`)
	c.until("the page has the PC's counts", func() bool {
		text = sentences(d.get("/names/around"))
		return want.MatchString(text) && regexp.MustCompile(`DNS over TLS / QUIC\(ポート853\) 2 止めた`).MatchString(text)
	})
	if !want.MatchString(text) || strings.Contains(text, c.Hosts["xray"].MAC) {
		t.Errorf("the page says:\n%s", text)
	}
	if exempt := regexp.MustCompile(`門番が扱わない機器: [^。]*X線装置`); !exempt.MatchString(text) {
		t.Errorf("the page does not name who is exempt:\n%s", text)
	}
	// Within a minute and a bit the names and the log's lines are there, too.
	c.until("names and log", func() bool {
		return strings.Contains(sentences(d.get("/names/around")), "dns.google") && slices.Contains(c.evasions(), "evasion.dns.stopped")
	})
	for code, want := range map[string]int{"evasion.plain.stopped": 1, "evasion.tls.stopped": 1, "evasion.https.stopped": 2, "evasion.dns.stopped": 1} { // by device
		if n := len(slices.DeleteFunc(c.evasions(), func(x string) bool { return x != code })); n != want {
			t.Errorf("%d lines of %s, want %d", n, code, want)
		}
	}
	if text := sentences(d.get("/names/around")); !strings.Contains(text, "use-application-dns.net") || !strings.Contains(text, "dns.google") {
		t.Errorf("the page says:\n%s", text)
	}
	c.verified()
}

// evasions are the codes of the log's lines about ways around.
func (c *clinic) evasions() (codes []string) {
	c.t.Helper()
	var lines []gateway.AuditLine
	c.ask(&lines, "audit", "list")
	for _, l := range lines {
		if strings.HasPrefix(l.Code, "evasion.") {
			codes = append(codes, l.Code)
		}
	}
	return codes
}

// until waits for what takes a minute or two by itself, such as the query log's
// next write.
func (c *clinic) until(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(150 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if ok() {
			return
		}
	}
	c.t.Errorf("waited in vain: %s", what)
}

// A device of the ledger answers to its name, both ways, by its own question
// and by others'; a name nobody has stays at home.
func TestDevicesHaveNames(t *testing.T) {
	c := open(t)
	for _, server := range []string{c.LAN[0].String(), public4} { // captured, too
		if l := c.asks("reception", server, "rececom.monban.home.arpa", "A"); len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], "192.168.10.31") {
			t.Errorf("%s: %+v", server, l)
		}
	}
	if l := c.asks("reception", c.LAN[0].String(), "31.10.168.192.in-addr.arpa", "PTR"); len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], "rececom.monban.home.arpa.") {
		t.Errorf("%+v", l)
	}
	if l := c.asks("reception", c.LAN[0].String(), "nobody.monban.home.arpa", "A"); l.Rcode != "NXDOMAIN" {
		t.Errorf("%+v", l)
	}
}
