package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
)

// Names of what is in an update beside boot piece and root.
const (
	manifestName  = "manifest"
	signatureName = "manifest.minisig"
)

// writeUpdate writes the file that a box is updated with, and its manifest and
// signature beside it, which a box asks for first. Without a key the signature
// is empty: no box takes that.
func (i Image) writeUpdate(dir, to, beside string) error {
	m := bootslot.Manifest{
		Product: product, Board: string(i.Board), Arch: i.Arch, Version: i.Version, Minimum: i.Minimum, Made: i.Made, Notes: i.Notes,
	}
	for name, piece := range map[string]*bootslot.Piece{bootFile: &m.Boot, rootFile: &m.Root} {
		size, sum, err := digest(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		*piece = bootslot.Piece{Size: size, SHA256: sum}
	}
	manifest, err := m.Encode()
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
	w := tar.NewWriter(f)
	err = errors.Join(
		addEntry(w, manifestName, int64(len(manifest)), m.Made, bytes.NewReader(manifest)),
		addEntry(w, signatureName, int64(len(signature)), m.Made, bytes.NewReader(signature)),
		addFile(w, "boot", m.Made, filepath.Join(dir, bootFile)),
		addFile(w, "root", m.Made, filepath.Join(dir, rootFile)),
		w.Close(), f.Close())
	return err
}

// Seal writes a signed update: an unsigned one with a signature over its
// manifest that was made elsewhere, by one of keys.
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
	m, err := bootslot.Trusted(manifest, signature, keys)
	if err != nil {
		return err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	r, w := tar.NewReader(in), tar.NewWriter(out)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return errors.Join(w.Close(), out.Close())
		}
		if err != nil {
			return err
		}
		size, content := h.Size, io.Reader(r)
		if h.Name == signatureName {
			size, content = int64(len(signature)), bytes.NewReader(signature)
		}
		if err := addEntry(w, h.Name, size, m.Made, content); err != nil {
			return err
		}
	}
}

func addEntry(w *tar.Writer, name string, size int64, made time.Time, content io.Reader) error {
	h := &tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: made, Format: tar.FormatUSTAR}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(w, content)
	return err
}

func addFile(w *tar.Writer, name string, made time.Time, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return addEntry(w, name, st.Size(), made, f)
}
