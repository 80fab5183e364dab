package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
)

type windowCmd struct {
	Open     windowOpenCmd     `cmd:"" help:"Open a window now, without approval. For emergencies, as root; alarms everyone."`
	List     windowListCmd     `cmd:"" help:"List maintenance windows, newest first."`
	Show     windowShowCmd     `cmd:"" help:"Show one window with its sessions."`
	Close    windowCloseCmd    `cmd:"" help:"Close an open window now."`
	CloseAll windowCloseAllCmd `cmd:"" help:"Close every open window now, on record or not."`
}

type windowOpenCmd struct {
	remote
	BreakGlass bool          `required:"" help:"Say that this opens without anybody's approval."`
	Vendor     string        `required:"" help:"Vendor, by its name in site.toml." placeholder:"V"`
	Device     string        `required:"" help:"Device, by its name in the ledger or in site.toml." placeholder:"D"`
	Port       []string      `required:"" help:"Port on the device: 3389, 3389/tcp or 500/udp; may be repeated. WAN port after a colon: 3389:13389/tcp." placeholder:"PORT"`
	For        time.Duration `required:"" help:"How long, 1s to 8h." placeholder:"20s"`
	Reason     string        `required:"" help:"Why; goes to the log." placeholder:"TEXT"`
}

// Run opens the window and prints what the kernel holds.
func (c *windowOpenCmd) Run(e *env) error {
	ask := gateway.Ask{Vendor: c.Vendor, Device: c.Device, Length: c.For, Reason: c.Reason}
	for _, s := range c.Port {
		p, err := window.ParsePort(s)
		if err != nil {
			return err
		}
		ask.Ports = append(ask.Ports, p)
	}
	var w gateway.Window
	if err := c.client().Post(e.ctx, "/windows", ask, &w); err != nil {
		return err
	}
	return c.print(e.stdout, w, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.window_open", text.Args{
			"id": w.ID, "vendor": w.VendorLabel, "device": w.DeviceName, "ends": shortTime(w.Ends)}))
	})
}

type windowListCmd struct{ remote }

// Run lists the windows.
func (c *windowListCmd) Run(e *env) error {
	var ws []gateway.Window
	if err := c.client().Get(e.ctx, "/windows", &ws); err != nil {
		return err
	}
	return c.print(e.stdout, ws, func() {
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, w := range ws {
			var ports []string
			for _, p := range w.Ports {
				ports = append(ports, p.String())
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d B\n", w.ID, e.lang.Say("window.state."+string(w.State), nil),
				w.Vendor, w.DeviceName, strings.Join(ports, ","), shortTime(w.Ends), w.Passed.Bytes)
		}
		t.Flush()
	})
}

type windowShowCmd struct {
	remote
	ID int64 `arg:"" help:"Number of the window."`
}

// Run shows the window.
func (c *windowShowCmd) Run(e *env) error {
	var w gateway.Window
	if err := c.client().Get(e.ctx, "/windows/"+strconv.FormatInt(c.ID, 10), &w); err != nil {
		return err
	}
	return c.print(e.stdout, w, func() {
		fmt.Fprintf(e.stdout, "%d  %s  %s → %s  %s\n", w.ID, e.lang.Say("window.state."+string(w.State), nil), w.VendorLabel, w.DeviceName, shortTime(w.Ends))
		for _, s := range w.Sessions {
			fmt.Fprintf(e.stdout, "  %s  %s → %s  %s – %s  %d / %d B\n", s.Proto, s.Source, s.Target, shortTime(s.Start), shortTime(s.End), s.In, s.Out)
		}
	})
}

type windowCloseAllCmd struct{ remote }

// Run closes all windows. It works without a database, too.
func (c *windowCloseAllCmd) Run(e *env) error {
	var n int
	if err := c.client().Post(e.ctx, "/windows/close-all", nil, &n); err != nil {
		return err
	}
	return c.print(e.stdout, n, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.all_closed", text.Args{"n": n}))
	})
}

type windowCloseCmd struct {
	remote
	ID int64 `arg:"" help:"Number of the window."`
}

// Run closes the window and says what was cut.
func (c *windowCloseCmd) Run(e *env) error {
	var w gateway.Window
	if err := c.client().Post(e.ctx, "/windows/"+strconv.FormatInt(c.ID, 10)+"/close", nil, &w); err != nil {
		return err
	}
	return c.print(e.stdout, w, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.window_closed", text.Args{"id": w.ID, "cut": w.Cut, "bytes": w.Passed.Bytes}))
	})
}
