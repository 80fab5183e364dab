// Package minisign checks and makes signatures in the format of minisign
// (jedisct1/minisign), so that files can be signed on a machine that has
// nothing of ours.
//
// It decides about no key whether to trust it.
package minisign

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"hash"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// The forms of a signature: "Ed" signs the file, "ED" its BLAKE2b-512; a key
// says "Ed" for both.
const (
	algLegacy = "Ed"
	algHashed = "ED"
	keyText   = 56 // characters of a key
)

// MaxLegacy is the size in bytes up to which a file under a signature of the
// old form can be checked: it must be held whole.
const MaxLegacy = 16 << 20

// A Key is a public key. The zero Key is none.
type Key struct {
	id  [8]byte
	key [ed25519.PublicKeySize]byte
}

var (
	errKey       = errors.New("not a public key of minisign")
	errSignature = errors.New("not a signature of minisign")
)

// The first lines of the files that minisign writes.
const (
	untrusted = "untrusted comment: "
	trusted   = "trusted comment: "
)

// ParseKey reads a public key as minisign prints it: 56 characters that begin
// with RW.
func ParseKey(s string) (Key, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	var k Key
	if err != nil || len(s) != keyText || len(b) != len(algLegacy)+len(k.id)+len(k.key) || string(b[:2]) != algLegacy {
		return Key{}, errKey
	}
	copy(k.id[:], b[2:])
	copy(k.key[:], b[10:])
	if k.key == [ed25519.PublicKeySize]byte{} {
		return Key{}, errKey
	}
	return k, nil
}

// ParseKeyFile reads a file minisign.pub: a comment, and the key on the second
// line.
func ParseKeyFile(b []byte) (Key, error) {
	lines := split(b)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], untrusted) {
		return Key{}, errKey
	}
	return ParseKey(lines[1])
}

// split returns the lines of a file of minisign.
func split(b []byte) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n"), "\n")
}

// IsZero says whether k is no key.
func (k Key) IsZero() bool { return k == Key{} }

// String is the form that ParseKey reads.
func (k Key) String() string {
	b := append([]byte(algLegacy), k.id[:]...)
	return base64.StdEncoding.EncodeToString(append(b, k.key[:]...))
}

// A Signature is a signature file.
type Signature struct {
	hashed  bool
	id      [8]byte
	sig     [ed25519.SignatureSize]byte
	comment string                      // the trusted one …
	global  [ed25519.SignatureSize]byte // … which this holds to sig
}

// ParseSignature reads a signature file: an untrusted comment, the signature,
// a trusted comment, the signature over both; each on a line of its own.
func ParseSignature(b []byte) (Signature, error) {
	var s Signature
	lines := split(b)
	if len(lines) != 4 || !strings.HasPrefix(lines[0], untrusted) {
		return s, errSignature
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(lines[1])
	comment, ok := strings.CutPrefix(lines[2], trusted)
	if err != nil || !ok || len(sig) != 2+len(s.id)+len(s.sig) {
		return s, errSignature
	}
	switch string(sig[:2]) {
	case algHashed:
		s.hashed = true
	case algLegacy:
	default:
		return s, errSignature
	}
	global, err := base64.StdEncoding.Strict().DecodeString(lines[3])
	if err != nil || len(global) != len(s.global) {
		return s, errSignature
	}
	copy(s.id[:], sig[2:])
	copy(s.sig[:], sig[10:])
	copy(s.global[:], global)
	s.comment = comment
	return s, nil
}

// Names says whether s claims to be by k.
func (s Signature) Names(k Key) bool { return s.id == k.id }

// Covers says whether s is k's and over all of file.
func (s Signature) Covers(file []byte, k Key) bool {
	c := NewChecker(s)
	c.Write(file)
	return c.Good(k)
}

// A Checker takes in the file that a signature is about, piece by piece.
type Checker struct {
	Signature
	sum  hash.Hash
	file bytes.Buffer // the old form needs all of it
	full bool         // there was more of it than may be kept
}

// NewChecker returns a Checker for s.
func NewChecker(s Signature) *Checker {
	sum, err := blake2b.New512(nil)
	if err != nil {
		panic(err) // only a key can be wrong
	}
	return &Checker{Signature: s, sum: sum}
}

// Write takes in more of the file; it never fails.
func (c *Checker) Write(b []byte) (int, error) {
	switch {
	case c.hashed:
		c.sum.Write(b)
	case c.file.Len()+len(b) > MaxLegacy:
		c.full = true
		c.file = bytes.Buffer{}
	case !c.full:
		c.file.Write(b)
	}
	return len(b), nil
}

// TooBig says whether the file is above MaxLegacy under a signature of the old
// form, which is then good for nobody.
func (c *Checker) TooBig() bool { return c.full }

// Good says whether the signature is k's and over what was written.
func (c *Checker) Good(k Key) bool {
	message := c.file.Bytes()
	if c.hashed {
		message = c.sum.Sum(nil)
	}
	whole := append(bytes.Clone(c.sig[:]), c.comment...)
	return !c.full && c.id == k.id && ed25519.Verify(k.key[:], message, c.sig[:]) && ed25519.Verify(k.key[:], whole, c.global[:])
}
