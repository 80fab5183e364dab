// Package disk changes the slots of a box: it writes the other one, tells the
// loader, and answers who asks over a Unix socket.
//
// What may be done, and in which names, package bootslot decides. It asks
// nothing of the network and trusts nobody who asks: what it writes must be
// signed.
package disk

import (
	"io"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
)

// A Machine is what slots are on.
type Machine interface {
	// Running is the slot in use: a or b.
	Running() string
	// Mount opens a partition's file system for the time of an act.
	Mount(partition string, write bool) (Files, error)
	// Raw opens a whole partition for reading and writing, unless it is in use,
	// which is syscall.EBUSY.
	Raw(partition string) (File, error)
	// TryOther has a Pi's firmware boot the other slot at the next restart, once.
	// That cannot be taken back; without power it is forgotten.
	TryOther() error
	// Reboot begins a restart.
	Reboot() error
}

// Files are those of one file system; names are paths in it.
type Files interface {
	List(dir string) (map[string]int64, error) // names and sizes; none if there is no dir
	Create(name string) (File, error)          // empty, for writing and reading
	Open(name string) (File, error)            // for reading
	Rename(from, to string) error
	Remove(name string) error
	Patch(name string, b []byte) error // writes over the beginning, in place
	Sync() error                       // all of it lasts from now on
	Free() (int64, error)              // bytes
	Close() error
}

// A File is written from its beginning.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Size() (int64, error)
	Sync() error // what was written lasts, and is read from the medium from now on
}

// Slots are those of this box.
type Slots struct {
	Machine Machine          // required
	Release bootslot.Release // required; what runs
	Keys    []minisign.Key   // required; whose updates are taken
}
