package request

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"

	"monban/gateway/people"
)

func TestPublicText(t *testing.T) {
	pub := seeded(0).Public().(ed25519.PublicKey)
	said := PublicText(pub)
	t.Log(said, Fingerprint(pub))
	if n := strings.Count(said, " "); n != 14 || len(said) != len(keyHeader)+14*5 {
		t.Errorf("%q has %d groups", said, n)
	}
	_, groups, _ := strings.Cut(said, " ")
	for how, as := range map[string]string{
		"as printed":    said,
		"lower case":    strings.ToLower(said) + "\n",
		"full width":    wide(said),
		"alike letters": strings.NewReplacer("0", "o", "1", "I", "V", "U").Replace(said),
		"no first word": groups,
		"wrapped":       strings.Replace(said, " ", "\r\n> ", 7),
		"in a mail":     "鍵をお送りします。\nわたしの鍵: " + said + "\n\nYAMADA\n",
		"with hyphens":  strings.ReplaceAll(said, " ", "-"),
	} {
		if got, err := ParsePublic(as); err != nil || !got.Equal(pub) {
			t.Errorf("%s: %v, %q", how, err, as)
		}
	}
	for i := range groups {
		if groups[i] == ' ' {
			continue
		}
		if _, err := ParsePublic(flip(groups, i)); err == nil {
			t.Errorf("sign %d misread is not seen", i)
		}
	}
	for _, bad := range []string{"", keyHeader, groups[:len(groups)-1], said + " 0", strings.Repeat("0", 1<<20), sign1(t, usual())} {
		if _, err := ParsePublic(bad); err == nil {
			t.Errorf("%.99q is a key", bad)
		} else if c, _ := code(err); c != "request.bad_key" {
			t.Error(err)
		}
	}
	if a, b := Fingerprint(pub), Fingerprint(seeded(1).Public().(ed25519.PublicKey)); a == b || len(a) != 19 {
		t.Errorf("fingerprints %s and %s", a, b)
	}
}

// For a point of small order anybody can sign: S = 0 and R = the neutral point
// fit some messages, whatever the key's owner does.
func TestWeakKeys(t *testing.T) {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	anybody := func(pub ed25519.PublicKey) bool {
		for i := range 999 {
			if ed25519.VerifyWithOptions(pub, []byte(strconv.Itoa(i)), forged, signing()) == nil {
				return true
			}
		}
		return false
	}
	for rest := smallOrder; rest != ""; rest = rest[64:] {
		pub, err := hex.DecodeString(rest[:64])
		if err != nil || !anybody(pub) {
			t.Errorf("%s is not weak: %v", rest[:64], err)
		}
		for _, x := range []byte{0, 0x80} {
			pub[31] = pub[31]&0x7f | x
			if _, err := ParsePublic(PublicText(pub)); err == nil {
				t.Errorf("%x is taken", pub)
			}
		}
	}
	if pub := seeded(0).Public().(ed25519.PublicKey); anybody(pub) || weak(pub) {
		t.Error("a good key is weak")
	}
}

func TestKeyFile(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseKey(file); err != nil || !got.Equal(key) {
		t.Errorf("reads back as another: %v", err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, file[:len(file)/2], pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"})} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

// The signs are those of the other codes people type.
func TestAlphabet(t *testing.T) {
	for range 50 {
		c, _ := people.NewSetupCode()
		for _, v := range fold(c) {
			if v >= 32 {
				t.Fatalf("%s has another sign", c)
			}
		}
	}
	for i, r := range alphabet {
		if sign(r) != byte(i) || sign(r+0xfee0) != byte(i) {
			t.Errorf("%c is read as %d", r, sign(r))
		}
	}
}

func FuzzParsePublic(f *testing.F) {
	f.Add(PublicText(seeded(0).Public().(ed25519.PublicKey)))
	f.Add("monban-key\n> oooo")
	f.Fuzz(func(t *testing.T, in string) {
		pub, err := ParsePublic(in)
		if err != nil {
			return
		}
		if again, err := ParsePublic(PublicText(pub)); err != nil || !again.Equal(pub) {
			t.Fatalf("%q: %v", in, err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	file, err := MarshalKey(seeded(0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, in []byte) {
		if key, err := ParseKey(in); err == nil && len(key) != ed25519.PrivateKeySize {
			t.Fatalf("a key of %d bytes", len(key))
		}
	})
}
