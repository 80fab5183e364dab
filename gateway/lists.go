package gateway

import (
	"fmt"
	"os"
	"slices"
	"time"

	"monban/dnsfilter/list"
)

// lists is the block lists in force and the files they came from.
type lists struct {
	compiled *list.List
	stamps   []stamp
	at       time.Time
	notes    []Note // what could not be read, line by line counts
}

// listStamps is how the list files of the configuration lie on disk now.
func (g *Gateway) listStamps() []stamp {
	var out []stamp
	for _, l := range g.current().config.DNS.Lists {
		out = append(out, stampOf(l.Path(g.listDir())))
	}
	return out
}

func (g *Gateway) listsChanged() bool {
	now := g.listStamps()
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.Equal(now, g.lists.stamps)
}

// loadLists reads the block lists and compiles them beside the old ones. A
// list that cannot be read leaves all old ones in force: half a filter would
// look like a whole one.
func (g *Gateway) loadLists() {
	next := lists{stamps: g.listStamps(), at: g.o.Clock.Wall()}
	compiled, notes, err := g.compileLists()
	next.compiled, next.notes = compiled, notes
	g.mu.Lock()
	if err != nil {
		next.compiled, next.at = g.lists.compiled, g.lists.at
	}
	g.lists = next
	g.mu.Unlock()
	if err != nil {
		g.o.Log.Error("block lists not loaded; the old ones stay", "err", err)
	}
}

func (g *Gateway) compileLists() (*list.List, []Note, error) {
	b := list.NewBuilder(g.listKey)
	var notes []Note
	for _, l := range g.current().config.DNS.Lists {
		f, err := os.Open(l.Path(g.listDir()))
		if err != nil {
			notes = append(notes, Note{Code: "gateway.list_unread", Level: "caution", Args: map[string]any{"list": l.Name}})
			return nil, notes, fmt.Errorf("opening list %s: %w", l.Name, err)
		}
		report, err := b.AddHosts(list.Source{Name: l.Name, Text: f})
		f.Close()
		if err != nil {
			notes = append(notes, Note{Code: "gateway.list_unread", Level: "caution", Args: map[string]any{"list": l.Name}})
			return nil, notes, fmt.Errorf("reading list %s: %w", l.Name, err)
		}
		if report.Bad > 0 {
			notes = append(notes, Note{Code: "gateway.list_bad_lines", Level: "info",
				Args: map[string]any{"list": l.Name, "bad": report.Bad, "line": report.First[0]}})
		}
	}
	return b.Build(), notes, nil
}
