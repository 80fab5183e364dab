package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"monban/gateway/config"
)

func site(clinic string) []byte {
	return bytes.Replace(config.Example, []byte("門番クリニック"), []byte(clinic), 1)
}

func save(t *testing.T, g config.Generations, b []byte, want int) {
	t.Helper()
	if n, err := g.Save(b); err != nil || n != want {
		t.Errorf("saved as %d, want %d: %v", n, want, err)
	}
}

func wantLast(t *testing.T, g config.Generations, clinic string, number int) {
	t.Helper()
	c, b, n, err := g.LastGood()
	if err != nil || c.Clinic != clinic || n != number || !bytes.Equal(b, site(clinic)) {
		t.Errorf("last good is %q, number %d (%v), want %q, %d", c.Clinic, n, err, clinic, number)
	}
}

func TestGenerations(t *testing.T) {
	g := config.Generations{Dir: filepath.Join(t.TempDir(), "generations")}
	if _, _, _, err := g.LastGood(); !errors.Is(err, config.ErrNone) {
		t.Error("before the first:", err)
	}
	if _, err := g.Save([]byte("version = 1")); err == nil {
		t.Error("a broken file was kept")
	}
	save(t, g, site("a"), 1)
	save(t, g, site("a"), 1) // the same again
	save(t, g, site("b"), 2)
	wantLast(t, g, "b", 2)
	save(t, g, site("a"), 3) // going back is a generation too

	for i := range 30 {
		save(t, g, site(fmt.Sprint("c", i)), 4+i)
	}
	entries, _ := os.ReadDir(g.Dir)
	if len(entries) != config.Kept {
		t.Errorf("%d files stay, want %d", len(entries), config.Kept)
	}
	wantLast(t, g, "c29", 33)
}

// A card that loses or changes bytes costs the newest generation, not all.
func TestGenerationsSurviveDamage(t *testing.T) {
	g := config.Generations{Dir: t.TempDir()}
	save(t, g, site("a"), 1)
	save(t, g, site("b"), 2)
	files, _ := filepath.Glob(filepath.Join(g.Dir, "*-000002-*"))
	// Still a valid file, but not the one that was saved: a vendor is gone.
	cut := site("b")[:bytes.Index(site("b"), []byte("[[vendor]]"))]
	if _, err := config.Parse(cut); err != nil {
		t.Fatal("the test proves nothing:", err)
	}
	if err := os.WriteFile(files[0], cut, 0o600); err != nil {
		t.Fatal(err)
	}
	// What a crash in the middle of a write leaves behind.
	half := filepath.Join(g.Dir, "site-000003-0123456789abcdef0123456789abcdef.toml.new")
	if err := os.WriteFile(half, []byte("vers"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantLast(t, g, "a", 1)
	save(t, g, site("b"), 3)
	wantLast(t, g, "b", 3)
	if _, err := os.Stat(half); err == nil {
		t.Error("the half written file stays for ever")
	}
}

func TestWriteFileLeavesOldOrNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "site.toml")
	if err := config.WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	// A directory where the new file should grow stands for any failure.
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := config.WriteFile(path, []byte("new")); err == nil {
		t.Error("no error")
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the old file is now %q", b)
	}
}
