package store

import (
	"crypto/rand"
	"os"
	"syscall"

	"monban/gateway/text"
)

// reserveSize is kept aside for recording that windows were closed: a close
// takes some 20 kB of change log.
const reserveSize = 1 << 20

// FreeReserve gives the reserve file's space back to the disk and reports
// whether there was one. ActUrgent calls it by itself.
func (db *DB) FreeReserve() bool {
	db.res.Lock()
	defer db.res.Unlock()
	db.reserve = false
	return os.Remove(db.path+".reserve") == nil
}

// RestoreReserve makes the reserve file anew if it is gone; the error is a
// Fault, store.disk_full while there is no room. Acts try it by themselves.
func (db *DB) RestoreReserve() error {
	db.res.Lock()
	defer db.res.Unlock()
	if db.reserve {
		return nil
	}
	name := db.path + ".reserve"
	// Real blocks, not a hole, nor what a crash left of it.
	if st, err := os.Stat(name); err == nil && st.Size() == reserveSize {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Blocks*512 >= reserveSize {
			db.reserve = true
			return nil
		}
	}
	noise := make([]byte, reserveSize)
	rand.Read(noise) // no file system makes it smaller
	err := os.WriteFile(name, noise, 0o600)
	if err == nil {
		err = syncFile(name)
	}
	if err != nil {
		os.Remove(name)
		return faultOf("keeping a reserve", err)
	}
	db.reserve = true
	return nil
}

// Full reports that the reserve is given up and the disk has no room for a new
// one. Ordinary acts are refused then.
func (db *DB) Full() bool {
	err := db.RestoreReserve()
	if err == nil {
		db.forget("store.disk_full")
	}
	return err != nil
}

// forget takes a finding away that is no longer so.
func (db *DB) forget(code string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	var rest []*text.Fault
	for _, f := range db.findings {
		if f.Code != code {
			rest = append(rest, f)
		}
	}
	db.findings = rest
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
