package minisign

import (
	"bytes"
	"encoding/base64"
	"testing"

	"golang.org/x/crypto/blake2b"
)

// A key of minisign's author, and the signature his own verifier is tested with
// (jedisct1/rust-minisign-verify, README): of the text "test", without a line's
// end.
const (
	theirKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	theirSig = "untrusted comment: signature from minisign secret key\n" +
		"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n" +
		"trusted comment: timestamp:1556193335\tfile:test\n" +
		"y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==\n"
)

func newKey(t testing.TB, seed byte) Secret {
	t.Helper()
	s, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{seed}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signed is a signature of either form.
func signed(s Secret, form, comment string, file []byte) []byte {
	if form == algHashed {
		return s.Sign(file, comment)
	}
	return s.sign(form, file, comment)
}

func good(k Key, sig, file []byte) bool {
	s, err := ParseSignature(sig)
	if err != nil {
		return false
	}
	c := NewChecker(s)
	c.Write(file[:len(file)/2])
	c.Write(file[len(file)/2:])
	return c.Good(k)
}

// What minisign itself has signed is good, and nothing near it.
func TestMinisignsOwnSignature(t *testing.T) {
	k, err := ParseKey(theirKey)
	if err != nil || k.String() != theirKey {
		t.Fatal(k, err)
	}
	if !good(k, []byte(theirSig), []byte("test")) {
		t.Error("their own signature is refused")
	}
	for i := range theirSig {
		b := []byte(theirSig)
		b[i] ^= 1
		if first := bytes.IndexByte([]byte(theirSig), '\n'); i >= len("untrusted comment: ") && i < first {
			continue // that is untrusted
		}
		if good(k, b, []byte("test")) {
			t.Errorf("good with byte %d changed", i)
		}
	}
	if good(k, []byte(theirSig), []byte("tesT")) || good(k, []byte(theirSig), nil) {
		t.Error("good for another file")
	}
}

// Both forms, their keys, and what belongs together.
func TestSignatures(t *testing.T) {
	secret, other := newKey(t, 7), newKey(t, 8)
	k, k2 := secret.Key(), other.Key()
	other.id = secret.id // claims to be ours
	file := []byte("0.0.0.0 ads.example\n")
	for _, form := range []string{algHashed, algLegacy} {
		sig := signed(secret, form, "timestamp:1\tfile:a", file)
		if !good(k, sig, file) || !good(k, bytes.ReplaceAll(sig, []byte("\n"), []byte("\r\n")), file) {
			t.Errorf("%s: refused", form)
		}
		for what, bad := range map[string]bool{
			"another key":     good(k2, sig, file),
			"another file":    good(k, sig, file[1:]),
			"another comment": good(k, bytes.Replace(sig, []byte("timestamp:1"), []byte("timestamp:2"), 1), file),
			"another's":       good(k, signed(other, form, "", file), file), // under our key's id
		} {
			if bad {
				t.Errorf("%s: good with %s", form, what)
			}
		}
	}
	// The old form over a hash is not the new form over the file.
	sum := blake2b.Sum512(file)
	if good(k, signed(secret, algLegacy, "", sum[:]), file) {
		t.Error("forms are confused")
	}
	big := make([]byte, MaxLegacy+1)
	s, err := ParseSignature(signed(secret, algLegacy, "", big))
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(s)
	c.Write(big)
	if !c.TooBig() || c.Good(k) || c.file.Len() != 0 {
		t.Error("a big file under the old form is kept in memory")
	}
}

func TestParseKey(t *testing.T) {
	for _, s := range []string{"", "RWQ", theirKey[1:], theirKey + "\n", "ED" + theirKey[2:],
		Key{}.String(), base64.StdEncoding.EncodeToString(make([]byte, 42))} {
		if k, err := ParseKey(s); err == nil {
			t.Errorf("%q is %v", s, k)
		}
	}
}

// No bytes of a server break the parser, and what it takes has one meaning.
func FuzzSignature(f *testing.F) {
	secret := newKey(f, 7)
	k := secret.Key()
	f.Add([]byte(theirSig), []byte("test"))
	f.Add(signed(secret, algLegacy, "c", []byte("x")), []byte("x"))
	f.Add(signed(secret, algHashed, "", nil), []byte{})
	f.Add([]byte("untrusted comment: \n\ntrusted comment: \n\n"), []byte{})
	f.Fuzz(func(t *testing.T, sig, file []byte) {
		s, err := ParseSignature(sig)
		if err != nil {
			return
		}
		if len(sig) > 1<<16 {
			t.Skip()
		}
		c := NewChecker(s)
		c.Write(file)
		if c.Good(k) && !c.hashed && !bytes.Equal(file, []byte("x")) {
			t.Error("good for a file nobody signed")
		}
		again := signed(secret, algLegacy, s.comment, nil)
		if _, err := ParseSignature(again); err != nil {
			t.Errorf("comment %q cannot be written again", s.comment)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add(theirKey)
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseKey(s); err == nil && (k.String() != s || k.IsZero()) {
			t.Errorf("%q is %q", s, k)
		}
	})
}
