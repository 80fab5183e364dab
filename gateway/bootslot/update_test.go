package bootslot

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"monban/gateway/minisign"
)

// testUpdate is an update file in which change has done something; entries are
// name, content, name, content …
func testUpdate(t testing.TB, m Manifest, change func(entries []string) []string) []byte {
	t.Helper()
	b := encode(t, m)
	list := []string{"manifest", string(b), "manifest.minisig", string(secret(t, 1).Sign(b, "c")), "boot", string(bootBytes), "root", string(rootBytes)}
	if change != nil {
		list = change(list)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(list); i += 2 {
		h := &tar.Header{Name: list[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(list[i+1])), ModTime: m.Made, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, list[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read takes an update as a box does.
func read(r io.Reader, keys ...minisign.Key) (boot, root bytes.Buffer, err error) {
	u, err := NewUpdate(r, keys)
	if err == nil {
		err = u.Boot(&boot)
	}
	if err == nil {
		err = u.Root(&root)
	}
	return boot, root, err
}

func TestUpdate(t *testing.T) {
	m := encode(t, testManifest())
	var out bytes.Buffer
	if err := WriteUpdate(&out, m, secret(t, 1).Sign(m, "c"), bytes.NewReader(bootBytes), bytes.NewReader(rootBytes)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), testUpdate(t, testManifest(), nil)) {
		t.Error("not a plain tar")
	}
	boot, root, err := read(&out, secret(t, 1).Key())
	if err != nil || !bytes.Equal(boot.Bytes(), bootBytes) || !bytes.Equal(root.Bytes(), rootBytes) {
		t.Error(boot.Len(), root.Len(), err)
	}
	if err := WriteUpdate(io.Discard, m, nil, bytes.NewReader(bootBytes), bytes.NewReader(rootBytes[1:])); err == nil {
		t.Error("a root that is too short was written")
	}
}

func TestUpdateRefuses(t *testing.T) {
	with := func(i int, s string) func([]string) []string {
		return func(list []string) []string { list[i] = s; return list }
	}
	flip := func(i int) func([]string) []string {
		return func(list []string) []string {
			b := []byte(list[i])
			b[len(b)/2] ^= 1
			list[i] = string(b)
			return list
		}
	}
	for what, c := range map[string]struct {
		change func([]string) []string
		code   string
	}{
		"another name":     {with(0, "manifest.json"), "slot.form"},
		"another order":    {func(l []string) []string { return append(append(l[:4:4], l[6:]...), l[4:6]...) }, "slot.form"},
		"a changed word":   {flip(1), "slot.signature"},
		"a long manifest":  {with(1, string(make([]byte, MaxManifest+1))), "slot.form"},
		"a long signature": {with(3, string(make([]byte, maxSignature+1))), "slot.form"},
		"no signature":     {with(3, ""), "slot.signature"},
		"a changed boot":   {flip(5), "slot.sum"},
		"a shorter boot":   {with(5, string(bootBytes[1:])), "slot.size"},
		"a changed root":   {flip(7), "slot.sum"},
		"a longer root":    {with(7, string(rootBytes)+"x"), "slot.size"},
		"no root":          {func(l []string) []string { return l[:6] }, "slot.cut"},
		"nothing":          {func(l []string) []string { return nil }, "slot.form"},
	} {
		_, _, err := read(bytes.NewReader(testUpdate(t, testManifest(), c.change)), secret(t, 1).Key())
		if got := code(t, err); got != c.code {
			t.Errorf("%s: %q (%v), want %q", what, got, err, c.code)
		}
	}
	if _, _, err := read(bytes.NewReader([]byte("PK\x03\x04"+string(make([]byte, 4096)))), secret(t, 1).Key()); code(t, err) != "slot.form" {
		t.Error("not a tar: ", err)
	}
}

// Wherever it breaks off, it is refused, and never panics.
func TestCutUpdate(t *testing.T) {
	whole := testUpdate(t, testManifest(), nil)
	end := len(whole) - 1024 // what ends a tar
	for n := 0; n < end; n += 97 {
		_, _, err := read(bytes.NewReader(whole[:n]), secret(t, 1).Key())
		if got := code(t, err); got != "slot.cut" && (n >= 512 || got != "slot.form") {
			t.Fatalf("after %d of %d bytes: %q", n, len(whole), got)
		}
	}
}

type broken struct{ left int }

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

// An error of the disk is not one of the update.
func TestBrokenDisk(t *testing.T) {
	u, err := NewUpdate(bytes.NewReader(testUpdate(t, testManifest(), nil)), []minisign.Key{secret(t, 1).Key()})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Boot(&broken{100}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// Nothing is believed that is not signed, and what is written is what is signed.
func FuzzUpdate(f *testing.F) {
	f.Add(testUpdate(f, testManifest(), nil))
	f.Add([]byte("manifest"))
	key := secret(f, 1).Key()
	f.Fuzz(func(t *testing.T, b []byte) {
		boot, root, err := read(bytes.NewReader(b), key)
		if code(t, err) == "" && (!bytes.Equal(boot.Bytes(), bootBytes) || !bytes.Equal(root.Bytes(), rootBytes)) {
			t.Error("another update is taken")
		}
	})
}
