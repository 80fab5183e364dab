package minisign

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Made by minisign 0.11, for this test alone: "-G -W", its signature with
// "-S -t 'monban 0.1.0'" of madeFile, and a key with a password.
const (
	madeSecret = "untrusted comment: minisign encrypted secret key\nRWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG72cnKbaUTBy/dclF1VbpSuN6+JvKDiElW/APVhhP+DsO01m5sUtbge69nbr1oQUNi3FSwzAAUtyyLcnjhqYj/0tHECvDYUGAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	madeKey    = "untrusted comment: minisign public key 3051DAA69C9CBD1B\nRWQbvZycptpRMAe69nbr1oQUNi3FSwzAAUtyyLcnjhqYj/0tHECvDYUG\n"
	madeFile   = "manifest\n"
	madeSig    = "untrusted comment: signature from minisign secret key\n" +
		"RUQbvZycptpRMGd7VduIKV7P01bL0HXdSz8qpHHtSfin5DFExIgOkLm+Gj/yaOwnIrsUPAHTfeP79oBJuZI9fH7qQSYfKEyTngg=\n" +
		"trusted comment: monban 0.1.0\n" +
		"macwEILfhdkR1Kd3iY7xnU61oKSdYgkXYMp8giLBbZFG+4pT8n1f0XB5KoCcyV+FqNYcgqG2BgYbkmE7zohJAQ==\n"
	lockedSecret = "untrusted comment: minisign encrypted secret key\nRWRTY0IyKIYY5Q6iXeXAcniVFLaQyNyZ5KE/8U2a/VYt28PsV+gAAAACAAAAAAAAAEAAAAAAnG8P0oxwpAUgn+/l1rwxuX1A7d8My8txD0MYSzNDPiszZOdzl0ycaws4m4xRnKHlIMGhA4OejEpvGrIURMuJ+jneKEX2IvedCq+wc05Zv1jkjxVUvoSLrN5Q8YeUs5OFuxOUjGD0oXo=\n"
)

// What is signed here is byte for byte what minisign signs.
func TestSignsAsMinisignDoes(t *testing.T) {
	s, err := ParseSecret([]byte(madeSecret))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Sign([]byte(madeFile), "monban 0.1.0"); string(got) != madeSig {
		t.Errorf("signed\n%s", got)
	}
	k, err := ParseKeyFile([]byte(madeKey))
	if err != nil || k != s.Key() || string(s.KeyFile()) != madeKey {
		t.Errorf("%v %v\n%s", k, err, s.KeyFile())
	}
	sig, err := ParseSignature([]byte(madeSig))
	if err != nil || !sig.Names(k) || !sig.Covers([]byte(madeFile), k) || sig.Covers([]byte(madeFile), newKey(t, 7).Key()) {
		t.Error(sig, err)
	}
}

func TestSecretFile(t *testing.T) {
	made := newKey(t, 7)
	again, err := ParseSecret(made.File())
	if err != nil || again.id != made.id || !bytes.Equal(again.key, made.key) {
		t.Error(again, err)
	}
	if _, err := ParseSecret([]byte(lockedSecret)); !errors.Is(err, errLocked) {
		t.Errorf("with a password: %v", err)
	}
	for _, s := range []string{"", madeKey, strings.Replace(madeSecret, "RWQAA", "RWQAB", 1), strings.Replace(madeSecret, "untrusted", "trusted", 1),
		strings.Replace(madeSecret, "y/dclF", "z/dclF", 1)} {
		if _, err := ParseSecret([]byte(s)); err == nil {
			t.Errorf("%q is a secret key", s)
		}
	}
	if _, err := NewSecret(strings.NewReader("too little")); err == nil {
		t.Error("a key was made of too little")
	}
}

func TestParseKeyFile(t *testing.T) {
	for _, s := range []string{"", theirKey, madeKey + madeKey, strings.TrimPrefix(madeKey, "untrusted ")} {
		if k, err := ParseKeyFile([]byte(s)); err == nil {
			t.Errorf("%q is %v", s, k)
		}
	}
}

func FuzzKeyFiles(f *testing.F) {
	f.Add([]byte(madeKey))
	f.Add([]byte(madeSecret))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKeyFile(b); err == nil && k.IsZero() {
			t.Error("no key")
		}
		if s, err := ParseSecret(b); err == nil {
			sig, err := ParseSignature(s.Sign(b, "c"))
			if err != nil || !sig.Covers(b, s.Key()) {
				t.Errorf("what it signs is not good: %v", err)
			}
		}
	})
}
