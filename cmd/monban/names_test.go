package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
)

// lookup asks server for name from the reception PC.
func (c *clinic) lookup(tcp bool, server, name, kind string) lab.Lookup {
	c.t.Helper()
	args := []string{"dns"}
	if tcp {
		args = append(args, "--tcp")
	}
	out, errs, status := c.in("reception", append(args, server, name, kind)...)
	var l lab.Lookup
	if status != 0 || json.Unmarshal([]byte(out), &l) != nil {
		c.t.Fatalf("asking %s for %s %s: %s%s", server, name, kind, out, errs)
	}
	return l
}

// A blocked name is refused by every way there is to ask, also when the PC
// asks a resolver outside; an allowed one is answered.
func TestBlockedNameIsRefusedEveryWay(t *testing.T) {
	c := open(t)
	servers := map[string]string{
		"ours, IPv4": c.LAN[0].String(), "ours, IPv6": last(c.addrsOf("gateway", true)),
		"foreign, IPv4": "198.51.100.154", "foreign, IPv6": "2001:db8:0:4::154",
	}
	for where, server := range servers {
		for _, tcp := range []bool{false, true} {
			for kind, nowhere := range map[string]string{"A": "0.0.0.0", "AAAA": "::"} {
				l := c.lookup(tcp, server, c.BlockedName, kind)
				if len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], nowhere) {
					t.Errorf("%s, tcp %v: blocked name, %s: %+v", where, tcp, kind, l)
				}
				l = c.lookup(tcp, server, c.AllowedName, kind)
				if l.Rcode != "NOERROR" || len(l.Answer) == 0 || strings.HasSuffix(l.Answer[0], nowhere) {
					t.Errorf("%s, tcp %v: allowed name, %s: %+v", where, tcp, kind, l)
				}
			}
		}
	}
	var x gateway.Explanation
	c.ask(&x, "dns", "explain", c.BlockedName)
	if x.Action != "refuse" || x.List != "lab" || x.Line == 0 {
		t.Errorf("the refusal is explained as %+v", x)
	}
	// An alias does not help, nor does DNS over TLS.
	if l := c.lookup(false, c.LAN[0].String(), "cloaked.lab.example", "A"); len(l.Answer) != 1 || !strings.HasSuffix(l.Answer[0], "0.0.0.0") {
		t.Errorf("alias of the blocked name: %+v", l)
	}
	if out, _, status := c.in("reception", "pipe", "--for", "2s", "198.51.100.154:853"); status == 0 {
		t.Errorf("853 to a foreign resolver is open: %s", out)
	}
}

func (c *clinic) addrsOf(host string, is6 bool) (out []string) {
	for _, a := range c.Hosts[host].Addrs {
		if a.Is6() == is6 {
			out = append(out, a.String())
		}
	}
	return out
}

func last(ss []string) string { return ss[len(ss)-1] }

// A new device is in the ledger within two seconds of being plugged in.
func TestNewDeviceIsSeen(t *testing.T) {
	c := open(t)
	began := time.Now()
	c.run("lab", "add", "--dir", c.dir, "tablet")
	f, err := lab.ReadFile(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	mac := f.Hosts["tablet"].MAC
	for {
		var ds []gateway.Device
		c.ask(&ds, "device", "list")
		for _, d := range ds {
			if d.MAC == mac {
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("seen after %v", took)
				} else {
					t.Logf("seen after %v, plugging in included", took)
				}
				if d.Name != "" || !d.Random || d.FirstSeen.IsZero() {
					t.Errorf("the new device is %+v", d)
				}
				c.run("device", "name", "--socket", c.Socket, fmt.Sprint(d.ID), "待合室のタブレット")
				c.verified()
				return
			}
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s not seen in 10 s", mac)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// From the LAN the web is reachable by both families, IPv4 masqueraded.
func TestLANReachesTheInternet(t *testing.T) {
	c := open(t)
	for _, host := range []string{"198.51.100.130", "2001:db8:0:4::130"} {
		out, errs, _ := c.in("reception", "pipe", "--for", "1s", net.JoinHostPort(host, "80"))
		if strings.Contains(errs, "refused") || strings.Contains(errs, "timeout") {
			t.Errorf("%s: %s%s", host, out, errs)
		}
	}
}
