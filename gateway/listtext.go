package gateway

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"monban/dnsfilter/subscribe"
	"monban/gateway/text"
)

// The texts of lists that are fetched lie in the state directory, compressed:
// NAME.gz is in use, NAME.held.gz waits for the director, .new-… is being
// written.
const (
	maxText  = 128 << 20 // bytes of a compressed text; 256 MiB of names pack into half of it
	leastGap = 8         // of what is free, a new text takes at most the 8th part
	newText  = ".new-"   // no list's name begins with a dot
)

func (g *Gateway) textDir() string             { return filepath.Join(g.o.State, "fetched") }
func (g *Gateway) textPath(name string) string { return filepath.Join(g.textDir(), name+".gz") }
func (g *Gateway) heldPath(name string) string { return filepath.Join(g.textDir(), name+".held.gz") }

// A draft is a text on its way to the disk, within a quota, so that nobody
// can fill it from outside.
type draft struct {
	f    *os.File
	z    *gzip.Writer
	left int64
}

var errQuota = errors.New("no room for so much")

// newDraft begins a text. It is kept by keep, or else dropped.
func (g *Gateway) newDraft() (*draft, error) {
	if err := os.MkdirAll(g.textDir(), 0o700); err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(g.textDir(), &fs); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(g.textDir(), newText)
	if err != nil {
		return nil, err
	}
	d := &draft{f: f, left: min(maxText, int64(fs.Bavail)*int64(fs.Bsize)/leastGap)}
	d.z, err = gzip.NewWriterLevel(quota{d}, gzip.BestSpeed)
	if err != nil {
		d.drop()
	}
	return d, err
}

func (d *draft) Write(b []byte) (int, error) { return d.z.Write(b) }

// A quota is the file below a draft's compression.
type quota struct{ d *draft }

func (q quota) Write(b []byte) (int, error) {
	if q.d.left -= int64(len(b)); q.d.left < 0 {
		return 0, errQuota
	}
	return q.d.f.Write(b)
}

// finish brings all of it to the disk.
func (d *draft) finish() error { return errors.Join(d.z.Close(), d.f.Sync()) }

// keep gives a finished text its place.
func (d *draft) keep(path string) error { return os.Rename(d.f.Name(), path) }

// drop closes the file and removes it, unless it was kept.
func (d *draft) drop() {
	d.f.Close()
	os.Remove(d.f.Name())
}

// noRoom is the sentence for a text that did not fit.
func noRoom(name string, err error) error {
	return text.NewFault("list.fetch_disk", "list", name).Because(err)
}

// sweepTexts removes what an earlier run left half-written.
func (g *Gateway) sweepTexts() {
	left, err := filepath.Glob(filepath.Join(g.textDir(), newText+"*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		g.o.Log.Warn("half-written lists not removed", "err", err)
	}
}

// dropTexts removes the texts of lists that are gone.
func (g *Gateway) dropTexts(gone func(name string) bool) {
	g.subs.moving.Lock()
	defer g.subs.moving.Unlock()
	texts, err := os.ReadDir(g.textDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.o.Log.Warn("fetched lists not looked through", "err", err)
	}
	for _, e := range texts {
		name, ok := strings.CutSuffix(e.Name(), ".gz")
		if name = strings.TrimSuffix(name, ".held"); ok && gone(name) {
			if err := os.Remove(filepath.Join(g.textDir(), e.Name())); err != nil {
				g.o.Log.Warn("text of a list that is gone not removed", "err", err)
			}
		}
	}
}

// textThere says whether there is a text of the list in use.
func (g *Gateway) textThere(name string) bool { return stampOf(g.textPath(name)) != (stamp{}) }

// textLost has a list fetched anew whose text cannot be read. One for which
// there is no room beside the others is as it should be, and would be fetched
// for ever.
func (g *Gateway) textLost(name string, err error) {
	var f *text.Fault
	if errors.As(err, &f) && (f.Code == "list.too_big" || f.Code == "dns.too_many_lists") {
		return
	}
	g.subs.mu.Lock()
	g.subs.lost[name] = true
	g.subs.mu.Unlock()
	signal(g.subs.wake)
}

// mendTexts makes lists due whose texts were lost, whatever their servers said
// of them.
func (g *Gateway) mendTexts() {
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	for name := range g.subs.lost {
		if st, ok := g.subs.states[name]; ok {
			st.Sum, st.Seen = "", subscribe.Seen{}
			g.subs.states[name] = st
		}
		g.subs.due[name] = max(g.o.Clock.Boot(), g.subs.began+fetchFirst)
		delete(g.subs.lost, name)
	}
}
