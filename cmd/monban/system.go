package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway"
	"monban/gateway/lab"
)

// systemClock is the machine's own time.
func systemClock() gateway.Clock {
	return gateway.Clock{Wall: time.Now, Boot: bootTime, Synced: synced}
}

// labClockOf is the machine's time as the file of a lab's clock moves it; what
// cannot be read moves nothing.
func labClockOf(path string) gateway.Clock {
	moved := func() lab.Clock {
		c, err := lab.ReadClock(path)
		if err != nil {
			return lab.Clock{}
		}
		return c
	}
	return gateway.Clock{
		Wall:   func() time.Time { return time.Now().Add(moved().Ahead) },
		Boot:   bootTime,
		Synced: func() bool { return !moved().Unsynced },
	}
}

// bootTime is CLOCK_BOOTTIME, which counts through suspend and which no NTP
// step moves.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("no CLOCK_BOOTTIME: " + err.Error()) // Linux has had it since 2.6.39
	}
	return time.Duration(ts.Nano())
}

// timesyncFile is touched by systemd-timesyncd at each synchronisation, at
// least every 34 minutes (systemd-timesyncd.service(8)).
const timesyncFile = "/run/systemd/timesync/synchronized"

// synced says whether the clock is disciplined: as the kernel says, or, where
// the unit's ProtectClock= forbids asking it, as timesyncd says.
func synced() bool {
	var t unix.Timex
	if state, err := unix.Adjtimex(&t); err == nil {
		return state != unix.TIME_ERROR
	}
	fi, err := os.Stat(timesyncFile)
	return err == nil && time.Since(fi.ModTime()).Abs() < 2*time.Hour
}

// bootID is the kernel's name for this boot.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// localAddrs are the addresses the interface has now, link-local ones too.
func localAddrs(iface string) ([]netip.Addr, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", iface, err)
	}
	as, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of %s: %w", iface, err)
	}
	var out []netip.Addr
	for _, a := range as {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out, nil
}
