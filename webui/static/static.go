// Package static holds the files a browser loads beside a page: style sheets,
// one script, one picture.
//
// It serves them under names that carry a hash of what is in them, so that
// they never need to be asked for twice; what is on the pages is package view.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed *.css *.js *.svg
var embedded embed.FS

// Prefix is where the assets live on the page's server.
const Prefix = "/assets/"

// Assets are the files under their public names.
type Assets struct {
	paths map[string]string // file name to public path
	files map[string]asset  // public path to file
}

type asset struct {
	kind string // content type
	data []byte
}

// kinds are fixed here, because mime.TypeByExtension asks the system.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Load reads and hashes the embedded files.
func Load() (*Assets, error) {
	names, err := fs.Glob(embedded, "*")
	if err != nil {
		return nil, fmt.Errorf("listing assets: %w", err)
	}
	a := &Assets{paths: map[string]string{}, files: map[string]asset{}}
	for _, name := range names {
		data, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading asset %s: %w", name, err)
		}
		ext := path.Ext(name)
		sum := sha256.Sum256(data)
		public := Prefix + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
		a.paths[name] = public
		a.files[public] = asset{kind: kinds[ext], data: data}
	}
	return a, nil
}

// Path is the public path of the named file, such as "monban.css". It panics
// for a file that does not exist: that is a mistake in the program.
func (a *Assets) Path(name string) string {
	p, ok := a.paths[name]
	if !ok {
		panic("static: no asset " + name)
	}
	return p
}

// ServeHTTP answers a GET of a public path. The answer may be kept for a year.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
