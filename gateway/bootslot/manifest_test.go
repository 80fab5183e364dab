package bootslot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"monban/gateway/minisign"
	"monban/gateway/text"
)

var (
	bootBytes = []byte(strings.Repeat("boot", 300))
	rootBytes = bytes.Repeat([]byte("root0123"), 4096)
)

func testRelease() Release {
	return Release{Product: "monban", Board: "uefi", Arch: "amd64", Version: Version{n: [3]uint32{1, 2, 3}}}
}

// testManifest is that of an update the release of the test may take.
func testManifest() Manifest {
	return Manifest{
		Product: "monban", Board: "uefi", Arch: "amd64", Version: Version{n: [3]uint32{1, 3, 0}}, Minimum: Version{n: [3]uint32{1, 0, 0}},
		Made:  time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Root:  Piece{Size: int64(len(rootBytes)), SHA256: sha256.Sum256(rootBytes)},
		Boot:  Piece{Size: int64(len(bootBytes)), SHA256: sha256.Sum256(bootBytes)},
		Notes: Notes{JA: "直しました <ほか>", EN: "repairs & more"},
	}
}

func encode(t testing.TB, m Manifest) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secret(t testing.TB, seed byte) minisign.Secret {
	t.Helper()
	s, err := minisign.NewSecret(bytes.NewReader(bytes.Repeat([]byte{seed}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// code is the code of a Fault, whose sentences must be whole.
func code(t testing.TB, err error) string {
	t.Helper()
	var f *text.Fault
	if err == nil {
		return ""
	}
	if !errors.As(err, &f) {
		t.Fatalf("no fault: %v", err)
	}
	for _, l := range []text.Lang{text.JA, text.EN} {
		if s := l.Say(f.Code, f.Args); s == f.Code || strings.ContainsAny(s, "{}") {
			t.Errorf("%s has no whole sentence: %s", f.Code, s)
		}
	}
	return f.Code
}

func TestManifestIsReadBack(t *testing.T) {
	m := testManifest()
	got, err := ParseManifest(encode(t, m))
	if err != nil || got != m {
		t.Errorf("%+v, %v", got, err)
	}
}

// There is one way to write a manifest, and nothing in it that is not known.
func TestParseManifestRefuses(t *testing.T) {
	good := string(encode(t, testManifest()))
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%s is not in %s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	for what, s := range map[string]string{
		"nothing":         "",
		"a list":          "[]",
		"a new field":     change(`{`, `{"delta": true,`),
		"a field twice":   change(`  "board"`, `  "product": "monban",`+"\n"+`  "board"`),
		"another case":    change(`"board"`, `"Board"`),
		"other spaces":    change(`  "board"`, ` "board"`),
		"more behind it":  good + "x",
		"a leading zero":  change(`"1.3.0"`, `"1.03.0"`),
		"no version":      change(`"1.3.0"`, `""`),
		"no minimum":      change(`"1.0.0"`, `""`),
		"no product":      change(`"monban"`, `""`),
		"another zone":    change("00:00:00Z", "09:00:00+09:00"),
		"a huge root":     change(fmt.Sprint(len(rootBytes)), fmt.Sprint(MaxRoot+sector)),
		"half a sector":   change(fmt.Sprint(len(rootBytes)), "100"),
		"no root":         change(fmt.Sprint(len(rootBytes)), "0"),
		"less than none":  change(fmt.Sprint(len(bootBytes)), "-1"),
		"a short sum":     change(fmt.Sprintf("%x", sha256.Sum256(bootBytes)), "abc"),
		"upper-case sums": change(fmt.Sprintf("%x", sha256.Sum256(bootBytes)), fmt.Sprintf("%X", sha256.Sum256(bootBytes))),
		"long notes":      change("repairs", strings.Repeat("r", maxNotes)),
		"too much":        change("repairs", strings.Repeat("r", MaxManifest)),
	} {
		if m, err := ParseManifest([]byte(s)); err == nil {
			t.Errorf("with %s: %+v", what, m)
		}
	}
}

func TestTrusted(t *testing.T) {
	b := encode(t, testManifest())
	ours, next, other := secret(t, 1), secret(t, 2), secret(t, 3)
	keys := []minisign.Key{ours.Key(), next.Key()}
	for what, c := range map[string]struct {
		manifest, signature []byte
		code                string
	}{
		"our key":           {b, ours.Sign(b, "c"), ""},
		"the next key":      {b, next.Sign(b, "c"), ""},
		"a stranger's":      {b, other.Sign(b, "c"), "slot.stranger"},
		"another file's":    {b, ours.Sign(b[1:], "c"), "slot.signature"},
		"no signature":      {b, nil, "slot.signature"},
		"the old form":      {b, []byte(strings.Replace(string(ours.Sign(b, "c")), "\nRUQ", "\nRWQ", 1)), "slot.signature"},
		"signed nonsense":   {[]byte("{}\n"), ours.Sign([]byte("{}\n"), "c"), "slot.manifest"},
		"a changed comment": {b, bytes.Replace(ours.Sign(b, "cc"), []byte("comment: cc"), []byte("comment: cd"), 1), "slot.signature"},
	} {
		m, err := Trusted(c.manifest, c.signature, keys)
		if got := code(t, err); got != c.code {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		if (err == nil) != (m == testManifest()) {
			t.Errorf("%s: %+v", what, m)
		}
	}
	if _, err := Trusted(b, ours.Sign(b, "c"), nil); code(t, err) != "slot.stranger" {
		t.Error("without keys: ", err)
	}
}

func TestVerdict(t *testing.T) {
	for want, change := range map[string]func(*Manifest){
		"":             func(m *Manifest) {},
		"slot.product": func(m *Manifest) { m.Product = "monban\x1b[2J" },
		"slot.board":   func(m *Manifest) { m.Board = "rpi" },
		"slot.arch":    func(m *Manifest) { m.Arch = "arm64" },
		"slot.same":    func(m *Manifest) { m.Version = version(t, "1.2.3") },
		"slot.older":   func(m *Manifest) { m.Version = version(t, "1.2.2-debug") },
		"slot.minimum": func(m *Manifest) { m.Minimum = version(t, "1.2.3-debug") },
	} {
		m := testManifest()
		change(&m)
		err := Verdict(testRelease(), m)
		if got := code(t, err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if err != nil && strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q", err)
		}
	}
}

func TestParseRelease(t *testing.T) {
	r, err := ParseRelease([]byte(`{"product":"monban","board":"uefi","arch":"amd64","version":"1.2.3"}` + "\n"))
	if err != nil || r != testRelease() {
		t.Errorf("%+v, %v", r, err)
	}
	for _, s := range []string{"", "{}", `{"product":"monban","board":"uefi","arch":"amd64","version":"1.2"}`,
		`{"product":"monban","board":"uefi","arch":"amd64","version":"1.2.3","more":1}`} {
		if r, err := ParseRelease([]byte(s)); err == nil {
			t.Errorf("%s is %+v", s, r)
		}
	}
}

func TestKeys(t *testing.T) {
	a, b := secret(t, 1), secret(t, 2)
	dir := fstest.MapFS{"1.pub": {Data: a.KeyFile()}, "2.pub": {Data: b.KeyFile()}, "README": {Data: []byte("x")}}
	if keys, err := Keys(dir); err != nil || len(keys) != 2 || keys[0] != a.Key() || keys[1] != b.Key() {
		t.Error(keys, err)
	}
	for _, dir := range []fstest.MapFS{{}, {"1.pub": {Data: []byte("x")}}} {
		if keys, err := Keys(dir); err == nil {
			t.Error(keys)
		}
	}
}

// What is read has one form, whatever it was made of.
func FuzzManifest(f *testing.F) {
	f.Add(encode(f, testManifest()))
	f.Add([]byte(`{"version":"1.0.0"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if again := encode(t, m); !bytes.Equal(again, b) {
			t.Errorf("%q is written %q", b, again)
		}
		_ = Verdict(testRelease(), m)
	})
}
