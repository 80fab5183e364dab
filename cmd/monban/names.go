package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/dnsfilter/server"
	"monban/dnsfilter/tools"
	"monban/dnsfilter/upstream"
	"monban/gateway"
	"monban/gateway/text"
)

// resolver is the name filter as the gateway sees it. It takes policies and
// upstreams before there are sockets to serve on.
type resolver struct {
	mu      sync.Mutex
	policy  *dnsfilter.Policy
	routes  upstream.Routes
	router  *upstream.Router // nil: nobody to ask yet
	watcher watcher          // nil: nobody wants to know
	log     *querylog.Log    // nil: no record of questions
	server  *server.Server   // nil until serve
	wall    func() time.Time // a lab's clock; nil: the system's
}

// A watcher is told what is asked for, and lets addresses through.
// *gateway.Gateway is it.
type watcher interface {
	server.Admitter
	SeeTool(gateway.ToolSeen)
	SeeLimited(gateway.NamesLimited)
}

func newResolver() *resolver { return &resolver{} }

// tell says who watches, before serve.
func (r *resolver) tell(w watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watcher = w
}

// Set puts a policy in force.
func (r *resolver) Set(p *dnsfilter.Policy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = p
	if r.server != nil {
		r.server.Set(p)
	}
}

// SetUpstreams says whom to ask; the same ones again change nothing, so that
// the cache stays. The addresses of devices may change at any time.
func (r *resolver) SetUpstreams(routes upstream.Routes, devices map[string][]netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.router != nil && routes.Equal(r.routes) {
		r.router.SetDevices(devices)
		return
	}
	router, err := upstream.NewRouter(routes, upstream.Options{MixCase: true, Cookies: true})
	if err != nil {
		return // config.Parse lets no such routes through
	}
	router.SetDevices(devices)
	r.router, r.routes = router, routes
	if r.server != nil {
		r.server.SetUpstream(router)
	}
}

// addresses looks a host up for the box itself. No list is asked: the one
// that is fetched cannot forbid its own server.
func (r *resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	r.mu.Lock()
	router := r.router
	r.mu.Unlock()
	if router == nil {
		return nil, text.NewFault("dns.off")
	}
	return router.Addresses(ctx, host)
}

// Stats are the server's counters.
func (r *resolver) Stats() gateway.DNSCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		return gateway.DNSCounts{UpstreamOK: true}
	}
	s := r.server.Stats()
	return gateway.DNSCounts{Queries: s.Queries, Refused: s.Refused, UpstreamOK: r.router.OK()}
}

// Explain says why a name is answered as it is.
func (r *resolver) Explain(ctx context.Context, name string, client netip.Addr) (gateway.Explanation, error) {
	r.mu.Lock()
	srv := r.server
	r.mu.Unlock()
	if srv == nil {
		return gateway.Explanation{}, text.NewFault("dns.off")
	}
	d, err := srv.Explain(ctx, name, client)
	if err != nil {
		return gateway.Explanation{}, err
	}
	x := gateway.Explanation{Name: name, Action: "answer", Reason: d.Reason, List: d.List, Line: d.Line, Via: d.Via, Tool: d.Tool, Group: d.Group, Schedule: d.Schedule}
	if d.Action == dnsfilter.Rename {
		x.Host = d.Host
	}
	if client.IsValid() {
		x.Client = client.String()
	}
	if d.Action == dnsfilter.Refuse {
		x.Action = "refuse"
	}
	return x, nil
}

// serve answers on the sockets until ctx ends.
func (r *resolver) serve(ctx context.Context, s *sockets, log *slog.Logger) error {
	r.mu.Lock()
	for r.router == nil { // set-up mode: there is nobody to ask yet
		r.mu.Unlock()
		if !wait(ctx) {
			return nil
		}
		r.mu.Lock()
	}
	o := server.Options{UDP: s.udp, TCP: s.tcp, Upstream: r.router,
		Report: func(err error) { log.Warn("name filter", "err", err) }}
	if r.watcher != nil {
		o.Admitter, o.Seen = r.watcher, func(t server.ToolSeen) {
			r.watcher.SeeTool(gateway.ToolSeen{At: t.At, Client: t.Client, Name: t.Name, Tool: t.Tool,
				Shared: t.Class == tools.Shared, Refused: t.Refused, Granted: t.Granted})
		}
	}
	o.Limit = server.Fair()
	if r.watcher != nil {
		o.Limited = func(l server.Limited) {
			r.watcher.SeeLimited(gateway.NamesLimited{At: l.At, Client: l.Client, Dropped: l.Dropped})
		}
	}
	o.Log, o.Wall = r.log, r.wall
	srv, err := server.New(o)
	if err != nil {
		r.mu.Unlock()
		return fmt.Errorf("starting the name filter: %w", err)
	}
	if r.policy != nil {
		srv.Set(r.policy)
	}
	r.server = srv
	r.mu.Unlock()
	return srv.Run(ctx)
}
