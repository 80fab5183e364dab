package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/net/netutil"

	"monban/dnsfilter/subscribe"
	"monban/dnsfilter/tools"
	"monban/firewall/kernel"
	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/control"
	"monban/gateway/neigh"
	"monban/gateway/notice/send"
	"monban/gateway/run"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/image"
)

// serveCmd is the daemon. It runs without root, with CAP_NET_ADMIN and
// CAP_NET_RAW, executes nothing, and leaves the rules in force when it ends.
type serveCmd struct {
	Config    string `default:"/var/lib/monban/site.toml" help:"The configuration." placeholder:"FILE"`
	State     string `default:"/var/lib/monban" help:"Directory for everything the daemon keeps." placeholder:"DIR"`
	Provision string `help:"Where a first site.toml is copied from, once." placeholder:"FILE"`
	SetupLAN  string `name:"setup-lan" env:"MONBAN_SETUP_LAN" help:"LAN port of this board, where the page answers before there is a site.toml." placeholder:"IFACE"`
	Socket    string `default:"/run/monban/monban.sock" help:"Control socket to make." placeholder:"PATH"`
	SelfTest  string `name:"selftest-socket" default:"/run/monban/selftest.sock" help:"Socket of the self-test service." placeholder:"PATH"`
	Slots     string `name:"slot-socket" default:"/run/monban/slot.sock" help:"Socket of the service of the two slots; an image has one." placeholder:"PATH"`
	Clock     string `hidden:"" help:"A lab's clock." placeholder:"FILE"`

	NetSocket   string `name:"net-socket" help:"Socket of the service that changes the network; without it the network is somebody else's." placeholder:"PATH"`
	SocketsOnly bool   `name:"sockets-only" help:"That service only says where the sockets listen."`
	Provisioned string `help:"Where provisioning left its report at this boot." placeholder:"FILE"`
}

// Run serves until a signal or an error that a restart must mend.
func (c *serveCmd) Run(e *env) error {
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	hup := make(chan os.Signal, 1) // before anything takes time: one that nobody waits for ends the process
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	id, err := bootID()
	if err != nil {
		return err
	}
	socks, err := inherited()
	if err != nil {
		return err
	}
	names := newResolver()
	known, err := tools.Load()
	if err != nil {
		return fmt.Errorf("reading the remote-support tools: %w", err)
	}
	var site siteID
	clock := systemClock()
	if c.Clock != "" {
		clock = labClockOf(c.Clock)
	}
	names.log = openQueryLog(c.State, clock, log)
	if c.Clock != "" {
		names.wall = clock.Wall
	}
	ready := make(chan struct{})
	var g *gateway.Gateway
	fetcher, err := subscribe.New(subscribe.Options{
		Resolve: names.addresses,
		Reach:   func(a netip.Addr) bool { return subscribe.Public(a) && !g.Owns(a) },
	})
	if err != nil {
		return err
	}
	// An update is bigger than a list, and comes in the night.
	updates, err := subscribe.New(subscribe.Options{
		Resolve: names.addresses, Limit: gateway.MaxUpdate, Whole: updateWithin,
		Reach: func(a netip.Addr) bool { return subscribe.Public(a) && !g.Owns(a) },
	})
	if err != nil {
		return err
	}
	g, err = gateway.New(gateway.Options{
		Config: c.Config, State: c.State, Provision: c.Provision, Provisioned: c.Provisioned, SetUpLAN: c.SetupLAN,
		Firewall: k, Resolver: names,
		Watch: neigh.Watch,
		SelfTest: func(ctx context.Context, r selftest.Request) (selftest.Result, error) {
			return selftest.Ask(ctx, c.SelfTest, r)
		},
		Store: func() (*store.DB, error) {
			return store.Open(filepath.Join(c.State, "monban.db"), store.Options{})
		},
		LocalAddrs: localAddrs, Listeners: listeners,
		Send:     send.Sender{Host: config.PageName}.Send,
		QueryLog: names.log,
		Lists:    fetcher,
		Slots:    slotsAt(c.Slots), Updates: updates, Probe: probe(),
		Tools: known, Tunnels: &tunnels{state: c.State}, SiteID: site.get,
		Network: c.network(), SocketsOnly: c.SocketsOnly,
		Untuned: untuned, Data: dataState(image.DataStateFile, "/run"),
		Clock: clock, BootID: id, Version: version(), Log: log,
		Ready: func() { close(ready) },
		Beat:  func() { notify(daemon.SdNotifyWatchdog) },
	})
	if err != nil {
		return err
	}
	names.tell(g)
	tried := once(3, func() { notify(daemon.SdNotifyReady) })
	part := func() *services {
		return &services{g: g, names: names, socks: socks, state: c.State, log: log, clock: clock, site: &site, tried: tried()}
	}
	controlTried := tried()
	return run.Tasks(e.ctx, func(name string, in time.Duration, err error) {
		log.Warn("task restarts", "task", name, "in", in, "err", err)
	},
		run.Task{Name: "gateway", Run: g.Run},
		run.Task{Name: "names", Restart: true, Run: after(ready, part().serveNames)},
		run.Task{Name: "page", Restart: true, Run: after(ready, part().servePage)},
		run.Task{Name: "control", Restart: true, Run: after(ready, func(ctx context.Context) error {
			defer controlTried()
			l, err := control.Listen(c.Socket)
			if err != nil {
				return err
			}
			controlTried()
			return control.Serve(ctx, l, g)
		})},
		run.Task{Name: "reload", Run: after(ready, func(ctx context.Context) error { return onHangup(ctx, hup, g) })},
	)
}

// updateWithin is how long an update may be on its way: less than the hour the
// slot service gives a whole conversation, so that it is told as a slow line.
const updateWithin = 55 * time.Minute

// after delays a task until the rules were read back for the first time.
func after(ready <-chan struct{}, f func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ready:
			return f(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// onHangup reads site.toml again at each SIGHUP.
func onHangup(ctx context.Context, hup <-chan os.Signal, g *gateway.Gateway) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			g.Reload(ctx)
		}
	}
}

// withoutTime leaves the time to the journal.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// maxConns bounds what open connections of one listener can cost, and perSource
// those of one computer. A clinic has some tens of browsers.
const maxConns = 256

// copied returns another handle of the same listening socket.
func copied(l net.Listener) (net.Listener, error) {
	t, ok := l.(*net.TCPListener)
	if !ok {
		return l, nil
	}
	f, err := t.File()
	if err != nil {
		return nil, fmt.Errorf("copying a listener: %w", err)
	}
	defer f.Close()
	return net.FileListener(f)
}

// untuned names the kernel settings that are not as the rules need them.
func untuned() (keys []string) {
	for _, s := range kernel.Untuned() {
		keys = append(keys, s.Key)
	}
	return keys
}

// serveOn serves on each listener until ctx ends, by TLS if the server has a
// configuration for it. The sockets stay open.
func serveOn(ctx context.Context, srv *http.Server, ls []net.Listener) error {
	serve := srv.Serve
	if srv.TLSConfig != nil {
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	group, ctx := run.NewGroup(ctx)
	for _, l := range ls {
		// A copy, so that the socket is still there for the next try.
		l, err := copied(l)
		if err != nil {
			return err
		}
		l = netutil.LimitListener(newFair(l), maxConns)
		group.Go("serving "+l.Addr().String(), func(context.Context) error {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving the page: %w", err)
			}
			return nil
		})
	}
	group.Go("end", func(context.Context) error {
		<-ctx.Done()
		return srv.Close()
	})
	return group.Wait()
}
