// Package netchange puts the files of package netconf in place, tells systemd,
// and takes a change of the network back that nobody confirms.
//
// It needs root and decides nothing about the network: which files there are is
// netconf's matter, and which configuration is good its caller's.
package netchange

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"monban/gateway/netconf"
)

// Systemd is what is asked of the system's first process.
type Systemd interface {
	// Reload reads all units again.
	Reload(ctx context.Context) error
	// Job runs one job, such as Start, and waits for its end.
	Job(ctx context.Context, do Verb, unit string) error
	// Begin has one job run and waits for nothing.
	Begin(ctx context.Context, do Verb, unit string) error
	Close()
}

// A Verb is a kind of job (org.freedesktop.systemd1(5)).
type Verb string

// The jobs that are asked for.
const (
	Start   Verb = "StartUnit"
	Stop    Verb = "StopUnit"
	Renew   Verb = "ReloadOrTryRestartUnit"
	Restart Verb = "TryRestartUnit"
	Reread  Verb = "ReloadUnit"
)

// A Box is where files are put.
type Box struct {
	Run  string                                 // required; /run
	Sys  string                                 // required; /sys
	Dial func(context.Context) (Systemd, error) // optional; without it nobody is told

	SocketsOnly bool // the network is its owner's; only the product's sockets are told where to listen
}

// its are those of the files that this box is to have.
func (b Box) its(f netconf.Files) netconf.Files {
	if b.SocketsOnly {
		return f.Sockets()
	}
	return f
}

// inForce is the copy, below /run, of the site.toml the network was made from.
// It is empty from the beginning of a change until all of it is made.
const inForce = "monban-net/site.toml"

// keep remembers which site.toml the network was made from.
func (b Box) keep(site []byte) error { return replace(filepath.Join(b.Run, inForce), site, 0o600) }

// unfinished says whether a change was begun and not finished.
func (b Box) unfinished() bool {
	site, err := os.ReadFile(filepath.Join(b.Run, inForce))
	return err == nil && len(site) == 0
}

// paths are all paths this box may have files at.
func (b Box) paths() []string {
	f := netconf.Files{}
	for _, path := range netconf.Paths() {
		f[path] = ""
	}
	return slices.Collect(maps.Keys(b.its(f)))
}

// Boot puts the files in place before anything reads them but systemd, which
// has read its units already, and what names the ports. site is what they were
// made from; nil in set-up mode.
func (b Box) Boot(ctx context.Context, site []byte, f netconf.Files) error {
	f = b.its(f)
	changed, err := b.place(f)
	if site != nil {
		err = errors.Join(err, b.keep(site))
	}
	if err != nil || b.Dial == nil {
		return err
	}
	s, err := b.Dial(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return errors.Join(s.Reload(ctx), b.name(ctx, s, changed, f))
}

// Change puts the files in place on a box that runs. What listens on other
// addresses than before is stopped for a moment, the service with it: it holds
// the sockets too. All steps are tried. undone are the paths of files that an
// earlier change put in place and nobody could be told of: they count as changed.
// Those that remain are returned.
func (b Box) Change(ctx context.Context, f netconf.Files, undone []string) ([]string, error) {
	changed, err := b.place(f)
	changed = slices.Compact(slices.Sorted(slices.Values(append(changed, undone...))))
	if err != nil || len(changed) == 0 {
		return changed, err
	}
	if b.Dial == nil {
		return nil, nil
	}
	s, err := b.Dial(ctx)
	if err != nil {
		return changed, err
	}
	defer s.Close()
	var errs []error
	var failed []string // directories nobody was told of
	step := func(dir string, err error) {
		if err != nil {
			errs, failed = append(errs, err), append(failed, dir)
		}
	}
	sockets := in(changed, forSockets)
	if sockets {
		// The sockets first: a question would start the service again.
		for _, unit := range append(netconf.SocketUnits(), "monban.service") {
			step(forSockets, s.Job(ctx, Stop, unit))
		}
	}
	step("", s.Reload(ctx))
	step(forPorts, b.name(ctx, s, changed, f))
	if in(changed, forPorts) {
		step(forPorts, s.Job(ctx, Renew, "systemd-networkd.service"))
	}
	if in(changed, forTime) {
		step(forTime, s.Job(ctx, Restart, "systemd-timesyncd.service"))
	}
	if sockets {
		for _, unit := range netconf.SocketUnits() {
			step(forSockets, s.Job(ctx, Start, unit))
		}
		// It is ready when its database is, which may take longer than
		// whoever asks for something meanwhile waits.
		step(forSockets, s.Begin(ctx, Start, "monban.service"))
	}
	told := func(path string) bool {
		return !slices.ContainsFunc(failed, func(dir string) bool { return strings.HasPrefix(path, dir) })
	}
	return slices.DeleteFunc(changed, told), errors.Join(errs...)
}

// Directories of files that one part of the system reads.
const (
	forSockets = "systemd/system/"
	forPorts   = "systemd/network/"
	forTime    = "systemd/timesyncd.conf.d/"
)

func in(changed []string, dir string) bool {
	return slices.ContainsFunc(changed, func(path string) bool { return strings.HasPrefix(path, dir) })
}

// place writes what differs, takes away what is not to be, and says which
// paths changed. /run is in memory: nothing there needs a sync.
func (b Box) place(f netconf.Files) (changed []string, err error) {
	for _, path := range netconf.Paths() {
		at := filepath.Join(b.Run, path)
		want, keep := f[path]
		have, err := os.ReadFile(at)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return changed, fmt.Errorf("reading what is in place: %w", err)
		case err == nil && keep && string(have) == want, err != nil && !keep:
			continue
		case !keep:
			err = os.Remove(at)
		default:
			err = replace(at, []byte(want), 0o644)
		}
		if err != nil {
			return changed, fmt.Errorf("putting the network's files in place: %w", err)
		}
		changed = append(changed, path)
	}
	return changed, nil
}

// replace writes a file as a whole, or not at all. It begins with a dot as long
// as it is not finished, which systemd does not read.
func replace(at string, content []byte, mode os.FileMode) error {
	dir, name := filepath.Split(at)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	next := dir + "." + name
	if err := os.WriteFile(next, content, mode); err != nil {
		return err
	}
	return os.Rename(next, at)
}
