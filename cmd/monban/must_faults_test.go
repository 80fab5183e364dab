package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/lab"
)

// A fault happens to the daemon, and passes.
type fault struct {
	name  string
	begin func(r *rig)
	end   func(r *rig) // the daemon works again when it returns
}

// faults that need nothing special of the machine.
var faults = []fault{
	{"kill -9", func(r *rig) { r.kill() }, func(r *rig) { r.start() }},
	{"stopped for 5 s", func(r *rig) { r.signal(syscall.SIGSTOP) }, func(r *rig) {
		time.Sleep(5 * time.Second)
		r.signal(syscall.SIGCONT)
	}},
	{"out of memory", (*rig).starve, (*rig).starved},
	{"clock a year ahead", func(r *rig) { r.jump(year) }, (*rig).jumpBack},
	{"clock a year back", func(r *rig) { r.jump(-year) }, (*rig).jumpBack},
}

func (r *rig) kill() {
	r.c.t.Helper()
	if err := lab.Kill(r.c.dir); err != nil {
		r.c.t.Fatal(err)
	}
}

func (r *rig) start() {
	r.c.t.Helper()
	if err := lab.Start(r.c.dir); err != nil {
		r.c.t.Fatal(err)
	}
}

// jump moves the clock from where the desk has it.
func (r *rig) jump(d time.Duration) {
	r.c.t.Helper()
	if err := lab.SetClock(r.c.dir, lab.Clock{Ahead: r.d.ahead + d}); err != nil {
		r.c.t.Fatal(err)
	}
}

func (r *rig) jumpBack() {
	time.Sleep(200 * time.Millisecond)
	r.jump(0)
}

func (r *rig) signal(s syscall.Signal) {
	r.c.t.Helper()
	if err := syscall.Kill(r.c.daemon(), s); err != nil {
		r.c.t.Fatal(err)
	}
}

// daemon is the gateway's process number as this machine sees it.
func (c *clinic) daemon() int {
	c.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		c.t.Fatal(err)
	}
	want := []byte("\x00serve\x00--config\x00" + filepath.Join(c.dir, "site.toml") + "\x00")
	for _, f := range all {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, want) && !bytes.Contains(b, []byte("\x00activate\x00")) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			return pid
		}
	}
	c.t.Fatal("the daemon does not run")
	return 0
}

// starve takes all memory but a little from the daemon and has somebody sign
// in, which needs 19 MiB, so that the kernel kills it. Where memory groups
// cannot be had (without root) it is killed without that, and the test says so.
func (r *rig) starve() {
	r.c.t.Helper()
	group, err := memoryGroup(r.c.daemon())
	if err != nil {
		r.how = fmt.Sprintf("by kill -9 only: %v", err)
		r.signal(syscall.SIGKILL)
		return
	}
	r.how, r.group = "by the kernel's out-of-memory killer", group
	r.hunger()
}

// hunger has somebody sign in that nobody knows, so that the desk keeps its
// session.
func (r *rig) hunger() {
	go r.stranger.post("/signin", "name", fmt.Sprint("nobody ", rand.Int()), "password", password, "code", "123456")
}

// starved waits until the daemon is gone, and starts it again.
func (r *rig) starved() {
	r.c.t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := lab.Start(r.c.dir) // refused while it runs
		if err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			r.c.t.Fatalf("the daemon lives on without memory (%s): %v", r.how, err)
		}
		if time.Since(began) > time.Second { // the first hash fitted into what it had
			r.hunger()
			time.Sleep(200 * time.Millisecond)
		}
	}
	if r.group != "" {
		if err := os.Remove(r.group); err != nil {
			r.c.t.Error(err)
		}
		r.group = ""
	}
}

// removeGroups removes the memory groups that a failed test left; they must be
// empty by then.
func removeGroups() {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory"} {
		left, _ := filepath.Glob(filepath.Join(root, "monban-test-*"))
		for _, dir := range left {
			_ = os.Remove(dir)
		}
	}
}

// memoryGroup puts a process into a memory group of its own with 4 MiB more,
// by cgroup v2 or v1.
func memoryGroup(pid int) (string, error) {
	const more = "4194304"
	for _, v := range []struct{ root, limit, swap string }{
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness"},
	} {
		dir := filepath.Join(v.root, fmt.Sprintf("monban-test-%d", pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, v.limit)); err != nil { // not of that kind
			os.Remove(dir)
			continue
		}
		err := os.WriteFile(filepath.Join(dir, v.limit), []byte(more), 0)
		_ = os.WriteFile(filepath.Join(dir, v.swap), []byte("0"), 0) // not every machine has swap
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
		}
		if err == nil {
			return dir, nil
		}
		os.Remove(dir)
	}
	return "", errors.New("there are no memory groups to be had")
}

// fullDisk fills the state directory.
func fullDisk(t *testing.T) fault {
	filler := func(r *rig) string { return filepath.Join(r.c.state(), "filler") }
	return fault{"full disk", func(r *rig) { fill(t, filler(r)) }, func(r *rig) {
		time.Sleep(200 * time.Millisecond)
		if err := os.Remove(filler(r)); err != nil {
			r.c.t.Fatal(err)
		}
	}}
}
