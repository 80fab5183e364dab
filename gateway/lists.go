package gateway

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"monban/dnsfilter/list"
)

// lists is the block lists in force and the files they came from.
type lists struct {
	compiled *list.List
	partial  bool      // some list is missing in it
	stamps   []stamp   // of the files when they were last looked at
	at       time.Time // when compiled was made
	notes    []Note    // what could not be read, line by line counts
}

// listsChanged says whether the list files of the configuration lie on disk
// otherwise than when they were last looked at.
func (g *Gateway) listsChanged() bool {
	_, now := g.listFiles()
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.Equal(now, g.lists.stamps)
}

// A listFile is one list as it lies on disk.
type listFile struct {
	name, stamp string
	format      list.Format
	open        func() (io.ReadCloser, error)
}

// listFiles are the lists of the configuration, and their stamps. One that is
// fetched and has not come yet is left out.
func (g *Gateway) listFiles() (files []listFile, stamps []stamp) {
	for _, l := range g.current().config.DNS.Lists {
		path, open, from := l.Path(g.listDir()), openPlain, l.File
		if l.URL != "" {
			path, open, from = g.textPath(l.Name), openPacked, l.URL
		}
		s := stampOf(path)
		stamps = append(stamps, s)
		if l.URL != "" && s == (stamp{}) {
			continue
		}
		files = append(files, listFile{l.Name, fmt.Sprintf("%s %s %d %d", from, l.Format, s.size, s.mod.UnixNano()), l.Format,
			func() (io.ReadCloser, error) { return open(path) }})
	}
	return files, stamps
}

func openPlain(path string) (io.ReadCloser, error) { return os.Open(path) }

// packed is a file whose contents are compressed.
type packed struct {
	*gzip.Reader
	f *os.File
}

func (p packed) Close() error { return errors.Join(p.Reader.Close(), p.f.Close()) }

func openPacked(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return packed{z, f}, nil
}

// made says whether l was made of exactly these files.
func made(l *list.List, files []listFile) bool {
	return l != nil && slices.EqualFunc(l.Sources(), files, func(r list.Report, f listFile) bool {
		return r.Name == f.name && r.Stamp == f.stamp
	})
}

// loadLists brings the block lists in force: those at hand or in the state
// directory if they were made of the files as they are, else new ones, compiled
// beside the old. A list that cannot be read leaves all old ones in force, at
// start those of the state directory: half a filter would look like a whole
// one. Without old ones it is left out and said.
func (g *Gateway) loadLists() {
	g.subs.building.Lock() // two at once would take twice the memory
	defer g.subs.building.Unlock()
	files, stamps := g.listFiles()
	g.mu.Lock()
	next := lists{compiled: g.lists.compiled, partial: g.lists.partial, at: g.lists.at, stamps: stamps}
	g.mu.Unlock()
	var kept error
	if next.compiled == nil {
		next.compiled, next.at, kept = g.keptLists()
	}
	if made(next.compiled, files) {
		next.notes = lineNotes(next.compiled)
	} else {
		g.compileLists(&next, files, kept)
	}
	g.mu.Lock()
	g.lists = next
	g.mu.Unlock()
}

// compileLists makes next new from files, if it can. Kept is why the lists of
// the state directory could not be used.
func (g *Gateway) compileLists(next *lists, files []listFile, kept error) {
	// Before there is a list, nobody is kept waiting by the reading of one.
	compiled, broken := g.readLists(files, next.compiled != nil)
	if broken != nil {
		g.o.Log.Error("block list not loaded", "list", broken.name, "err", broken.err)
		g.textLost(broken.name, broken.err)
	}
	if broken != nil && next.compiled != nil && !next.partial {
		next.notes = unreadNotes(*broken, "gateway.list_unread", "caution")
		return
	}
	next.compiled, next.at, next.partial, next.notes = compiled, g.o.Clock.Wall(), broken != nil, nil
	switch {
	case broken != nil && len(compiled.Sources()) > 0:
		next.notes = unreadNotes(*broken, "gateway.list_part", "danger")
	case broken != nil:
		next.notes = unreadNotes(*broken, "gateway.list_none", "danger")
	default:
		next.notes = g.storeLists(compiled, kept)
	}
	next.notes = append(next.notes, lineNotes(compiled)...)
	if compiled.Len() > 1<<16 {
		debug.FreeOSMemory() // the build's scratch space, at once
	}
}

// storeLists keeps whole lists for the next start, and says what is wrong
// with that.
func (g *Gateway) storeLists(compiled *list.List, kept error) (notes []Note) {
	if kept != nil && !errors.Is(kept, list.ErrVersion) { // after an update it is made again as a matter of course
		g.o.Log.Error("stored block lists broken; made again", "err", kept)
		notes = append(notes, Note{Code: "gateway.list_rebuilt", Level: "caution"})
	}
	if err := g.keepLists(compiled); err != nil {
		g.o.Log.Warn("block lists in force, but not stored", "err", err)
		notes = append(notes, Note{Code: "gateway.list_unkept", Level: "info"})
	}
	return notes
}

// A brokenList is one that could not be read, and why.
type brokenList struct {
	name string
	err  error
}

// readLists compiles files; broken is the first of those that could not be
// read and are left out. Beside says that questions are answered meanwhile.
func (g *Gateway) readLists(files []listFile, beside bool) (l *list.List, broken *brokenList) {
	b := list.NewBuilder(g.listKey)
	for _, file := range files {
		if _, err := readList(b, file, beside); err != nil && broken == nil {
			broken = &brokenList{file.name, err}
		}
	}
	return b.Build(), broken
}

// A breathing reader of a list lets others work every few hundred microseconds:
// without that a question could wait for a processor until the runtime takes it
// away, which is after 10 ms.
type breathing struct{ r io.Reader }

const (
	breathEvery = 32 << 10 // bytes
	breathFor   = 50 * time.Microsecond
)

func (b breathing) Read(p []byte) (int, error) {
	time.Sleep(breathFor)
	return b.r.Read(p[:min(len(p), breathEvery)])
}

func readList(b *list.Builder, file listFile, beside bool) (list.Report, error) {
	f, err := file.open()
	if err != nil {
		return list.Report{}, fmt.Errorf("opening list %s: %w", file.name, err)
	}
	defer f.Close()
	var in io.Reader = f
	if beside {
		in = breathing{f}
	}
	r, err := b.Add(list.Source{Name: file.name, Text: in, Stamp: file.stamp, Format: file.format})
	if err != nil {
		return r, fmt.Errorf("reading list %s: %w", file.name, err)
	}
	return r, nil
}
