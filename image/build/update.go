package build

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
)

// manifest is what is signed of the update: what the image is, and its pieces.
func (i Image) manifest(boot, root bootslot.Piece) ([]byte, error) {
	b, err := bootslot.Manifest{
		Product: i.id(), Board: string(i.Board), Arch: i.Arch, Version: i.Version, Minimum: i.Minimum, Made: i.Made, Notes: i.Notes,
		Boot: boot, Root: root,
	}.Encode()
	if err != nil {
		return nil, err
	}
	if _, err := bootslot.ParseManifest(b); err != nil {
		return nil, fmt.Errorf("no box would take the update: %w", err)
	}
	return b, nil
}

// writeUpdate writes the file that a box is updated with, and its manifest and
// signature beside it, which a box asks for first. Without a key the signature
// is empty: no box takes that.
func (i Image) writeUpdate(dir, to, beside string) error {
	var files [2]*os.File
	var pieces [2]bootslot.Piece
	for n, name := range []string{bootFile, rootFile} {
		name = filepath.Join(dir, name)
		size, sum, err := digest(name)
		if err != nil {
			return err
		}
		pieces[n] = bootslot.Piece{Size: size, SHA256: sum}
		if files[n], err = os.Open(name); err != nil {
			return err
		}
		defer files[n].Close()
	}
	manifest, err := i.manifest(pieces[0], pieces[1])
	if err != nil {
		return err
	}
	var signature []byte
	if i.Key != nil {
		signature = i.Key.Sign(manifest, i.name())
		if err := os.WriteFile(beside+".minisig", signature, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(beside, manifest, 0o644); err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(bootslot.WriteUpdate(f, manifest, signature, files[0], files[1]), f.Close())
}

// Seal writes a signed update: an unsigned one with a signature over its
// manifest that was made elsewhere, by one of keys. It is read as a box reads it
// before it gets its name.
func Seal(unsigned, signatureFile, to string, keys []minisign.Key) error {
	signature, err := os.ReadFile(signatureFile)
	if err != nil {
		return err
	}
	in, err := os.Open(unsigned)
	if err != nil {
		return err
	}
	defer in.Close()
	manifest, _, err := bootslot.Head(in)
	if err != nil {
		return err
	}
	if _, err := bootslot.Trusted(manifest, signature, keys); err != nil {
		return err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := tar.NewReader(in)
	for range 2 { // what Head read
		if _, err := r.Next(); err != nil {
			return err
		}
	}
	part := to + ".part"
	out, err := os.Create(part)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	defer out.Close()
	if err := bootslot.WriteUpdate(out, manifest, signature, &entry{tar: r}, &entry{tar: r}); err != nil {
		return err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	u, err := bootslot.NewUpdate(out, keys)
	if err != nil {
		return err
	}
	if err := u.Boot(io.Discard); err != nil {
		return err
	}
	if err := u.Root(io.Discard); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Rename(part, to)
}

// An entry reads the entry of a tar that is the next one when reading begins.
type entry struct {
	tar   *tar.Reader
	begun bool
}

func (e *entry) Read(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		if _, err := e.tar.Next(); err != nil {
			return 0, err
		}
	}
	return e.tar.Read(b)
}
