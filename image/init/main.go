// Command init is the whole of the initrd: it finds the root file system that
// the kernel command line names by its hash, checks every block of it from then
// on (dm-verity), and hands over to systemd.
//
// It decides nothing about updates. A version that cannot be started says why
// and restarts the box; the loader then takes the version before it, if this one
// is on trial. One that was kept is tried again.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"monban/image/content"
)

// How long a disk may take to appear, how much later another one may that holds
// the same, and how long a person has to read why the box does not start. Every
// boot takes the second.
const (
	diskWait   = 20 * time.Second
	diskSettle = 300 * time.Millisecond
	readWait   = 5 * time.Second
)

func main() {
	// By hand it would lay mounts over the machine's own and restart it.
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: only the kernel starts this, as process 1")
		os.Exit(1)
	}
	err := boot() // returns only when it failed
	say(2, "this version cannot be started: %v", err)
	say(2, "restarting in %d seconds; a version on trial then gives way to the one before", readWait/time.Second)
	time.Sleep(readWait)
	unix.Sync()
	err = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	// The end of process 1 is a kernel panic, which panic= on the command line
	// turns into a restart.
	panic(fmt.Sprint("restarting: ", err))
}

// boot does all there is to do, in order.
func boot() error {
	if err := mountKernel(); err != nil {
		return err
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("reading the kernel command line: %w", err)
	}
	want, err := content.Parse(string(line))
	if err != nil {
		return fmt.Errorf("the kernel command line: %w", err)
	}
	if err := loadModules("/modules.load"); err != nil {
		return err
	}
	slot, why, err := disks{"/sys", "/dev", diskWait, diskSettle, time.Sleep}.find(want)
	if err != nil {
		return err
	}
	if why != "" {
		say(4, "%s", why)
	}
	device, err := verify(slot.Device, want)
	if err != nil {
		return fmt.Errorf("setting up the check of %s: %w", slot.Device, err)
	}
	if err := mountRoot(device); err != nil {
		return fmt.Errorf("mounting the root file system in %s: %w", slot.Device, err)
	}
	if err := slotOf(slot, want).Write("/run"); err != nil {
		return err
	}
	// Without it the box works; systemd then makes an identity for this boot.
	if err := giveMachineID(slot.Disk); err != nil {
		say(4, "the box has no lasting machine-id: %v", err)
	}
	say(6, "starting from %s (%s)", slot.Name, slot.Device)
	return switchRoot()
}

// say writes one line to the kernel's log, which prints it on every console
// there is. Levels as in syslog(3): 2 critical, 4 warning, 6 information.
func say(level int, format string, args ...any) {
	line := fmt.Sprintf("monban init: "+format+"\n", args...)
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		fmt.Print(line)
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "<%d>%s", level, line)
}
