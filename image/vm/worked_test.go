package vm_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// kept is the folder of what tests share; it goes when all are through.
var kept string

var firstBoot sync.Once

// What a machine is made of that was frozen while it worked.
var frozenFiles = []string{"disk.img", "vars.fd", "hook.img", "memory"}

// atWork returns a machine that was provisioned, is switched on and works, with
// the shell, and with files that it was given. The first one boots for it; each
// is a copy of that, memory and all, and has its own disk.
func atWork(t *testing.T, strict bool, files map[string]string) (*machine, *shell) {
	t.Helper()
	firstBoot.Do(func() {
		m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
		plugged(t, m)
		outside(t, m)
		m.put("site.toml", site(t))
		m.hook()
		m.on()
		m.started()
		s := m.shell(bootTime)
		works(t, m)
		s.run("sync")
		m.freeze()
		for _, name := range frozenFiles {
			m.tool("cp", "--sparse=always", m.file(name), filepath.Join(kept, name))
		}
	})
	m := newMachine(t, "amd64", filepath.Join(kept, frozenFiles[0]))
	m.strict = strict
	for _, name := range frozenFiles[1:] {
		if _, err := os.Stat(filepath.Join(kept, name)); err != nil {
			t.Fatal("no box has come to work")
		}
		m.tool("cp", "--sparse=always", filepath.Join(kept, name), m.file(name))
	}
	m.give(files)
	m.frozen = m.file("memory")
	plugged(t, m)
	outside(t, m)
	m.on()
	return m, m.shell(bootTime)
}

// works waits until the box does its work.
func works(t *testing.T, m *machine) {
	t.Helper()
	until(t, "the box works", bootTime, func() error { _, err := m.ask("www.lab.example"); return err })
}

// freeze writes the memory of the machine into a file, as it is at one moment,
// and switches it off. It is not stopped before: it would be stopped ever after.
func (m *machine) freeze() {
	m.t.Helper()
	c, err := net.Dial("unix", m.file("qmp.sock"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	in, out := json.NewDecoder(c), json.NewEncoder(c)
	tell := func(what string, with map[string]any) string {
		if with == nil {
			with = map[string]any{}
		}
		if err := out.Encode(map[string]any{"execute": what, "arguments": with}); err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		for {
			var said struct {
				Return *struct{ Status string }
				Error  *struct{ Desc string }
			}
			if err := in.Decode(&said); err != nil {
				m.t.Fatalf("%s: %v", what, err)
			}
			switch { // anything else is an event
			case said.Error != nil:
				m.t.Fatalf("%s: %s", what, said.Error.Desc)
			case said.Return != nil:
				return said.Return.Status
			}
		}
	}
	tell("qmp_capabilities", nil)
	tell("migrate", map[string]any{"uri": "file:" + m.file("memory")})
	until(m.t, "the memory is written", time.Minute, func() error {
		if tell("query-migrate", nil) != "completed" {
			return errRuns
		}
		return nil
	})
	m.cut()
}
