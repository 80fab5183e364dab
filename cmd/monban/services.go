package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/coreos/go-systemd/v22/daemon"

	"monban/gateway"
	"monban/gateway/run"
)

// services are what people and devices of the LAN reach: the name filter and
// the page.
type services struct {
	g     *gateway.Gateway
	names *resolver
	socks sockets
	state string
	log   *slog.Logger
	clock gateway.Clock

	mu    sync.Mutex
	lacks int // services that are not up yet
}

// up notes that a service answers; systemd hears READY with the last.
func (s *services) up(string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lacks--; s.lacks == 0 {
		daemon.SdNotify(false, daemon.SdNotifyReady)
	}
}

// run serves until ctx ends.
func (s *services) run(ctx context.Context) error {
	group, ctx := run.NewGroup(ctx)
	group.Go("names", func(ctx context.Context) error { return s.names.serve(ctx, s.socks, s.log) })
	s.up("services")
	return group.Wait()
}
