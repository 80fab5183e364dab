package bootslot

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"monban/gateway/minisign"
	"monban/gateway/text"
)

// A Manifest is what is signed of an update; by their sums, all else is.
type Manifest struct {
	Product string    `json:"product"`
	Board   string    `json:"board"`
	Arch    string    `json:"arch"`
	Version Version   `json:"version"`
	Minimum Version   `json:"minimum"` // lowest running version that may install it
	Made    time.Time `json:"made"`    // UTC, whole seconds
	Root    Piece     `json:"root"`    // root file system with its hash tree
	Boot    Piece     `json:"boot"`    // UEFI: unified kernel image; Pi: FAT file system
	Notes   Notes     `json:"notes"`   // what is new, for people
}

// A Piece is a part of an update by size in bytes and content.
type Piece struct {
	Size   int64 `json:"size"`
	SHA256 Sum   `json:"sha256"`
}

// Notes say what is new, in their makers' words.
type Notes struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// A Sum is a SHA-256, in hexadecimal where it is written. The zero Sum is none.
type Sum [32]byte

// ParseSum reads what MarshalText writes, if it was left on a disk; none if it
// is anything else.
func ParseSum(b []byte) (s Sum) {
	if s.UnmarshalText(b) != nil {
		return Sum{}
	}
	return s
}

// MarshalText writes lower-case hexadecimal.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads hexadecimal.
func (s *Sum) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(s) || len(b)%2 != 0 {
		return errors.New("not a SHA-256 in hexadecimal")
	}
	_, err := hex.Decode(s[:], b)
	return err
}

// Bounds of what an update may be.
const (
	MaxManifest  = 16 << 10
	maxSignature = 1 << 10
	MaxBoot      = 128 << 20 // bytes of a boot piece
	MaxRoot      = 512 << 20 // bytes of a root
	maxNotes     = 4 << 10   // bytes in one language
	sector       = 512       // a root is a whole number of them
)

// Encode writes m in the one form that ParseManifest takes.
func (m Manifest) Encode() ([]byte, error) {
	m.Made = m.Made.UTC().Truncate(time.Second)
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// ParseManifest reads a manifest. Only the one form that Encode writes is
// taken, so that what was signed has one meaning.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > MaxManifest {
		return m, fmt.Errorf("a manifest of %d bytes", len(b))
	}
	if err := strict(b, &m); err != nil {
		return Manifest{}, err
	}
	if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
		return Manifest{}, errors.Join(errors.New("not in the form it is written in"), err)
	}
	return m, m.check()
}

func (m Manifest) check() error {
	switch {
	case m.Product == "" || m.Board == "" || m.Arch == "":
		return errors.New("it does not say what it is for")
	case m.Version.IsZero() || m.Minimum.IsZero() || m.Made.IsZero():
		return errors.New("version, minimum or date is missing")
	case m.Root.Size <= 0 || m.Root.Size > MaxRoot || m.Root.Size%sector != 0, m.Boot.Size <= 0 || m.Boot.Size > MaxBoot:
		return fmt.Errorf("root of %d bytes, boot piece of %d", m.Root.Size, m.Boot.Size)
	case len(m.Notes.JA) > maxNotes || len(m.Notes.EN) > maxNotes:
		return errors.New("the notes are too long")
	}
	return nil
}

// Trusted reads the manifest of an update after its signature was seen to be by
// one of keys. Errors are *text.Fault.
func Trusted(manifest, signature []byte, keys []minisign.Key) (Manifest, error) {
	sig, err := minisign.ParseSignature(signature)
	if err != nil {
		return Manifest{}, text.NewFault("slot.signature").Because(err)
	}
	known, good := false, false
	for _, k := range keys {
		known = known || sig.Names(k)
		good = good || sig.Covers(manifest, k)
	}
	switch {
	case !known:
		return Manifest{}, text.NewFault("slot.stranger")
	case !good:
		return Manifest{}, text.NewFault("slot.signature")
	}
	m, err := ParseManifest(manifest)
	if err != nil {
		return Manifest{}, text.NewFault("slot.manifest").Because(err)
	}
	return m, nil
}

// Verdict says why m may not be installed on a box that runs r; nil if it may.
func Verdict(r Release, m Manifest) error {
	version, running := m.Version.String(), r.Version.String()
	order := m.Version.Compare(r.Version)
	switch {
	case m.Product != r.Product:
		return text.NewFault("slot.product", "product", clean(m.Product), "running", r.Product)
	case m.Board != r.Board:
		return text.NewFault("slot.board", "board", clean(m.Board), "running", r.Board)
	case m.Arch != r.Arch:
		return text.NewFault("slot.arch", "arch", clean(m.Arch), "running", r.Arch)
	case order == 0:
		return text.NewFault("slot.same", "version", version)
	case order < 0:
		return text.NewFault("slot.older", "version", version, "running", running)
	case r.Version.Compare(m.Minimum) < 0:
		return text.NewFault("slot.minimum", "version", version, "running", running, "minimum", m.Minimum.String())
	}
	return nil
}

// clean makes a word of a file fit for a sentence.
func clean(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c <= ' ' || c >= 0x7f {
			out[i] = '?'
		}
	}
	return string(out[:min(len(out), 40)])
}

// Keys reads the public keys *.pub that lie in f, whose updates are taken. None
// at all is an error.
func Keys(f fs.FS) (keys []minisign.Key, err error) {
	names, err := fs.Glob(f, "*.pub")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("there is no key whose updates could be taken"), err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(f, name)
		if err != nil {
			return nil, fmt.Errorf("reading a key for updates: %w", err)
		}
		k, err := minisign.ParseKeyFile(b)
		if err != nil {
			return nil, fmt.Errorf("reading the key for updates %s: %w", path.Base(name), err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
