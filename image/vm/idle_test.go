package vm_test

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// mostMemory is what a box with a million names on its list may use after it
	// has started, in MB: what no program could have any more.
	mostMemory = 180
	// idle is how long a box is watched that has nothing to do.
	idle = 15 * time.Minute
)

// A box with a million names starts, has its memory counted, and then has
// nothing to do: what it writes to its disk meanwhile wears the card.
func TestIdle(t *testing.T) {
	all(t)
	m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
	plugged(t, m)
	outside(t, m)
	m.put("site.toml", site(t))
	m.hook()
	m.give(map[string]string{"million.hosts": million(t)})
	m.on()
	m.started()
	s := m.shell(bootTime)
	works(t, m)
	s.run("cd /var/lib/monban; owner=$(stat -c %u:%g site.toml); mkdir lists; cp " + s.file("million.hosts") + " lists/; chown -R $owner lists; " +
		`printf '[[dns.list]]\nname = "million"\nfile = "lists/million.hosts"\n' >> site.toml; sync; monban check site.toml && systemctl kill -s HUP monban.service`)
	refused := func() {
		t.Helper()
		defer func() {
			if t.Failed() {
				t.Log(s.run("journalctl -b --no-pager -u monban.service | tail -20"))
			}
		}()
		until(t, "the last name of the list is refused", bootTime, func() error {
			a, err := m.ask(listed(1_000_000 - 1))
			if err == nil && strings.Contains(a.String(), server.String()) {
				return fmt.Errorf("it is answered: %v", a)
			}
			return err
		})
	}
	refused()
	m.restart(s)
	m.started()
	s = m.shell(bootTime)
	works(t, m)
	refused()
	time.Sleep(time.Minute)
	used := s.kB("/proc/meminfo", "MemTotal") - s.kB("/proc/meminfo", "MemAvailable")
	t.Logf("in use: %d MB\n%s", used*1024/1e6, s.run("cat /proc/meminfo; ps -o pid,vsz,rss,args | sort -k3 -n | tail -12; grep -e Rss -e Pss -e Private /proc/$(pidof monban | cut -d' ' -f1)/smaps_rollup"))
	if used*1024 > mostMemory*1e6 {
		t.Errorf("%d MB are in use, and %d MB are the limit", used*1024/1e6, mostMemory)
	}
	times(t, s)
	wrote := s.written()
	began := time.Now()
	time.Sleep(idle)
	n := s.written() - wrote
	t.Logf("%d kB were written in %s: %.1f MB an hour\n%s", n/1000, idle, float64(n)/1e6*float64(time.Hour)/float64(time.Since(began)),
		s.run("for p in /proc/[0-9]*; do echo $(grep -h ^write_bytes $p/io) $(cat $p/comm); done | sort -k2 -n | tail -8"))
}

// listed is a name of the list, as long as such names are.
func listed(i int) string {
	h := fnv.New64a()
	fmt.Fprint(h, i)
	return fmt.Sprintf("%x.%d.example", h.Sum64()>>24, i%5000)
}

func million(t *testing.T) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "million.hosts"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range 1_000_000 {
		fmt.Fprintln(w, "0.0.0.0", listed(i))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// kB is a figure of a file such as /proc/meminfo.
func (s *shell) kB(file, name string) int {
	s.m.t.Helper()
	n, err := strconv.Atoi(strings.Fields(s.run("grep ^" + name + ": " + file))[1])
	if err != nil {
		s.m.t.Fatal(err)
	}
	return n
}

// written is how much the box has written to its disk, in bytes
// (Documentation/admin-guide/iostats.rst of the kernel).
func (s *shell) written() int {
	s.m.t.Helper()
	n, err := strconv.Atoi(strings.Fields(s.run("grep ' vda ' /proc/diskstats"))[9])
	if err != nil {
		s.m.t.Fatal(err)
	}
	return n * 512
}
