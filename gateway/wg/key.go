package wg

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// KeyFile is the name of the file LoadKey keeps.
const KeyFile = "wireguard.key"

// A Key is a public key (Curve25519).
type Key [wgtypes.KeyLen]byte

// A PrivateKey is the secret half. It does not print itself.
type PrivateKey [wgtypes.KeyLen]byte

// ParseKey reads a public key in the base64 form of wg(8).
func ParseKey(s string) (Key, error) {
	k, err := parse([]byte(s))
	return Key(k), err
}

// String is the base64 form, for the vendor's configuration.
func (k Key) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

func (k Key) compare(o Key) int { return bytes.Compare(k[:], o[:]) }

// String hides the key from logs.
func (PrivateKey) String() string { return "(private key)" }

// GoString hides it from %#v as well.
func (PrivateKey) GoString() string { return "(private key)" }

// Public returns the other half.
func (k PrivateKey) Public() Key { return Key(wgtypes.Key(k).PublicKey()) }

// LoadKey reads the box's private key from dir, or makes it there once, for
// its owner's eyes only. A file that is there but cannot be read is an error
// and is never replaced: every vendor has its other half in his settings.
func LoadKey(dir string) (PrivateKey, error) {
	file := filepath.Join(dir, KeyFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newKey(file)
	}
	if err != nil {
		return PrivateKey{}, fmt.Errorf("reading the tunnel key: %w", err)
	}
	k, err := parse(bytes.TrimSuffix(b, []byte("\n")))
	if err != nil {
		return PrivateKey{}, fmt.Errorf("reading the tunnel key %s: %w", file, err)
	}
	return PrivateKey(k), nil
}

// newKey makes a key and puts the file in place, whole or not at all.
func newKey(file string) (PrivateKey, error) {
	k, err := wgtypes.GeneratePrivateKey()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("making the tunnel key: %w", err)
	}
	if err := renameio.WriteFile(file, []byte(k.String()+"\n"), 0o600, renameio.IgnoreUmask()); err != nil {
		return PrivateKey{}, fmt.Errorf("writing the tunnel key: %w", err)
	}
	return PrivateKey(k), nil
}

// parse reads exactly one key that is not zero, in its one base64 form.
func parse(b []byte) (k [wgtypes.KeyLen]byte, err error) {
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, b)
	if err != nil || len(raw) != len(k) || len(b) != base64.StdEncoding.EncodedLen(len(k)) {
		return k, errors.Join(err, errors.New("not 32 bytes of base64"))
	}
	if copy(k[:], raw); k == [wgtypes.KeyLen]byte{} {
		return k, errors.New("a key of zeros")
	}
	return k, nil
}
