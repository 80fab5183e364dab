package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"monban/gateway/config"
	"monban/gateway/netchange"
	"monban/gateway/netconf"
	"monban/gateway/provision"
	"monban/gateway/text"
)

type netCmd struct {
	Apply   netApplyCmd   `cmd:"" help:"Write the network's files of the last good configuration, at boot. Needs root."`
	Serve   netServeCmd   `cmd:"" help:"Change the network for whoever asks at a Unix socket, and back again unless it is confirmed. Needs root."`
	Confirm netConfirmCmd `cmd:"" help:"Confirm a change of the network, so that it stays."`
}

// onBox is where the network's files and their sources are.
type onBox struct {
	State  string `default:"/var/lib/monban" help:"State directory of the service." placeholder:"DIR"`
	RunDir string `name:"run" default:"/run" help:"Where the files are written below. Another directory than /run: nobody is told of them." placeholder:"DIR"`
	Sys    string `hidden:"" default:"/sys" placeholder:"DIR"`
}

// netBox is a box whose network may be its owner's.
type netBox struct {
	onBox
	SocketsOnly bool `help:"Leave the network alone; only say where the sockets listen."`
}

func (o netBox) box() netchange.Box {
	b := netchange.Box{Run: o.RunDir, Sys: o.Sys, SocketsOnly: o.SocketsOnly}
	if o.RunDir == "/run" {
		b.Dial = netchange.Dial
	}
	return b
}

type netApplyCmd struct {
	netBox
	Model string `hidden:"" default:"/proc/device-tree/model" placeholder:"FILE"`
}

// Run takes a change of the network back that a power cut caught on trial, and
// writes the network's files: of site.toml, else of the last good generation,
// else of set-up mode.
func (c *netApplyCmd) Run(e *env) error {
	site, conf, err := c.site(e)
	if err == nil {
		return c.box().Boot(e.ctx, site, netconf.For(conf, runtime.NumCPU()))
	}
	if !errors.Is(err, config.ErrNone) {
		printError(err, e)
	}
	port := c.setUpPort(e.ctx)
	fmt.Fprintln(e.stderr, "monban:", e.lang.Say("network.set_up", text.Args{"port": port, "address": netconf.SetUpAddress}))
	return c.box().Boot(e.ctx, nil, netconf.SetUp(port, runtime.NumCPU()))
}

// site is what the network is made from. What goes wrong is told, and the box
// starts all the same.
func (c *netApplyCmd) site(e *env) ([]byte, config.Config, error) {
	state, err := netchange.OpenState(c.State)
	if err != nil {
		return nil, config.Config{}, err
	}
	defer state.Close()
	if _, err := state.TakeBack(); err != nil {
		fmt.Fprintln(e.stderr, "monban:", err)
	}
	return goodSite(func() ([]byte, error) { return state.Read(netchange.Site) }, c.State, e)
}

// portPatience is how long a port on USB may take to be there.
const portPatience = 10 * time.Second

// setUpPort is the LAN's port before there is a site.toml: the one whose MAC
// address was provisioned, else the board's.
func (c *netApplyCmd) setUpPort(ctx context.Context) string {
	brought, err := os.ReadFile(filepath.Join(c.RunDir, provision.RunLANMAC))
	if err != nil {
		model, _ := os.ReadFile(c.Model)
		return netconf.LANPort(strings.TrimRight(string(model), "\x00\n"))
	}
	mac, err := net.ParseMAC(strings.TrimSpace(string(brought)))
	if err != nil {
		return ""
	}
	for end := time.Now().Add(portPatience); ; {
		port := netchange.PortOf(c.Sys, mac.String())
		if port != "" || time.Now().After(end) || !wait(ctx) {
			return port
		}
	}
}

type netServeCmd struct {
	netBox
	Listen string `placeholder:"PATH" help:"Unix socket to make and serve on; without it the inherited socket named net."`
}

// Run serves until it is stopped, or, activated by its socket, until nobody
// asks any more and no change is on trial.
func (c *netServeCmd) Run(e *env) error {
	l, idle, err := rootSocket(c.Listen, "net")
	if err != nil {
		return err
	}
	defer l.Close()
	state, err := netchange.OpenState(c.State)
	if err != nil {
		return err
	}
	defer state.Close()
	s := netchange.Service{Box: c.box(), State: state, Cores: runtime.NumCPU(), Patience: netconf.Patience,
		Warn: func(err error) { fmt.Fprintln(e.stderr, "monban:", err) }}
	return s.Serve(e.ctx, l, idle)
}

type netConfirmCmd struct {
	Socket string `default:"/run/monban/net.sock" help:"Socket of the service." placeholder:"PATH"`
}

// Run confirms the change that is on trial.
func (c *netConfirmCmd) Run(e *env) error {
	if _, err := netchange.Ask(e.ctx, c.Socket, netconf.Confirm); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout, e.lang.Say("network.kept", nil))
	return err
}

// network is how the daemon asks for changes of the network, if it may.
func (c *serveCmd) network() func(context.Context, netconf.Request) (netconf.Change, error) {
	if c.NetSocket == "" {
		return nil
	}
	return func(ctx context.Context, do netconf.Request) (netconf.Change, error) {
		return netchange.Ask(ctx, c.NetSocket, do)
	}
}
