package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"monban/gateway"
	"monban/gateway/pki"
	"monban/gateway/request"
	"monban/gateway/run"
	"monban/webui"
)

// services are what people and devices of the LAN reach. Each may fail and
// come back without the guard, or another of them, noticing.
type services struct {
	g     *gateway.Gateway
	names *resolver
	socks *sockets
	state string
	log   *slog.Logger
	clock gateway.Clock
	site  *siteID
	tried func() // told once by each service when it was first tried
}

// serveNames answers DNS until ctx ends.
func (s *services) serveNames(ctx context.Context) error {
	defer s.tried()
	socks, ok := s.sockets(ctx, func(x *sockets) bool { return len(x.udp)+len(x.tcp) > 0 })
	if !ok {
		return nil
	}
	s.tried()
	return s.names.serve(ctx, socks, s.log)
}

// sockets returns the sockets once there are those that some service needs.
// Before there is a site.toml there may be no address to open them on.
func (s *services) sockets(ctx context.Context, enough func(*sockets) bool) (*sockets, bool) {
	for {
		socks, err := s.socks.bound(ctx, s.g.Inside())
		if err != nil {
			s.log.Error("not all sockets could be opened", "err", err)
		}
		if enough(socks) {
			return socks, true
		}
		s.tried() // nobody waits for what has no address
		if !wait(ctx) {
			return nil, false
		}
	}
}

// wait waits a little, or says that ctx is done.
func wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Second):
		return true
	}
}

// servePage serves the page by TLS until ctx ends.
func (s *services) servePage(ctx context.Context) error {
	defer s.tried() // also when it cannot be: the guard is what counts
	socks, ok := s.sockets(ctx, func(x *sockets) bool { return len(x.page) > 0 })
	if !ok {
		return nil
	}
	ca, err := pki.Open(pki.Options{Dir: s.state, Names: s.g.PageNames, Now: s.clock.Wall, Synced: s.clock.Synced,
		Report: func(err error) { s.log.Warn("certificate", "err", err) }})
	if err != nil {
		return fmt.Errorf("opening the certificate authority: %w", err)
	}
	s.site.set(request.SiteID(ca.Fingerprint()))
	o := webui.Options{Gateway: s.g, Sessions: s.g.Logins(), Log: s.log, Names: s.g.PageNames,
		Now: s.clock.Wall, Zone: s.g.Zone, CA: ca.PEM(), Fingerprint: ca.Fingerprint()}
	h, err := webui.New(o)
	if err != nil {
		return err
	}
	p, err := webui.Plain(o)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler: h, TLSConfig: ca.TLSConfig(),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // mostly browsers that do not trust us yet
	}
	plain := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
	}
	s.tried()
	group, _ := run.NewGroup(ctx)
	group.Go("page", func(ctx context.Context) error { return serveOn(ctx, srv, socks.page) })
	group.Go("plain", func(ctx context.Context) error { return serveOn(ctx, plain, socks.http) })
	return group.Wait()
}

// siteID is what signed requests name this box by, once it is known.
type siteID struct{ id atomic.Value }

func (s *siteID) set(id string) { s.id.Store(id) }

func (s *siteID) get() string {
	id, _ := s.id.Load().(string)
	return id
}

// once calls f when it was called n times by different parts, each counted
// once.
func once(n int, f func()) func() func() {
	var mu sync.Mutex
	return func() func() {
		return sync.OnceFunc(func() {
			mu.Lock()
			defer mu.Unlock()
			if n--; n == 0 {
				f()
			}
		})
	}
}
