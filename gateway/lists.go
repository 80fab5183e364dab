package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"monban/dnsfilter/list"
	"monban/gateway/text"
)

// lists is the block lists in force and the files they came from.
type lists struct {
	compiled *list.List
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

// A listFile is one list of the configuration as it lies on disk.
type listFile struct {
	name, path, stamp string
}

// listFiles are the lists of the configuration, and their stamps.
func (g *Gateway) listFiles() (files []listFile, stamps []stamp) {
	for _, l := range g.current().config.DNS.Lists {
		path := l.Path(g.listDir())
		s := stampOf(path)
		stamps = append(stamps, s)
		files = append(files, listFile{l.Name, path, fmt.Sprintf("%s %d %d", l.File, s.size, s.mod.UnixNano())})
	}
	return files, stamps
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
// one.
func (g *Gateway) loadLists() {
	files, stamps := g.listFiles()
	g.mu.Lock()
	next := lists{compiled: g.lists.compiled, at: g.lists.at, stamps: stamps}
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
	compiled, bad, err := g.readLists(files)
	if err != nil {
		g.o.Log.Error("block lists not loaded; the old ones stay", "err", err)
		next.notes = unreadNotes(bad, next.compiled != nil, err)
		return
	}
	next.compiled, next.at = compiled, g.o.Clock.Wall()
	if kept != nil {
		g.o.Log.Error("stored block lists broken; made again", "err", kept)
		next.notes = append(next.notes, Note{Code: "gateway.list_rebuilt", Level: "caution"})
	}
	if len(files) > 0 {
		if err := g.keepLists(compiled); err != nil {
			g.o.Log.Warn("block lists in force, but not stored", "err", err)
			next.notes = append(next.notes, Note{Code: "gateway.list_unkept", Level: "info"})
		}
	}
	next.notes = append(next.notes, lineNotes(compiled)...)
	if compiled.Len() > 1<<16 {
		debug.FreeOSMemory() // the build's scratch space, at once
	}
}

// readLists compiles files; bad is the one that could not be read.
func (g *Gateway) readLists(files []listFile) (l *list.List, bad string, err error) {
	b := list.NewBuilder(g.listKey)
	for _, file := range files {
		if err := readList(b, file); err != nil {
			return nil, file.name, err
		}
	}
	return b.Build(), "", nil
}

func readList(b *list.Builder, file listFile) error {
	f, err := os.Open(file.path)
	if err != nil {
		return fmt.Errorf("opening list %s: %w", file.name, err)
	}
	defer f.Close()
	if _, err := b.Add(list.Source{Name: file.name, Text: f, Stamp: file.stamp}); err != nil {
		return fmt.Errorf("reading list %s: %w", file.name, err)
	}
	return nil
}

// unreadNotes say which list could not be read, why, and what guards instead.
func unreadNotes(bad string, old bool, err error) (notes []Note) {
	var f *text.Fault
	if errors.As(err, &f) && f.Code != "dns.list_unreadable" {
		notes = append(notes, Note{Code: f.Code, Level: "caution", Args: f.Args})
	}
	code, level := "gateway.list_none", "danger"
	if old {
		code, level = "gateway.list_unread", "caution"
	}
	return append(notes, Note{Code: code, Level: level, Args: map[string]any{"list": bad}})
}

// lineNotes say what lines of the lists are left out.
func lineNotes(l *list.List) (notes []Note) {
	for _, r := range l.Sources() {
		if r.Bad > 0 {
			notes = append(notes, Note{Code: "gateway.list_bad_lines", Level: "info",
				Args: map[string]any{"list": r.Name, "bad": r.Bad, "line": r.First[0]}})
		}
		if r.Unusable > 0 {
			notes = append(notes, Note{Code: "gateway.list_unusable_lines", Level: "info",
				Args: map[string]any{"list": r.Name, "unusable": r.Unusable, "line": r.FirstUnusable[0]}})
		}
	}
	return notes
}

// compiledLists is the last good list, in the form that is read in a moment.
func (g *Gateway) compiledLists() string { return filepath.Join(g.o.State, "lists.compiled") }

// keptLists are the lists the state directory holds, and when they were made;
// nil without an error if it holds none.
func (g *Gateway) keptLists() (*list.List, time.Time, error) {
	f, err := os.Open(g.compiledLists())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("opening the stored lists: %w", err)
	}
	defer f.Close()
	l, err := list.Load(f)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the stored lists: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the stored lists: %w", err)
	}
	return l, fi.ModTime(), nil
}

// keepLists stores l for the next start.
func (g *Gateway) keepLists(l *list.List) error {
	f, err := renameio.NewPendingFile(g.compiledLists(), renameio.WithPermissions(0o600))
	if err != nil {
		return fmt.Errorf("storing the lists: %w", err)
	}
	defer f.Cleanup()
	if err := l.Write(f); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("storing the lists: %w", err)
	}
	return nil
}
