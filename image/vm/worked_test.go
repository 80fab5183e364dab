package vm_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// kept is the folder of what tests share; it goes when all are through.
var kept string

var firstBoot sync.Once

// atWork returns a machine that was provisioned and has worked before: its first
// boot is behind it. Each has its own disk.
func atWork(t *testing.T, files map[string]string) *machine {
	t.Helper()
	worked := filepath.Join(kept, "worked.img")
	firstBoot.Do(func() {
		m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
		plugged(t, m)
		outside(t, m)
		m.put("site.toml", site(t))
		m.hook(nil)
		m.on()
		m.started()
		s := m.shell(bootTime)
		until(t, "the box works", bootTime, func() error { _, err := m.ask("www.lab.example"); return err })
		_, _, _ = s.try("systemctl poweroff", 10*time.Second)
		until(t, "the box switches itself off", 2*time.Minute, func() error {
			if m.off() {
				return nil
			}
			return errRuns
		})
		m.tool("cp", "--sparse=always", m.disk(), worked)
	})
	if _, err := os.Stat(worked); err != nil {
		t.Fatal("no box has come to work")
	}
	m := newMachine(t, "amd64", worked)
	plugged(t, m)
	outside(t, m)
	m.hook(files)
	return m
}
