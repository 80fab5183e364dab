package vm_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/gateway/text"
)

// What the shell needs to find a partition by its name.
const partition = `/dev/$(basename $(dirname $(grep -lx PARTNAME=%s /sys/class/block/*/uevent)))`

// Each of these is a good update but for one thing, on a box of its own, and is
// given up by the box itself.
func TestBadUpdates(t *testing.T) {
	all(t)
	good := built(t, "amd64", second, ".update")
	root := fmt.Sprintf(partition, "root-b")
	for _, c := range []struct {
		name    string
		file    string
		before  string // run when it is written
		running string // run when it is started
		sign    string // on the console
	}{
		{name: "the first block altered after it was written", file: good,
			before: "dd if=/dev/urandom of=" + root + " bs=4096 count=1 conv=fsync", sign: `verity.*corrupted`},
		{name: "all but the first blocks altered after it was written", file: good,
			before: "dd if=/dev/urandom of=" + root + " bs=1M seek=4 count=30 conv=fsync", sign: `verity.*corrupted`},
		{name: "never healthy", file: good,
			running: "mkdir -p /run/systemd/system/monban.service.d && printf '[Service]\\nExecStart=\\nExecStart=/nonexistent\\n' > /run/systemd/system/monban.service.d/ill.conf && " +
				"systemctl daemon-reload && systemctl --no-block restart monban.service", sign: `reboot: Restarting system`},
		// The judge of the trial is the program itself: systemd stands in for it.
		{name: "its program does not run", file: good,
			running: "touch /run/nothing && busybox mount --bind /run/nothing /usr/bin/monban && systemctl --no-block restart monban.service monban-trial.service", sign: `reboot: Restarting system`},
		// A panic that does not restart is as dead as a system gets.
		{name: "hangs", file: good,
			running: "echo 0 > /proc/sys/kernel/panic; echo c > /proc/sysrq-trigger", sign: `(BdsDxe|Linux version)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, s := atWork(t, false, map[string]string{"bad.update": c.file})
			before := s.slots()
			s.run("monban slot install " + s.file("bad.update"))
			if c.before != "" {
				s.run(c.before)
			}
			m.restart(s)
			began := time.Now()
			if c.running != "" {
				m.started()
				s = m.shell(bootTime)
				if st := s.slots(); !st.Trial {
					t.Errorf("the update is not on trial: %+v", st)
				}
				_, _, _ = s.try(c.running, time.Second)
			}
			m.wait(c.sign, bootslot.TrialLimit+bootTime)
			if slot := m.started(); slot != "root-a" {
				t.Errorf("it came back with %s", slot)
			}
			t.Logf("back %s after the restart", time.Since(began).Round(time.Second))
			s = m.shell(bootTime)
			after := s.slots()
			if after.Release != before.Release || after.Trial || after.Failed.IsZero() {
				t.Errorf("before %+v, after %+v", before, after)
			}
			t.Log(s.run("monban slot status"))
			works(t, m)
		})
	}
}

// What may not be installed is refused with its sentence, and nothing changes.
func TestRefusals(t *testing.T) {
	all(t)
	good := built(t, "amd64", second, ".update")
	change := func(f func(u *update)) string {
		u := readUpdate(t, good)
		f(u)
		return u.write()
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) string {
		name := filepath.Join(t.TempDir(), "u")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	altered := bytes.Clone(whole)
	altered[len(altered)/2] ^= 1
	cases := []struct{ code, file string }{
		{"slot.stranger", change(func(u *update) { u.key, _ = minisign.NewSecret(rand.Reader) })},
		{"slot.older", change(func(u *update) { u.as("0.0.9") })},
		{"slot.same", built(t, "amd64", first, ".update")},
		{"slot.board", change(func(u *update) { u.manifest.Board = "rpi" })},
		{"slot.arch", change(func(u *update) { u.manifest.Arch = "arm64" })},
		{"slot.minimum", change(func(u *update) { u.manifest.Minimum = u.manifest.Version })},
		{"slot.cut", write(whole[:len(whole)*2/3])},
		{"slot.sum", write(altered)},
		{"slot.form", write([]byte(strings.Repeat("no update\n", 1000)))},
		{"slot.full", good}, // the last: it fills the partition
	}
	files := map[string]string{}
	for _, c := range cases {
		files[c.code] = c.file
	}
	_, s := atWork(t, false, files)
	before := fmt.Sprint(s.slots())
	for _, c := range cases {
		if c.code == "slot.full" {
			s.run("mkdir -p /run/esp && mount -t vfat " + fmt.Sprintf(partition, "esp") + " /run/esp && { dd if=/dev/zero of=/run/esp/fill bs=1M; umount /run/esp; }")
		}
		out, status := s.ask("monban --lang=en slot install " + s.file(c.code))
		// As far as the sentence has no place that is filled in.
		want, _, _ := strings.Cut(text.EN.Say(c.code, text.Args{"version": "{", "board": "{", "arch": "{", "piece": "{", "free": "{"}), "{")
		t.Logf("%s: %s", c.code, strings.TrimSpace(out))
		if status == 0 || !strings.Contains(out, strings.TrimLeft(want, `"`)) {
			t.Errorf("%s: status %d, %q, want %q", c.code, status, out, want)
		}
		if now := fmt.Sprint(s.slots()); now != before {
			t.Errorf("%s: before %s, after %s", c.code, before, now)
		}
	}
}
