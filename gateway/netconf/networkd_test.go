package netconf_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"monban/gateway/config"
	"monban/gateway/netconf"
)

// namespace runs networkd on the files of $FILES, in a network and with a /run of
// its own, until the LAN's port has its address; then it shows what there is. A
// read-only /sys tells networkd that no udev names the ports.
const namespace = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t sysfs -o ro sysfs /sys
ip link set lo up
ip link add "$WAN" type veth peer name isp
ip link add "$LAN" type veth peer name pc
ip link set isp up
ip link set pc up
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
cp "$FILES"/* /run/systemd/network/
chmod 644 /run/systemd/network/*
chown -R systemd-network /run/systemd/netif 2>/dev/null || true
SYSTEMD_LOG_TARGET=console "$NETWORKD" 2>"$FILES/../log" &
trap 'kill $!; wait' EXIT
for i in $(seq 200); do
	if ip -o addr show dev "$LAN" | grep -q inet && { [ -z "$WAIT" ] || ip route show dev "$WAN" | grep -q "$WAIT"; }; then break; fi
	sleep 0.1
done
ip -o addr show scope global
ip route show
ip -6 route show default
`

// networkd of this machine takes every file, finds nothing to complain of, and
// makes of them what site.toml says.
func TestNetworkd(t *testing.T) {
	const networkd = "/lib/systemd/systemd-networkd"
	if _, err := os.Stat(networkd); err != nil || os.Geteuid() != 0 || exec.Command("unshare", "-mn", "mount", "--make-rprivate", "/").Run() != nil {
		t.Skip("needs root and systemd-networkd: apt-get install systemd")
	}
	for file, want := range map[string][]string{
		"named": {"lan0    inet 192.168.10.1/24", "lan0    inet6 2001:db8:10::1/64", "wan0    inet 203.0.113.10/24", "wan0    inet6 2001:db8:0:1::10/64",
			"default via 203.0.113.1 dev wan0", "default via fe80::1 dev wan0"},
		"given": {"enp2s0    inet 192.168.10.1/24"},
		"mixed": {"lan0    inet 192.168.10.1/24", "wan0    inet 203.0.113.10/24", "default via 203.0.113.1 dev wan0"},
	} {
		t.Run(file, func(t *testing.T) {
			a, err := txtar.ParseFile("testdata/" + file + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Parse(a.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "files")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			wait := ""
			for path, content := range netconf.For(c, 1) {
				// The ports here have their names, and other MAC addresses.
				if filepath.Ext(path) == ".network" {
					if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(c.WAN.Gateways) > 0 {
				wait = "default"
			}
			cmd := exec.Command("unshare", "-mn", "sh", "-c", namespace)
			cmd.Env = append(os.Environ(), "NETWORKD="+networkd, "FILES="+dir, "LAN="+c.LAN.Interface, "WAN="+c.WAN.Interface, "WAIT="+wait)
			out, err := cmd.CombinedOutput()
			log, _ := os.ReadFile(filepath.Join(dir, "../log"))
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, log)
			}
			for _, w := range want {
				if !strings.Contains(string(out), w) {
					t.Errorf("no %q:\n%s\n%s", w, out, log)
				}
			}
			if bad := regexp.MustCompile(`(?i).*(unknown|failed to parse|ignoring|invalid|deprecated).*`).FindString(string(log)); bad != "" {
				t.Error("networkd says:", bad)
			}
		})
	}
}
