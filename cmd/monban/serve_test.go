package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

// The service of a package is told that the network is its owner's, as those
// that would change it are.
func TestServeSocketsOnly(t *testing.T) {
	for _, only := range []bool{false, true} {
		args := []string{"serve", "--net-socket", "net.sock"}
		if only {
			args = append(args, "--sockets-only")
		}
		var c cli
		p, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Parse(args); err != nil || c.Serve.SocketsOnly != only {
			t.Errorf("%v: %t, %v", args, c.Serve.SocketsOnly, err)
		}
	}
}
