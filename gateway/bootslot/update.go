package bootslot

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"

	"monban/gateway/minisign"
	"monban/gateway/text"
)

// Names of the entries of an update file, in this order and no other.
var entries = [...]string{"manifest", "manifest.minisig", "boot", "root"}

// An Update reads an update file, a plain tar (ustar), from its beginning to
// its end. Its errors are *text.Fault, except those of a writer it is given.
type Update struct {
	Manifest Manifest
	Sum      Sum // of the manifest as it is signed
	tar      *tar.Reader
	at       int // entry that comes next
}

// NewUpdate reads the manifest, after its signature was seen to be by one of
// keys.
func NewUpdate(r io.Reader, keys []minisign.Key) (*Update, error) {
	u := &Update{tar: tar.NewReader(r)}
	manifest, signature, err := u.head()
	if err != nil {
		return nil, err
	}
	if u.Manifest, err = Trusted(manifest, signature, keys); err != nil {
		return nil, err
	}
	u.Sum = sha256.Sum256(manifest)
	return u, nil
}

// Head reads manifest and signature at the beginning of an update file. They
// are not checked.
func Head(r io.Reader) (manifest, signature []byte, err error) {
	return (&Update{tar: tar.NewReader(r)}).head()
}

func (u *Update) head() (manifest, signature []byte, err error) {
	if manifest, err = u.small(MaxManifest); err != nil {
		return nil, nil, err
	}
	signature, err = u.small(maxSignature)
	return manifest, signature, err
}

// small reads an entry of at most so many bytes.
func (u *Update) small(most int64) ([]byte, error) {
	size, err := u.next()
	if err != nil {
		return nil, err
	}
	if size > most {
		return nil, text.NewFault("slot.form").Because(fmt.Errorf("%s is %d bytes", entries[u.at-1], size))
	}
	b, err := io.ReadAll(u.tar)
	if err != nil {
		return nil, text.NewFault("slot.cut").Because(err)
	}
	return b, nil
}

// next goes on to the entry that must come now and returns its size.
func (u *Update) next() (int64, error) {
	h, err := u.tar.Next()
	name := entries[u.at]
	switch {
	case errors.Is(err, tar.ErrHeader):
		return 0, text.NewFault("slot.form").Because(err)
	case errors.Is(err, io.EOF) && u.at == 0:
		return 0, text.NewFault("slot.form").Because(errors.New("it is empty"))
	case err != nil:
		return 0, text.NewFault("slot.cut").Because(err)
	case h.Name != name || h.Typeflag != tar.TypeReg || h.Format != tar.FormatUSTAR:
		return 0, text.NewFault("slot.form").Because(fmt.Errorf("%.40q stands where a plain file %s must", h.Name, name))
	}
	u.at++
	return h.Size, nil
}

// Boot writes the boot piece to w. It comes first, once.
func (u *Update) Boot(w io.Writer) error { return u.piece(2, u.Manifest.Boot, w) }

// Root writes the root to w. It comes second, once, and ends the update.
func (u *Update) Root(w io.Writer) error { return u.piece(3, u.Manifest.Root, w) }

// piece writes the entry at to w. What w got counts only without an error.
func (u *Update) piece(at int, want Piece, w io.Writer) error {
	if u.at != at {
		panic("bootslot: pieces of an update are read in their order")
	}
	size, err := u.next()
	if err != nil {
		return err
	}
	if size != want.Size {
		return text.NewFault("slot.size", "piece", entries[at], "size", strconv.FormatInt(size, 10), "want", strconv.FormatInt(want.Size, 10))
	}
	sum := sha256.New()
	to := &written{w: io.MultiWriter(sum, w)}
	_, err = io.Copy(to, u.tar)
	switch {
	case to.err != nil:
		return to.err
	case err != nil:
		return text.NewFault("slot.cut").Because(err)
	case !bytes.Equal(sum.Sum(nil), want.SHA256[:]):
		return text.NewFault("slot.sum", "piece", entries[at])
	}
	return nil
}

// written keeps the error of w apart from those of what is read.
type written struct {
	w   io.Writer
	err error
}

func (w *written) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.err = err
	return n, err
}

// WriteUpdate writes an update file. The same parts give the same bytes.
func WriteUpdate(w io.Writer, manifest, signature []byte, boot, root io.Reader) error {
	m, err := ParseManifest(manifest)
	if err != nil {
		return fmt.Errorf("writing an update: its manifest: %w", err)
	}
	t := tar.NewWriter(w)
	for i, e := range []struct {
		from io.Reader
		size int64
	}{
		{bytes.NewReader(manifest), int64(len(manifest))}, {bytes.NewReader(signature), int64(len(signature))},
		{boot, m.Boot.Size}, {root, m.Root.Size},
	} {
		h := &tar.Header{Name: entries[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: e.size, ModTime: m.Made, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("writing an update: %w", err)
		}
		if _, err := io.Copy(t, e.from); err != nil {
			return fmt.Errorf("writing an update: %s: %w", entries[i], err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("writing an update: %w", err)
	}
	return nil
}
