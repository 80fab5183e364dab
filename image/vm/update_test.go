package vm_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
)

// Versions that the builder made: one to begin with, one that is newer.
const (
	first  = "0.1.0"
	second = "0.2.0"
)

// An update is the content of an update file, to be made worse.
type update struct {
	t        *testing.T
	key      minisign.Secret
	manifest bootslot.Manifest
	boot     []byte
	root     []byte
}

func readUpdate(t *testing.T, file string) *update {
	t.Helper()
	u := &update{t: t}
	b, err := os.ReadFile(filepath.Join(images, "debug.key"))
	if err != nil {
		t.Fatal(err)
	}
	if u.key, err = minisign.ParseSecret(b); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parts := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if parts[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if u.manifest, err = bootslot.ParseManifest(parts["manifest"]); err != nil {
		t.Fatal(err)
	}
	u.boot, u.root = parts["boot"], parts["root"]
	return u
}

// as makes it another version, also to the loader, which reads the number in
// the boot piece.
func (u *update) as(version string) *update {
	u.t.Helper()
	v, err := bootslot.ParseVersion(version)
	if err != nil {
		u.t.Fatal(err)
	}
	was := u.manifest.Version.String()
	u.manifest.Version = v
	u.section(".osrel", func(s string) string { return strings.ReplaceAll(s, was, version) })
	return u
}

// line changes the kernel's command line.
func (u *update) line(add string) *update {
	u.t.Helper()
	u.section(".cmdline", func(s string) string { return strings.TrimRight(s, "\x00 ") + " " + add })
	return u
}

// section changes a section of the boot piece in its place (PE format).
func (u *update) section(name string, change func(string) string) {
	u.t.Helper()
	b := u.boot
	le := binary.LittleEndian
	head := int(le.Uint32(b[0x3c:]))
	count, optional := int(le.Uint16(b[head+6:])), int(le.Uint16(b[head+20:]))
	for i := range count {
		s := b[head+24+optional+40*i:]
		if string(bytes.TrimRight(s[:8], "\x00")) != name {
			continue
		}
		used, room, at := le.Uint32(s[8:]), le.Uint32(s[16:]), le.Uint32(s[20:])
		now := change(string(b[at : at+min(used, room)]))
		if len(now) > int(room) {
			u.t.Fatalf("the section %s has room for %d bytes, not for %q", name, room, now)
		}
		clear(b[at : at+room])
		copy(b[at:], now)
		le.PutUint32(s[8:], uint32(len(now)))
		return
	}
	u.t.Fatalf("the boot piece has no section %s", name)
}

// write signs it and writes the file.
func (u *update) write() (file string) {
	u.t.Helper()
	u.manifest.Boot = bootslot.Piece{Size: int64(len(u.boot)), SHA256: sha256.Sum256(u.boot)}
	u.manifest.Root = bootslot.Piece{Size: int64(len(u.root)), SHA256: sha256.Sum256(u.root)}
	m, err := u.manifest.Encode()
	if err != nil {
		u.t.Fatal(err)
	}
	f, err := os.CreateTemp(u.t.TempDir(), "*.update")
	if err != nil {
		u.t.Fatal(err)
	}
	defer f.Close()
	if err := bootslot.WriteUpdate(f, m, u.key.Sign(m, "test"), bytes.NewReader(u.boot), bytes.NewReader(u.root)); err != nil {
		u.t.Fatal(err)
	}
	return f.Name()
}
