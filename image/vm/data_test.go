package vm_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/image"
)

// tpm gives the machine a TPM in software, whose memory is in dir, until it is
// switched off.
func (m *machine) tpm(dir string) {
	m.t.Helper()
	socket := filepath.Join(m.t.TempDir(), "tpm")
	c := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+dir, "--ctrl", "type=unixio,path="+socket)
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.beside = c
	until(m.t, "the TPM in software", 20*time.Second, func() error { _, err := os.Stat(socket); return err })
	m.extra = []string{"-chardev", "socket,id=tpm,path=" + socket, "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"}
}

// dataState is what became of the partition in this boot.
func (s *shell) dataState() (st image.DataState) {
	s.m.t.Helper()
	s.json(&st, "cat "+image.DataStateFile)
	return st
}

// The key is with the TPM. Without that TPM, or with the partition worn out, the
// box guards, answers and says what is wrong, and leaves the records alone.
func TestDataPartition(t *testing.T) {
	all(t)
	ours, other := t.TempDir(), t.TempDir()
	m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
	plugged(t, m)
	outside(t, m)
	m.put("site.toml", site(t))
	m.hook()
	boot := func(tpm string) *shell {
		t.Helper()
		m.cut()
		m.tpm(tpm)
		m.on()
		m.started()
		s := m.shell(bootTime)
		works(t, m)
		return s
	}
	s := boot(ours)
	if st := s.dataState(); st.State != image.DataOK || st.Seal != "tpm" || !st.New {
		t.Errorf("the first boot: %+v", st)
	}
	before := digest(s)
	s.run("sync")
	s = boot(ours) // the power was cut
	if st := s.dataState(); st.State != image.DataOK || st.Seal != "tpm" || st.New {
		t.Errorf("the second boot: %+v", st)
	}
	if now := digest(s); now != before {
		t.Errorf("the data was %s, and is %s", before, now)
	}
	volatile := func(s *shell, why string) {
		t.Helper()
		if st := s.dataState(); st.State != image.DataVolatile || st.Why != why {
			t.Errorf("%+v, want %s", st, why)
		}
		testTraffic(t, m)
		if out := s.run("journalctl -b --no-pager -u monban-lamp.service -u monban-data.service; cat /proc/mounts"); strings.Contains(out, "/var/lib/monban ext4") {
			t.Errorf("it is mounted: %s", out)
		}
	}
	volatile(boot(other), "data.tpm")
	s = boot(ours)
	if st, now := s.dataState(), digest(s); st.State != image.DataOK || now != before {
		t.Errorf("with the TPM again: %+v, the data was %s, and is %s", st, before, now)
	}
	m.cut()
	f, err := os.OpenFile(m.disk(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 64<<20), int64(image.Start(image.UEFI, image.Data))<<20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	volatile(boot(ours), "data.locked")
}

// Whoever stands before the box can have it forget: a file that names it, on its
// own first partition or on a stick. It restarts by itself, and is another box
// then; the same file asks it for nothing.
func TestFactoryReset(t *testing.T) {
	all(t)
	m, s := atWork(t, false, nil)
	forgets := func(ask func(name string)) string {
		t.Helper()
		was, machine := s.dataState().Box, strings.TrimSpace(s.run("cat /etc/machine-id"))
		s.run("echo of before > /var/lib/monban/old; sync")
		m.cut()
		ask(was)
		m.on()
		m.started()
		m.wait(`the box restarts`, bootTime)
		m.wait(`reboot: Restarting system`, time.Minute)
		m.started()
		s = m.shell(bootTime)
		works(t, m) // the first partition still has its site.toml
		st, now := s.dataState(), strings.TrimSpace(s.run("cat /etc/machine-id"))
		if st.State != image.DataOK || !st.New || st.Box == was || now == machine {
			t.Errorf("before %s, after %+v", was, st)
		}
		if out, status := s.ask("cat /var/lib/monban/old"); status == 0 {
			t.Errorf("what was recorded is still there: %s", out)
		}
		return was
	}
	before := forgets(func(name string) { m.put(image.ResetFile, []byte(name)) })
	m.cut()
	m.stick(image.ResetFile, before)
	m.on()
	m.started()
	s = m.shell(bootTime)
	works(t, m)
	until(t, "the stick is looked at", time.Minute, func() error {
		if _, status := s.ask("journalctl -b --no-pager -u 'monban-reset@*' | grep 'names another box'"); status != 0 {
			return errRuns
		}
		return nil
	})
	if st := s.dataState(); st.State != image.DataOK || st.New {
		t.Errorf("a file that names another box: %+v", st)
	}
	forgets(func(name string) { m.stick(image.ResetFile, name) })
}

// stick plugs in a USB stick for a vendor, with one file.
func (m *machine) stick(name, content string) {
	m.t.Helper()
	stick, file := m.file("stick.img"), m.file("on-stick")
	if err := errors.Join(os.RemoveAll(stick), os.WriteFile(file, []byte(content), 0o600)); err != nil {
		m.t.Fatal(err)
	}
	m.tool("mkfs.vfat", "-n", image.Label, "-C", stick, "8192")
	m.tool("mcopy", "-i", stick, file, "::"+name)
	m.extra = []string{"-device", "qemu-xhci", "-drive", "if=none,id=stick,format=raw,file=" + stick, "-device", "usb-storage,drive=stick"}
}
