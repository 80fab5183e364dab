package vm_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
)

// bootTime bounds a boot; on a machine with work of its own QEMU takes its time.
const bootTime = 8 * time.Minute

// started waits until the initrd found its slot, and names it.
func (m *machine) started() (slot string) {
	m.t.Helper()
	return m.wait(`monban init: starting from (root-[ab])`, bootTime)[1]
}

func site(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/site.toml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The way of a box: closed from the first moment, provisioned, at work, a window,
// an update that is kept, one that is not.
func TestBox(t *testing.T) {
	good := built(t, "amd64", second, ".update")
	m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
	plugged(t, m)
	outside(t, m)
	m.put("site.toml", site(t))
	m.hook()
	m.give(map[string]string{
		"good.update":   good,
		"noinit.update": readUpdate(t, good).as("0.3.0").line("rdinit=/none").write(),
	})
	inside, back := watch(t, m.lan), watch(t, m.wan)
	attack, stop := pour(t, m.wan, attack())
	m.on()
	if slot := m.started(); slot != "root-a" {
		t.Errorf("started from %s", slot)
	}
	s := m.shell(bootTime)
	ok := t.Run("traffic", func(t *testing.T) { testTraffic(t, m) })
	stop()
	t.Run("closed", func(t *testing.T) {
		through, answered := inside.from.Load(), back.to.Load()
		got, _ := strconv.ParseUint(strings.TrimSpace(s.run("cat /sys/class/net/wan0/statistics/rx_packets")), 10, 64)
		t.Logf("from power-on to the page %d packets of a flood were sent, %d reached the port: %d came through, %d were answered", attack.sent.Load(), got, through, answered)
		if through+answered != 0 {
			t.Errorf("the first of them: %x", append(inside.example(), back.example()...))
		}
		if got < 1000 {
			t.Error("the flood did not reach the box")
		}
		times(t, s)
	})
	if !ok {
		t.Log(s.run("systemctl --failed --no-pager; networkctl --no-pager; ip -br a; journalctl -b --no-pager -p warning | tail -60"))
		t.FailNow()
	}
	if out, status := s.ask("grep '/var/lib/monban ext4 rw' /proc/mounts"); status != 0 {
		t.Errorf("what the clinic records is only in memory: %s", out)
	}
	t.Run("window", func(t *testing.T) { testWindow(t, m, s) })
	s = m.goodUpdate(s)
	m.badUpdate(s, "noinit.update", "0.3.0", `Kernel panic`)
	if t.Run("traffic again", func(t *testing.T) { testTraffic(t, m) }) {
		t.Log(s.run("monban audit verify"))
	}
}

// times logs when the box was where, by the kernel's clock.
func times(t *testing.T, s *shell) {
	closed := s.finished("monban-closed.service")
	network := s.finished("systemd-networkd.service")
	t.Logf("kernel start → drop everything %.1f s, rules %.1f s, network %.1f s, service %.1f s", closed, s.finished("monban-boot.service"), network, s.finished("monban.service"))
	if closed == 0 || closed > network {
		t.Errorf("the network was configured %.1f s after the kernel's start, the rules came at %.1f s", network, closed)
	}
	t.Log(s.run("systemd-analyze --no-pager blame | head -15; grep -e MemTotal -e MemAvailable /proc/meminfo"))
}

func (s *shell) slots() (st bootslot.Status) {
	s.m.t.Helper()
	s.json(&st, "monban slot status --json")
	return st
}

// install writes an update from the hook's disk and restarts into it.
func (m *machine) install(s *shell, file string) {
	m.t.Helper()
	began := time.Now()
	m.t.Log(s.run("monban slot install " + s.file(file)))
	m.t.Logf("%s was written in %s", file, time.Since(began).Round(time.Second))
	m.restart(s)
}

func (m *machine) restart(s *shell) {
	m.t.Helper()
	// The restart may outrun the shell's answer. Nothing is typed any more: the
	// firmware would hear it.
	if out, status, ended := s.try("monban slot reboot", 10*time.Second); ended && status != 0 {
		m.t.Fatalf("monban slot reboot: status %d\n%s", status, out)
	}
	m.wait(`reboot: Restarting system`, 2*time.Minute)
}

// goodUpdate installs the second version and sees it kept.
func (m *machine) goodUpdate(s *shell) *shell {
	m.t.Helper()
	before, data := s.slots(), digest(s)
	m.install(s, "good.update")
	began := time.Now()
	if slot := m.started(); slot != "root-b" {
		m.t.Errorf("the new version started from %s", slot)
	}
	s = m.shell(bootTime)
	st := s.slots()
	if !st.Trial || st.Release.Version.Compare(before.Release.Version) <= 0 || st.Other != before.Release.Version {
		m.t.Errorf("after the update: %+v", st)
	}
	if now := digest(s); now != data {
		m.t.Errorf("the data was %s, and is %s", data, now)
	}
	took := until(m.t, "the new version is kept", bootslot.TrialLimit+2*time.Minute, func() error {
		if st := s.slots(); st.Trial {
			return errOnTrial
		}
		return nil
	})
	m.t.Logf("update: kept %s after the restart (%s after the shell)", time.Since(began).Round(time.Second), took.Round(time.Second))
	return s
}

// badUpdate installs a version that does not start, and sees the box come back
// with the one before, by itself and telling it.
func (m *machine) badUpdate(s *shell, file, version, sign string) *shell {
	m.t.Helper()
	before := s.slots()
	m.install(s, file)
	began := time.Now()
	m.wait(sign, bootTime)
	m.started()
	m.t.Logf("%s: back %s after the restart", version, time.Since(began).Round(time.Second))
	s = m.shell(bootTime)
	after := s.slots()
	if after.Release != before.Release || after.Trial || after.Failed.String() != version {
		m.t.Errorf("%s: before %+v, after %+v", version, before, after)
	}
	if told := s.run("monban slot status"); !strings.Contains(told, version) {
		m.t.Errorf("nobody is told that %s did not start: %s", version, told)
	}
	return s
}
