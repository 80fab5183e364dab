package image_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"monban/gateway/config"
	"monban/image"
)

// root lays the units out as the image does, beside the system's own and a
// program to start. It skips where systemd is missing, and fails in CI.
func root(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs systemd-analyze: apt-get install systemd")
	}
	dir := t.TempDir()
	put := func(to string, from fs.FS) {
		if err := os.CopyFS(filepath.Join(dir, to), from); err != nil {
			t.Fatal(err)
		}
	}
	units, _ := fs.Sub(image.Units, "systemd")
	presets, _ := fs.Sub(units, "system-preset")
	put("usr/lib/systemd/system", os.DirFS("/lib/systemd/system"))
	put("usr/lib/systemd/system", units)
	put("usr/lib/systemd/system-preset", presets)
	for _, program := range []string{"usr/bin/monban", "usr/bin/networkctl", "usr/lib/systemd/systemd-networkd", "usr/lib/monban/monban-data"} {
		put(filepath.Dir(program), fstest.MapFS{filepath.Base(program): {Mode: 0o755}})
	}
	for _, old := range []string{"lib", "bin", "sbin"} {
		if err := os.Symlink("usr/"+strings.TrimPrefix(old, "s"), filepath.Join(dir, old)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unit returns the values of a key in a unit file, one per line that sets it.
func unit(t *testing.T, name, key string) []string {
	t.Helper()
	b, err := image.Units.ReadFile(path.Join("systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key+"="); ok {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

func names(t *testing.T) (all []string) {
	files, err := image.Units.ReadDir("systemd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() {
			all = append(all, f.Name())
		}
	}
	return all
}

func TestUnitsVerify(t *testing.T) {
	dir := root(t)
	for _, name := range append(names(t), "systemd-networkd.service") {
		// A mistyped key is only a warning to systemd.
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+dir, name).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Everything the boot starts can be put in an order: systemd breaks a cycle by
// leaving somebody out, and that might be the firewall.
func TestBootHasNoCycle(t *testing.T) {
	dir := root(t)
	enable := append([]string{"--root=" + dir, "preset", "systemd-networkd.service"}, names(t)...)
	if out, err := exec.Command("systemctl", enable...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Other units of this machine may lack their programs here.
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+dir, "multi-user.target").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "monban") || strings.Contains(line, "cycle") {
			t.Error(line)
		}
	}
}

func TestExposure(t *testing.T) {
	dir := root(t)
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	bounds := map[string]float64{
		"monban.service": 2, "monban-selftest.service": 3, "monban-boot.service": 3, "monban-closed.service": 3,
		"monban-provision.service": 3, "monban-net.service": 3, "monban-net-change.service": 3, "monban-lamp@.service": 2,
		"monban-slot.service": 2, "monban-trial.service": 1, "monban-data.service": 3,
	}
	for _, name := range names(t) {
		if _, ok := bounds[name]; strings.HasSuffix(name, ".service") && !ok {
			t.Errorf("%s has no bound", name)
		}
	}
	for name, most := range bounds {
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--root="+dir, name).CombinedOutput()
		m := overall.FindSubmatch(out)
		if err != nil || m == nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		if level, _ := strconv.ParseFloat(string(m[1]), 64); level > most {
			t.Errorf("%s has exposure %v, more than %v:\n%s", name, level, most, out)
		}
	}
}

// What the guard may do, word by word.
func TestRights(t *testing.T) {
	for _, c := range []struct{ unit, key, want string }{
		{"monban.service", "User", "[monban]"},
		{"monban.service", "CapabilityBoundingSet", "[CAP_NET_ADMIN CAP_NET_RAW]"},
		{"monban.service", "AmbientCapabilities", "[CAP_NET_ADMIN CAP_NET_RAW]"},
		{"monban.service", "NoExecPaths", "[/]"},
		{"monban.service", "ExecPaths", "[/usr/bin/monban]"},
		{"monban.service", "ProtectSystem", "[strict]"},
		{"monban.service", "ReadWritePaths", "[]"},
		{"monban.service", "Type", "[notify]"},
		{"monban.service", "WatchdogSec", "[30s]"},
		{"monban.service", "Restart", "[always]"},
		{"monban-selftest.service", "CapabilityBoundingSet", "[CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN]"},
		{"monban-selftest.socket", "SocketUser", "[monban]"},
		{"monban-selftest.socket", "SocketMode", "[0600]"},
		{"monban-slot.service", "CapabilityBoundingSet", "[CAP_SYS_ADMIN CAP_SYS_MODULE]"},
		{"monban-slot.service", "DeviceAllow", "[block-* rw]"},
		{"monban-slot.service", "PrivateNetwork", "[yes]"},
		{"monban-slot.service", "RestrictAddressFamilies", "[AF_UNIX]"},
		{"monban-slot.socket", "SocketUser", "[monban]"},
		{"monban-slot.socket", "SocketMode", "[0600]"},
		{"monban-trial.service", "User", "[monban]"},
		{"monban-trial.service", "CapabilityBoundingSet", "[]"},
		{"monban-provision.service", "CapabilityBoundingSet", "[CAP_SYS_ADMIN CAP_CHOWN CAP_DAC_OVERRIDE]"},
		{"monban-provision.service", "DeviceAllow", "[block-* r /dev/console w]"},
		{"monban-net.service", "CapabilityBoundingSet", "[CAP_CHOWN CAP_DAC_OVERRIDE]"},
		{"monban-net-change.service", "CapabilityBoundingSet", "[CAP_CHOWN CAP_DAC_OVERRIDE]"},
		{"monban-net.socket", "SocketUser", "[monban]"},
		{"monban-net.socket", "SocketMode", "[0600]"},
		{"monban-lamp@.service", "CapabilityBoundingSet", "[]"},
		{"monban-closed.service", "Before", "[network-pre.target systemd-networkd.service shutdown.target]"},
		{"systemd-networkd.service.d/10-monban.conf", "Requires", "[monban-closed.service]"},
	} {
		if got := fmt.Sprint(unit(t, c.unit, c.key)); got != c.want {
			t.Errorf("%s: %s=%s, want %s", c.unit, c.key, got, c.want)
		}
	}
}

// The shipped sockets are those of the shipped example, and are the ones the
// service is given.
func TestSockets(t *testing.T) {
	site, err := config.Parse(config.Example)
	if err != nil {
		t.Fatal(err)
	}
	for fd, c := range map[string]struct {
		kind string
		port int
		each int
	}{
		"dns-udp": {"ListenDatagram", 53, 4}, "dns-tcp": {"ListenStream", 53, 1},
		"page": {"ListenStream", 443, 1}, "http": {"ListenStream", 80, 1},
	} {
		name := "monban-" + fd + ".socket"
		var want []string
		for _, p := range site.LAN.Addresses {
			addr := fmt.Sprintf("%s:%d", p.Addr(), c.port)
			if p.Addr().Is6() {
				addr = fmt.Sprintf("[%s]:%d", p.Addr(), c.port)
			}
			want = append(want, slices.Repeat([]string{addr}, c.each)...)
		}
		if got := unit(t, name, c.kind); !slices.Equal(got, want) {
			t.Errorf("%s listens on %v, want %v", name, got, want)
		}
		if got := unit(t, name, "FileDescriptorName"); !slices.Equal(got, []string{fd}) {
			t.Errorf("%s is called %v", name, got)
		}
		if !slices.Contains(strings.Fields(unit(t, "monban.service", "Sockets")[0]), name) {
			t.Errorf("monban.service is not given %s", name)
		}
	}
}

// Everything that can be enabled is enabled.
func TestPreset(t *testing.T) {
	preset, err := image.Units.ReadFile("systemd/system-preset/80-monban.preset")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t) {
		if wanted := unit(t, name, "WantedBy"); len(wanted) > 0 != strings.Contains(string(preset), "enable "+name+"\n") {
			t.Errorf("%s is wanted by %v, but the preset says otherwise", name, wanted)
		}
	}
}
