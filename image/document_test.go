package image_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"monban/image"
)

func document(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/image.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The partition tables and the shares in the document are those of the image.
func TestDocumentIsTheLayout(t *testing.T) {
	doc := document(t)
	var want []string
	for _, p := range []string{image.ESP, image.BootA, image.BootB, image.RootA, image.RootB, image.Key, image.Data} {
		var cells []string
		for _, b := range []image.Board{image.UEFI, image.RPi} {
			cell := "–"
			for _, x := range image.Disk(b) {
				if x.Name == p && x.MiB > 0 {
					cell = fmt.Sprintf("%d MiB at %d", x.MiB, image.Start(b, p))
				} else if x.Name == p {
					cell = fmt.Sprintf("the rest, from %d", image.Start(b, p))
				}
			}
			cells = append(cells, cell)
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", p, cells[0], cells[1]))
	}
	for _, s := range image.Shares() {
		want = append(want, fmt.Sprintf("| `%s` | %d MiB, at most %d %% | %s |", s.Dir, s.MiB, s.Percent, s.Why))
	}
	for _, row := range want {
		if !strings.Contains(doc, "\n"+row) {
			t.Errorf("docs/image.md has no row %s", row)
		}
	}
}

// around are the units of others that say when ours run.
var around = []string{
	"local-fs.target", "network-pre.target", "systemd-networkd.service", "systemd-journal-flush.service",
	"systemd-random-seed.service", "systemd-timesyncd.service", "systemd-modules-load.service",
}

// edges are the arrows between our units and those around them: what starts
// after what, and => where it does not start without.
func edges(t *testing.T) map[string]bool {
	drawn := map[string]bool{}
	known := append(names(t), around...)
	short := func(unit string) string {
		name, _, _ := strings.Cut(unit, ".")
		if strings.HasSuffix(unit, ".socket") {
			return unit
		}
		return name
	}
	add := func(first, then, arrow string) {
		if slices.Contains(known, first) && slices.Contains(known, then) {
			if key := short(first) + " --> " + short(then); arrow == "==>" {
				delete(drawn, key)
			} else if drawn[short(first)+" ==> "+short(then)] {
				return
			}
			drawn[short(first)+" "+arrow+" "+short(then)] = true
		}
	}
	for _, u := range append(names(t), "systemd-networkd.service.d/10-monban.conf") {
		name, _, _ := strings.Cut(u, ".d/")
		for key, from := range map[string]func(other, arrow string){
			"After":  func(other, arrow string) { add(other, name, arrow) },
			"Before": func(other, arrow string) { add(name, other, arrow) },
		} {
			for _, line := range unit(t, u, key) {
				for other := range strings.FieldsSeq(line) {
					arrow := "-->"
					if key == "After" && slices.Contains(strings.Fields(strings.Join(unit(t, u, "Requires"), " ")), other) {
						arrow = "==>"
					}
					from(other, arrow)
				}
			}
		}
	}
	return drawn
}

// The drawing of the boot in the document has the arrows of the units, and no
// other.
func TestDocumentIsTheBoot(t *testing.T) {
	want := edges(t)
	drawn := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  (\S+ (?:-->|==>) \S+)$`).FindAllStringSubmatch(document(t), -1) {
		drawn[m[1]] = true
	}
	for _, e := range slices.Sorted(maps.Keys(want)) {
		if !drawn[e] {
			t.Errorf("docs/image.md does not draw\n  %s", e)
		}
	}
	for _, e := range slices.Sorted(maps.Keys(drawn)) {
		if !want[e] {
			t.Errorf("docs/image.md draws what no unit says: %s", e)
		}
	}
}

// The promises of the boot hold along every way that the arrows allow: first
// everything is dropped, then the data is there, then the rules, then the links.
func TestBootOrder(t *testing.T) {
	after := map[string][]string{}
	for e := range edges(t) {
		f := strings.Fields(e)
		after[f[0]] = append(after[f[0]], f[2])
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		for _, next := range after[from] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				if reaches(next, to, seen) {
					return true
				}
			}
		}
		return false
	}
	for _, c := range [][2]string{
		{"monban-closed", "systemd-networkd"}, {"monban-closed", "monban-boot"}, {"monban-closed", "network-pre"},
		{"monban-data", "local-fs"}, {"monban-data", "systemd-journal-flush"}, {"monban-data", "systemd-random-seed"},
		{"monban-data", "systemd-timesyncd"}, {"monban-data", "monban-provision"}, {"monban-data", "monban-net"},
		{"monban-provision", "monban-net"}, {"monban-net", "systemd-networkd"}, {"monban-net", "monban-dns-udp.socket"},
		{"monban-data", "monban-boot"}, {"monban-boot", "monban"},
	} {
		if !reaches(c[0], c[1], map[string]bool{}) {
			t.Errorf("nothing says that %s comes before %s", c[0], c[1])
		}
		if reaches(c[1], c[0], map[string]bool{}) {
			t.Errorf("%s may come before %s", c[1], c[0])
		}
	}
	if !edges(t)["monban-closed ==> systemd-networkd"] {
		t.Error("links come up although nothing is dropped")
	}
}

// A unit with a view of the files of its own would mount the data for itself
// alone (exec_needs_mount_namespace in systemd's src/core/execute.c).
func TestDataIsMountedForAll(t *testing.T) {
	const name = "monban-data.service"
	if got := unit(t, name, "PrivateMounts"); !slices.Equal(got, []string{"no"}) {
		t.Errorf("PrivateMounts=%v", got)
	}
	for _, key := range []string{
		"ProtectSystem", "ProtectHome", "ProtectProc", "ProcSubset", "ProtectControlGroups", "ProtectKernelLogs", "ProtectKernelModules",
		"ProtectKernelTunables", "PrivateTmp", "PrivateDevices", "PrivateIPC", "PrivatePIDs", "PrivateUsers", "MountFlags", "RootDirectory",
		"ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "BindPaths", "BindReadOnlyPaths",
		"TemporaryFileSystem", "MountImages", "ExtensionImages", "StateDirectory", "DynamicUser", "PrivateBPF", "BindLogSockets", "LogNamespace",
	} {
		if got := unit(t, name, key); len(got) > 0 {
			t.Errorf("%s=%v", key, got)
		}
	}
}

// A box's name says nothing about its machine-id and is easy to type.
func TestBoxID(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	got := image.BoxID(id + "\n")
	if !regexp.MustCompile(`^[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}$`).MatchString(got) || got != image.BoxID(id) || got == image.BoxID(id[1:]+"0") {
		t.Errorf("the box is called %s", got)
	}
	if strings.Contains(strings.ToUpper(id), strings.ReplaceAll(got, "-", "")) {
		t.Errorf("%s is part of the machine-id", got)
	}
}
