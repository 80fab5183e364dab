package minisign

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// A Secret is a secret key without a password, as "minisign -G -W" makes them.
// Keys for releases have one, and stay with minisign.
type Secret struct {
	id  [8]byte
	key ed25519.PrivateKey
}

// What a file of a secret key holds (minisign.h, SeckeyStruct): algorithms of
// signature, key derivation and checksum, 48 bytes for the derivation, then id,
// key and checksum. The checksum is for the password and empty without one.
const (
	algPlain   = "\x00\x00" // no derivation: there is no password
	algSum     = "B2"
	derivation = 32 + 8 + 8
	checksum   = 32
	secretSize = 2 + 2 + 2 + derivation + 8 + ed25519.PrivateKeySize + checksum
)

var (
	errSecret = errors.New("not a secret key of minisign")
	errLocked = errors.New("the secret key has a password: sign with minisign itself")
)

// NewSecret makes a key out of 40 bytes of rand.
func NewSecret(rand io.Reader) (Secret, error) {
	var s Secret
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, s.id[:]); err != nil {
		return Secret{}, fmt.Errorf("making a key: %w", err)
	}
	if _, err := io.ReadFull(rand, seed); err != nil {
		return Secret{}, fmt.Errorf("making a key: %w", err)
	}
	s.key = ed25519.NewKeyFromSeed(seed)
	return s, nil
}

// ParseSecret reads a file minisign.key that has no password.
func ParseSecret(b []byte) (Secret, error) {
	lines := split(b)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], untrusted) {
		return Secret{}, errSecret
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[1])
	if err != nil || len(raw) != secretSize || string(raw[:2]) != algLegacy || string(raw[4:6]) != algSum {
		return Secret{}, errSecret
	}
	if string(raw[2:4]) != algPlain {
		return Secret{}, errLocked
	}
	var s Secret
	rest := raw[6+derivation:]
	copy(s.id[:], rest)
	s.key = ed25519.NewKeyFromSeed(rest[8 : 8+ed25519.SeedSize])
	if !bytes.Equal(rest[8:8+ed25519.PrivateKeySize], s.key) {
		return Secret{}, errSecret
	}
	return s, nil
}

// File is the form that ParseSecret reads.
func (s Secret) File() []byte {
	b := append([]byte(algLegacy+algPlain+algSum), make([]byte, derivation)...)
	b = append(append(append(b, s.id[:]...), s.key...), make([]byte, checksum)...)
	return fmt.Appendf(nil, "%sminisign secret key\n%s\n", untrusted, base64.StdEncoding.EncodeToString(b))
}

// Key is the public half.
func (s Secret) Key() Key {
	k := Key{id: s.id}
	copy(k.key[:], s.key.Public().(ed25519.PublicKey))
	return k
}

// KeyFile is the public half in the form that ParseKeyFile reads.
func (s Secret) KeyFile() []byte {
	return fmt.Appendf(nil, "%sminisign public key %X\n%s\n", untrusted, reversed(s.id), s.Key())
}

// reversed is an id as minisign shows it, the highest byte first.
func reversed(id [8]byte) []byte {
	b := bytes.Clone(id[:])
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return b
}

// Sign returns the signature file for file, with a trusted comment of one line.
func (s Secret) Sign(file []byte, comment string) []byte {
	sum := blake2b.Sum512(file)
	return s.sign(algHashed, sum[:], comment)
}

func (s Secret) sign(form string, message []byte, comment string) []byte {
	sig := ed25519.Sign(s.key, message)
	global := ed25519.Sign(s.key, append(bytes.Clone(sig), comment...))
	line := append(append([]byte(form), s.id[:]...), sig...)
	return fmt.Appendf(nil, "%ssignature from minisign secret key\n%s\n%s%s\n%s\n", untrusted,
		base64.StdEncoding.EncodeToString(line), trusted, comment, base64.StdEncoding.EncodeToString(global))
}
