package main

import (
	"net"
	"os"
	"time"
)

// notifyWithin bounds how long telling systemd may take. It is a datagram to
// a queue that is short and that a stalled PID 1 does not empty (sd_notify(3),
// unix(7)); whoever guards the rules must not wait in it.
const notifyWithin = 100 * time.Millisecond

// notify tells systemd a state, if systemd started us and listens. What does
// not go through in time is lost; the next beat says the same.
func notify(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(notifyWithin))
	_, _ = c.Write([]byte(state))
}
