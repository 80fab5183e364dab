package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"monban/gateway/lab"
)

// tool runs one of the traffic tools in a host; the stand-in knows them too.
func (r *running) tool(t *testing.T, host string, args ...string) (string, int) {
	t.Helper()
	return r.in(t, host, append([]string{"sh", "-c", `exec "$MONBAN" lab tool "$@"`, "tool"}, args...)...)
}

func testReceiptComputerEchoesAndIsRestless(t *testing.T, r *running) {
	for _, network := range []string{"tcp", "udp"} {
		for _, to := range []string{"192.168.10.31:3389", "[fdc1:1c:10::31]:3389", "[2001:db8:10::31]:3389"} {
			t.Run(network+" "+to, func(t *testing.T) {
				t.Parallel()
				out, status := r.tool(t, "reception", "talk", network, "", to)
				counts := map[string]int{}
				for line := range strings.Lines(out) {
					counts[decode[lab.Event](t, line).What]++
				}
				// One second: ten lines out and back, ten to twenty unasked.
				if status != 0 || counts["sent"] < 8 || counts["echo"] < counts["sent"]-1 || counts["heard"] < 8 || counts["heard"] > 20 {
					t.Errorf("status %d, %v\n%s", status, counts, out)
				}
			})
		}
	}
}

func testResolvers(t *testing.T, r *running) {
	for _, c := range []struct{ network, server, name, qtype, rcode, answer string }{
		{"udp", "198.51.100.153", "www.lab.example", "A", "NOERROR", "198.51.100.130"},
		{"tcp", "198.51.100.153", "WWW.lab.example", "AAAA", "NOERROR", "2001:db8:0:4::130"},
		{"udp", "2001:db8:0:4::153", "blocked.lab.example", "A", "NOERROR", "198.51.100.130"},
		{"udp", "198.51.100.153", "cloaked.lab.example", "A", "NOERROR", "CNAME blocked.lab.example. blocked.lab.example. 300 IN A 198.51.100.130"},
		{"udp", "198.51.100.153", "rebind.lab.example", "A", "NOERROR", "192.168.10.31"},
		{"udp", "198.51.100.153", "whoami.lab.example", "TXT", "NOERROR", `"resolver"`},
		{"udp", "198.51.100.154", "whoami.lab.example", "TXT", "NOERROR", `"foreign"`},
		{"tcp", "2001:db8:0:4::154", "whoami.lab.example", "TXT", "NOERROR", `"foreign"`},
		{"udp", "198.51.100.153", "nothing.example", "A", "NXDOMAIN", ""},
		{"udp", "198.51.100.153", "ns.lab.example", "MX", "NOERROR", ""},
		{"tcp", "198.51.100.153", "big.lab.example", "TXT", "NOERROR", `"23x`},
	} {
		out, _ := r.tool(t, "stranger", "dns", c.network, c.server, c.name, c.qtype)
		l := decode[lab.Lookup](t, out)
		if got := strings.Join(l.Answer, " "); l.Rcode != c.rcode || !strings.Contains(got, c.answer) || (c.answer == "") != (got == "") {
			t.Errorf("%v: %+v", c, l)
		}
	}
	out, _ := r.tool(t, "stranger", "dns", "udp", "198.51.100.153", "big.lab.example", "TXT")
	if l := decode[lab.Lookup](t, out); !l.Truncated {
		t.Errorf("a big answer fits a datagram: %+v", l)
	}
	if out, status := r.tool(t, "stranger", "pipe", "tcp", "198.51.100.130:80"); status != 0 || !strings.Contains(out, "HTTP/1.1 400") {
		t.Errorf("the web server: %d %q", status, out)
	}
}

// A scan is a proof only if every probe arrived: here the target answers all
// of them, and says how many segments it got.
func testScanLosesNoProbe(t *testing.T, r *running) {
	for _, target := range []string{"192.168.10.1", "2001:db8:10::1"} {
		before := segments(t, r)
		out, status := r.tool(t, "reception", "scan", target)
		got := decode[lab.ScanResult](t, out)
		arrived := segments(t, r) - before
		t.Logf("%s: %+v, arrived %d", target, got, arrived)
		if status != 0 || got.Sent != 65535 || got.Silent != 0 || got.Dropped != 0 || !slices.Equal(got.Open, []uint16{53, 80, 443}) || got.Closed != 65532 {
			t.Errorf("%s: status %d, %+v", target, status, got)
		}
		// Each open port's SYN+ACK is answered RST by the scanner's kernel.
		if arrived < 65535 || arrived > 65535+2*3 {
			t.Errorf("%s: %d segments arrived", target, arrived)
		}
	}
	// Across the routers too: no gateway rule stands in the way here.
	out, _ := r.tool(t, "vendor", "scan", "2001:db8:10::51")
	if got := decode[lab.ScanResult](t, out); !slices.Equal(got.Open, []uint16{9100}) || got.Closed != 65534 {
		t.Errorf("through two routers: %+v", got)
	}
}

// segments is how many TCP segments the gateway's own stack received.
func segments(t *testing.T, r *running) int {
	t.Helper()
	out, _ := r.in(t, "gateway", "cat", "/proc/net/snmp")
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 10 && f[0] == "Tcp:" && f[1] != "RtoAlgorithm" {
			var n int
			fmt.Sscan(f[10], &n)
			return n
		}
	}
	t.Fatalf("no counter in %q", out)
	return 0
}

func testToolListenAndPipe(t *testing.T, r *running) {
	out, status := r.in(t, "printer", "sh", "-c", `"$MONBAN" lab tool listen tcp [::]:7777 & 
		for i in 1 2 3 4 5 6 7 8 9 10; do echo over | "$MONBAN" lab tool pipe tcp 127.0.0.1:7777 && break; sleep 0.1; done; kill %1 || kill $!`)
	if status != 0 || !strings.Contains(out, "listening [::]:7777") || !strings.Contains(out, "over\n") {
		t.Errorf("status %d: %s", status, out)
	}
}
