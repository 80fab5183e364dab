package lock_test

import (
	"bytes"
	"strings"
	"testing"

	"monban/image/lock"
)

const one = `made 2026-11-22T00:00:00Z
root systemd 257.13-1~deb13u1 amd64 3093632 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef pool/main/s/systemd/systemd_257.13-1~deb13u1_amd64.deb
`

// What is in the source is in the form that make lock writes, and whole.
func TestLocksAreWhole(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		l, err := lock.For(arch)
		if err != nil {
			t.Fatal(err)
		}
		if l.Arch != arch {
			t.Errorf("%s.lock is for %s", arch, l.Arch)
		}
		for _, set := range []string{"root", "test", "boot", "kernel"} {
			if len(l.In(set)) == 0 {
				t.Errorf("%s.lock names nothing for %s", arch, set)
			}
		}
		again, err := lock.Parse(l.Format())
		if err != nil || !bytes.Equal(again.Format(), l.Format()) {
			t.Errorf("%s.lock changes when it is written again: %v", arch, err)
		}
	}
	if _, err := lock.For("m68k"); err == nil || !strings.Contains(err.Error(), "make lock") {
		t.Errorf("a missing lock: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	head := "# firmware for amd64: x\n"
	if _, err := lock.Parse([]byte(head + one)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a path that leads out": {"pool/main", "pool/../main"},
		"another folder":        {"pool/main", "dists/main"},
		"a short sum":           {"abcdef pool", " pool"},
		"no size":               {"3093632", "0"},
		"an option as a name":   {" systemd ", " -systemd "},
		"a word too many":       {"amd64 3", "amd64 x 3"},
		"no date":               {"made 2026-11-22T00:00:00Z", "# none"},
	} {
		if _, err := lock.Parse([]byte(head + strings.Replace(one, change[0], change[1], 1))); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("# firmware for amd64: x\n" + one))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := lock.Parse(b)
		if err != nil {
			return
		}
		for _, p := range l.Packages {
			if strings.Contains(p.File(), "/") || strings.HasPrefix(p.File(), "-") || strings.Contains(p.Path, "..") {
				t.Errorf("%+v", p)
			}
		}
	})
}
