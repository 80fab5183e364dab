package deb

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"monban/gateway/bootslot"
	"monban/gateway/config"
	"monban/image/licence"
)

//go:embed copyright
var copyright []byte

//go:embed monban.1
var manual []byte

//go:embed overrides
var overrides []byte

// control is what dpkg knows of the package. kib is its size on the disk.
func control(o Options, kib int) []byte {
	return fmt.Appendf(nil, `Package: monban
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Depends: systemd (>= 257), systemd-timesyncd
Suggests: nftables
Section: net
Priority: optional
Description: gatekeeper between a clinic's network and the internet
 Monban lets nobody in from outside except a named vendor, from a registered
 address, to one device, for a time that somebody in the clinic approved, and
 keeps the proof. The kernel ends the connection on time, also when the program
 is stopped. It answers DNS for the clinic and refuses harmful names, and lists
 every device that is plugged in.
 .
 The machine needs two network ports and stands between the internet line and
 the clinic. Nothing is started by installing the package.
`, debianVersion(o.Version), o.Arch, o.Maintainer, kib)
}

// debianVersion is a version in Debian's form (deb-version(7)), and in the order
// that boxes and their loader go by: a debug build is newer than the release of
// its number and older than the next. So whoever put one in keeps it until there
// is a release that has more than it, and going back to the release of the same
// number is a step back for dpkg, too, which says so.
func debianVersion(v bootslot.Version) string { return strings.ReplaceAll(v.String(), "-", "+") }

// documents puts what people read into the tree.
func (t tree) documents(ctx context.Context, o Options) error {
	const doc = "usr/share/doc/monban/"
	changes, err := os.ReadFile(filepath.Join(o.Source, "CHANGELOG.md"))
	if err != nil {
		return fmt.Errorf("reading the changes: %w", err)
	}
	texts, err := licence.All(ctx, o.Source, o.Program)
	if err != nil {
		return err
	}
	log := fmt.Sprintf("monban (%s) stable; urgency=medium\n\n  * What changes for the owner of a box: NEWS.md.gz beside this file.\n\n -- %s  %s\n",
		debianVersion(o.Version), o.Maintainer, o.Made.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	for name, data := range map[string][]byte{
		"changelog": []byte(log), "NEWS.md": changes, "THIRD-PARTY": thirdParty(texts),
	} {
		if data, err = zipped(data); err != nil {
			return err
		}
		t.put(doc+name+".gz", data)
	}
	page, err := zipped(manual)
	if err != nil {
		return err
	}
	t.put("usr/share/man/man1/monban.1.gz", page)
	t.put(doc+"copyright", copyright)
	t.put(doc+"examples/site.toml", config.Reference)
	t.put("usr/share/lintian/overrides/monban", overrides)
	return nil
}

// thirdParty is one text of all terms.
func thirdParty(texts []licence.Text) []byte {
	b := []byte("What /usr/bin/monban is made of, and its licences.\n")
	for _, x := range texts {
		b = fmt.Appendf(b, "\n======== %s: %s\n\n%s", x.Of, path.Base(x.Name), x.Data)
	}
	return b
}

// zipped is the same for the same data.
func zipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
