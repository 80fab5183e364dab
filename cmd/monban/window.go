package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
)

type windowCmd struct {
	Open     windowOpenCmd     `cmd:"" help:"Open a window now, without approval. For emergencies, as root; alarms everyone."`
	Ask      windowAskCmd      `cmd:"" help:"Record a request for a window, to be approved on the page."`
	Record   windowRecordCmd   `cmd:"" help:"Record a vendor's signed request, read from a file or from standard input."`
	List     windowListCmd     `cmd:"" help:"List maintenance windows, newest first."`
	Show     windowShowCmd     `cmd:"" help:"Show one window with its sessions."`
	Sheet    windowSheetCmd    `cmd:"" help:"Print all evidence of one window, as JSON."`
	Close    windowCloseCmd    `cmd:"" help:"Close an open window now."`
	CloseAll windowCloseAllCmd `cmd:"" help:"Close every open window now, on record or not."`
	Report   windowSayCmd      `cmd:"" help:"Enter what the vendor did in a window."`
	Review   windowSayCmd      `cmd:"" help:"Enter that its sessions were held against its request."`
	Excuse   windowSayCmd      `cmd:"" help:"Enter why a window had to be opened without approval."`
}

// asked is what a window is asked for with.
type asked struct {
	Vendor    string        `required:"" help:"Vendor, by its name in site.toml." placeholder:"V"`
	Device    string        `required:"" help:"Device, by its name in the ledger or in site.toml." placeholder:"D"`
	Port      []string      `xor:"way" help:"Port on the device: 3389, 3389/tcp or 500/udp; may be repeated. WAN port after a colon: 3389:13389/tcp." placeholder:"PORT"`
	Target    []string      `xor:"way" help:"Where the device may dial out to: 203.0.113.5:4500/udp; may be repeated." placeholder:"TARGET"`
	Tool      string        `xor:"way" help:"Remote-support tool to release on the device." placeholder:"NAME"`
	WireGuard bool          `name:"wireguard" help:"The ports are reached through the vendor's tunnel."`
	For       time.Duration `required:"" help:"How long, 1s to 8h." placeholder:"20s"`
	Reason    string        `required:"" help:"Why; goes to the log." placeholder:"TEXT"`
}

func (c asked) ask() (gateway.Ask, error) {
	ask := gateway.Ask{Kind: window.Inbound, Vendor: c.Vendor, Device: c.Device, Tool: c.Tool, Length: c.For, Reason: c.Reason}
	for _, s := range c.Port {
		p, err := window.ParsePort(s)
		if err != nil {
			return ask, err
		}
		ask.Ports = append(ask.Ports, p)
	}
	for _, s := range c.Target {
		t, err := window.ParseTarget(s)
		if err != nil {
			return ask, err
		}
		ask.Targets = append(ask.Targets, t)
	}
	switch {
	case c.WireGuard:
		ask.Kind = window.WireGuard
	case len(c.Target) > 0:
		ask.Kind = window.Outbound
	case c.Tool != "":
		ask.Kind = window.Tool
	}
	return ask, nil
}

type windowOpenCmd struct {
	remote
	asked
	BreakGlass bool `required:"" help:"Say that this opens without anybody's approval."`
}

// Run opens the window and prints what the kernel holds.
func (c *windowOpenCmd) Run(e *env) error {
	ask, err := c.ask()
	if err != nil {
		return err
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

type windowAskCmd struct {
	remote
	asked
	Requester string    `required:"" help:"The engineer's name." placeholder:"NAME"`
	At        time.Time `help:"Planned start; now if not given." placeholder:"2026-12-08T22:00:00+09:00"`
}

// Run records the request.
func (c *windowAskCmd) Run(e *env) error {
	ask, err := c.ask()
	if err != nil {
		return err
	}
	ask.Requester, ask.NotBefore = c.Requester, c.At
	var w gateway.Window
	if err := c.client().Post(e.ctx, "/windows/ask", ask, &w); err != nil {
		return err
	}
	return c.onRecord(e, w)
}

// onRecord says that a request is on record.
func (r remote) onRecord(e *env, w gateway.Window) error {
	return r.print(e.stdout, w, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.window_asked", text.Args{"id": w.ID, "vendor": w.VendorLabel, "device": w.DeviceName}))
	})
}

type windowRecordCmd struct {
	remote
	File string `arg:"" optional:"" help:"File with the text of the request." placeholder:"FILE"`
}

// longestRequest bounds what is read; a request has some hundred signs.
const longestRequest = 32 << 10

// Run records a signed request.
func (c *windowRecordCmd) Run(e *env) error {
	from := e.stdin
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, longestRequest))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var w gateway.Window
	if err := c.client().Post(e.ctx, "/requests", map[string]string{"text": string(b)}, &w); err != nil {
		return err
	}
	return c.onRecord(e, w)
}

type windowSheetCmd struct {
	remote
	ID int64 `arg:"" help:"Number of the window."`
}

// Run prints the evidence. Its hash is over the JSON without the hash.
func (c *windowSheetCmd) Run(e *env) error {
	var s gateway.Sheet
	if err := c.client().Get(e.ctx, "/windows/"+strconv.FormatInt(c.ID, 10)+"/sheet", &s); err != nil {
		return err
	}
	c.JSON = true
	return c.print(e.stdout, s, nil)
}

type windowSayCmd struct {
	remote
	ID   int64  `arg:"" help:"Number of the window."`
	Text string `arg:"" help:"What to enter."`
}

// Run enters a remark; which, the command's name says.
func (c *windowSayCmd) Run(e *env, k *kong.Context) error {
	var w gateway.Window
	path := "/windows/" + strconv.FormatInt(c.ID, 10) + "/" + k.Selected().Name
	if err := c.client().Post(e.ctx, path, map[string]string{"text": c.Text}, &w); err != nil {
		return err
	}
	return c.print(e.stdout, w, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.said", text.Args{"id": w.ID}))
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
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d B\n", w.ID, e.lang.Say("page.state."+string(w.State), nil),
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
		fmt.Fprintf(e.stdout, "%d  %s  %s → %s  %s\n", w.ID, e.lang.Say("page.state."+string(w.State), nil), w.VendorLabel, w.DeviceName, shortTime(w.Ends))
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
