package netconf_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"monban/gateway/config"
	"monban/gateway/netconf"
)

// Every archive of testdata holds a site.toml and the files that are made of
// it on a machine with two cores.
func TestFor(t *testing.T) {
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range archives {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		site := a.Files[0].Data
		if strings.HasPrefix(file, "testdata/example") {
			site = config.Example
		}
		var want txtar.Archive
		want.Files = a.Files[1:]
		c, err := config.Parse(site)
		if err != nil {
			t.Fatal(file, err)
		}
		got := netconf.For(c, 2).String()
		if os.Getenv("UPDATE") != "" {
			made := txtar.Parse([]byte(got))
			a.Files = append(a.Files[:1], made.Files...)
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(string(txtar.Format(&want)), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestSetUp(t *testing.T) {
	f := netconf.SetUp("end0", 1)
	checkForm(t, f)
	for path, part := range map[string]string{
		"systemd/network/10-monban-lan.network":                 "[Match]\nName=end0\n",
		"systemd/system/monban-page.socket.d/10-monban.conf":    "ListenStream=\nListenStream=192.168.100.1:443\n",
		"systemd/system/monban-dns-udp.socket.d/10-monban.conf": "ListenDatagram=192.168.100.1:53\n",
		"monban-net/setup.env":                                  "MONBAN_SETUP_LAN=end0\n",
	} {
		if !strings.Contains(f[path], part) {
			t.Errorf("%s:\n%s", path, f[path])
		}
	}
	if _, ok := f["systemd/network/10-monban-wan.network"]; ok {
		t.Error("the WAN is configured before anybody said how")
	}
	for _, port := range []string{"", "lo", "end0\nX=1", "a b", "../x", "%i", "default"} {
		if f := netconf.SetUp(port, 1); len(f) > 0 {
			t.Errorf("port %q: %v", port, f)
		}
	}
}

func TestLANPort(t *testing.T) {
	for model, want := range map[string]string{
		"Raspberry Pi 4 Model B Rev 1.5":        "end0",
		"Raspberry Pi 5 Model B Rev 1.0":        "end0",
		"Raspberry Pi Compute Module 4 Rev 1.0": "end0",
		"Raspberry Pi 400 Rev 1.0":              "",
		"Standard PC (Q35 + ICH9, 2009)":        "",
		"":                                      "",
	} {
		if got := netconf.LANPort(model); got != want {
			t.Errorf("%q: %q", model, got)
		}
	}
}

// forms are the lines that may stand in each kind of file.
var forms = []struct {
	file  string
	lines *regexp.Regexp
}{
	{`\.link$`, regexp.MustCompile(`^(\[(Match|Link)\]|MACAddress=([0-9a-f]{2}:){5}[0-9a-f]{2}|Type=ether|Kind=!\*|Name=[A-Za-z0-9][A-Za-z0-9_.-]*)$`)},
	{`\.network$`, regexp.MustCompile(`^(\[(Match|Link|Network|DHCPv4|DHCPv6|IPv6AcceptRA)\]|Name=[A-Za-z0-9][A-Za-z0-9_.-]*|RequiredForOnline=no|LinkLocalAddressing=ipv6` +
		`|(LLDP|LLMNR|MulticastDNS|IPv6AcceptRA|SendHostname|Use[A-Za-z0-9]+|DHCPv6Client|ConfigureWithoutCarrier)=(yes|no)|DHCP=(no|ipv4)|Address=[0-9a-f.:]+/[0-9]+|Gateway=[0-9a-f.:]+)$`)},
	{`\.socket\.d/`, regexp.MustCompile(`^(\[Socket\]|Listen(Datagram|Stream)=|Listen(Datagram|Stream)=([0-9.]+|\[[0-9a-f:.]+\]):(53|80|443))$`)},
	{`timesyncd`, regexp.MustCompile(`^(\[Time\]|NTP=[a-z0-9_.: -]*)$`)},
	{`resolv`, regexp.MustCompile(`^nameserver [0-9a-f.:]+$`)},
	{`setup\.env$`, regexp.MustCompile(`^MONBAN_SETUP_LAN=[A-Za-z0-9][A-Za-z0-9_.-]*$`)},
}

// checkForm fails for a line nobody meant.
func checkForm(t *testing.T, files netconf.Files) {
	t.Helper()
	for file, content := range files {
		if !slices.Contains(netconf.Paths(), file) {
			t.Fatalf("%s is not told of by Paths", file)
		}
		for _, form := range forms {
			if !regexp.MustCompile(form.file).MatchString(file) {
				continue
			}
			for line := range strings.Lines(content) {
				line = strings.TrimSuffix(line, "\n")
				if line != "" && !strings.HasPrefix(line, "# ") && !form.lines.MatchString(line) {
					t.Fatalf("%s holds %q", file, line)
				}
			}
		}
	}
}

// Whatever passes the checks of site.toml makes files of known lines only, and
// the LAN's addresses are where the sockets listen.
func FuzzFor(f *testing.F) {
	f.Add(config.Example)
	f.Add(config.Reference)
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range archives {
		if a, err := txtar.ParseFile(file); err == nil {
			f.Add(a.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := config.Parse(b)
		if err != nil {
			return
		}
		files := netconf.For(c, 2)
		checkForm(t, files)
		for _, p := range c.LAN.Addresses {
			page := files["systemd/system/monban-page.socket.d/10-monban.conf"]
			if !strings.Contains(page, "ListenStream="+netip.AddrPortFrom(p.Addr(), 443).String()+"\n") {
				t.Fatalf("no page at %s:\n%s", p, page)
			}
		}
	})
}
