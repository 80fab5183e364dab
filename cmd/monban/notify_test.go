package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A systemd that has stopped listening costs the guard a moment, not its
// life.
func TestNotifyNeverWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	began := time.Now()
	const n = 30 // the queue holds some ten datagrams
	for range n {
		notify("WATCHDOG=1")
	}
	if took := time.Since(began); took > n*2*notifyWithin {
		t.Errorf("%d beats nobody read took %v", n, took)
	}
	b := make([]byte, 64)
	if k, err := l.Read(b); err != nil || string(b[:k]) != "WATCHDOG=1" {
		t.Errorf("the first beat reads %q, %v", b[:k], err)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	notify("READY=1") // nobody to tell is no trouble
}
