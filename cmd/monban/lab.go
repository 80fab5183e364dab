package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/control"
	"monban/gateway/lab"
	"monban/gateway/text"
)

// labCmd is the pretend clinic. Host, inside and activate are how it starts
// its own parts.
type labCmd struct {
	Up       labUp       `cmd:"" help:"Build the pretend clinic and run it until Ctrl-C."`
	Exec     labExec     `cmd:"" help:"Run a command in a host of the clinic."`
	Add      labAdd      `cmd:"" help:"Plug one more device into the LAN."`
	Kill     labKill     `cmd:"" help:"Kill the gateway process, as a crash would."`
	Start    labStart    `cmd:"" help:"Start the gateway process again."`
	Clock    labClock    `cmd:"" help:"Move the gateway's wall clock, or tell it that nobody sets it."`
	Tool     labTool     `cmd:"" help:"Make traffic: for use inside a host."`
	Host     labHost     `cmd:"" hidden:""`
	Inside   labInside   `cmd:"" hidden:""`
	Activate labActivate `cmd:"" hidden:""`
}

// labDir is embedded in what asks a running lab.
type labDir struct {
	Dir string `required:"" help:"The lab's directory." placeholder:"DIR"`
}

type labUp struct {
	Dir    string `help:"Where its files are; a temporary directory if not given." placeholder:"DIR"`
	Listen string `default:"127.0.0.1:8443" help:"Where the page is reached from this machine." placeholder:"ADDR"`
}

func (c labUp) options(e *env) (lab.Options, error) {
	program, err := os.Executable()
	if err != nil {
		return lab.Options{}, fmt.Errorf("finding this program: %w", err)
	}
	return lab.Options{Dir: c.Dir, Listen: c.Listen, Program: program, Lang: e.lang, Known: known, Out: e.stdout, Err: e.stderr}, nil
}

func (c labUp) Run(e *env) error {
	o, err := c.options(e)
	if err != nil {
		return err
	}
	return reported(lab.Up(e.ctx, o))
}

// known waits until the daemon knows every device of the lab by all of its
// addresses.
func known(ctx context.Context, f lab.File) {
	want := map[string]int{}
	for name, h := range f.Hosts {
		if strings.HasPrefix(h.Addrs[0].String(), "192.168.") && name != "gateway" {
			want[h.MAC] = len(h.Addrs)
		}
	}
	for ctx.Err() == nil {
		var ds []gateway.Device
		missing := len(want)
		if (control.Client{Path: f.Socket}).Get(ctx, "/devices", &ds) == nil {
			for _, d := range ds {
				if n, ok := want[d.MAC]; ok && len(d.Addrs) >= n {
					missing--
				}
			}
		}
		if missing == 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

type labInside struct{ labUp }

func (c labInside) Run(e *env) error {
	o, err := c.options(e)
	if err != nil {
		return err
	}
	return lab.Inside(e.ctx, o)
}

// reported keeps the person from reading twice what a child has said.
func reported(err error) error {
	var r lab.Reported
	if errors.As(err, &r) {
		return exitStatus(r)
	}
	return err
}

type labHost struct {
	Name string `arg:""`
}

func (c labHost) Run(e *env) error { return lab.Host(e.ctx, c.Name, e.stderr) }

type labActivate struct {
	Args []string `arg:"" passthrough:""`
}

func (c labActivate) Run(*env) error { return lab.Activate(afterDashes(c.Args)) }

type labClock struct {
	labDir
	Ahead    time.Duration `help:"How far the gateway's clock goes ahead of this machine's; negative: behind." placeholder:"8760h"`
	Unsynced bool          `help:"No server sets the clock."`
}

// Run moves the clock.
func (c labClock) Run(*env) error {
	return lab.SetClock(c.Dir, lab.Clock{Ahead: c.Ahead, Unsynced: c.Unsynced})
}

type labExec struct {
	labDir
	Host string   `arg:"" help:"vendor, stranger, internet, reception, rececom, ehr, xray, printer, gateway, isp, or an added device."`
	Cmd  []string `arg:"" passthrough:"" help:"The command; $MONBAN is this program."`
}

func (c labExec) Run(e *env) error {
	args := afterDashes(c.Cmd)
	if len(args) == 0 {
		return text.NewFault("lab.no_command")
	}
	status, err := lab.Exec(e.ctx, c.Dir, c.Host, args, lab.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	if err == nil && status != 0 {
		return exitStatus(status)
	}
	return err
}

// afterDashes drops the "--" that parts our flags from the command's.
func afterDashes(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}

type labAdd struct {
	labDir
	Name string `arg:"" help:"Up to 15 lower-case letters, digits and hyphens."`
}

func (c labAdd) Run(*env) error { return lab.Add(c.Dir, c.Name) }

type labKill struct{ labDir }

func (c labKill) Run(*env) error { return lab.Kill(c.Dir) }

type labStart struct{ labDir }

func (c labStart) Run(*env) error { return lab.Start(c.Dir) }

type labTool struct {
	Pipe   toolPipe   `cmd:"" help:"Connect: standard input out, what comes back to standard output."`
	Talk   toolTalk   `cmd:"" help:"Talk to an echo service and print when each line came back, as JSON lines."`
	Listen toolListen `cmd:"" help:"Be an echo service."`
	Scan   toolScan   `cmd:"" help:"Probe TCP ports by raw SYN and print the counts as JSON."`
	DNS    toolDNS    `cmd:"" name:"dns" help:"Ask a name server and print the answer as JSON."`
	// The witnesses and the weights of tests and benchmarks.
	Capture toolCapture `cmd:"" help:"Count packets at interfaces until interrupted and print them as JSON, also whenever a line comes in."`
	Flows   toolFlows   `cmd:"" help:"Hold many conversations with echo services and print how many live, as JSON lines."`
	Flood   toolFlood   `cmd:"" help:"Send much, to an echo service or to a sink, and print how much, as JSON."`
	Sink    toolSink    `cmd:"" help:"Take the datagrams of a flood until interrupted and print how many, as JSON."`
}

// network is what the tools call a protocol.
func network(udp bool) string {
	if udp {
		return "udp"
	}
	return "tcp"
}

// limited ends after d, if d is given.
func limited(e *env, d time.Duration) (context.Context, context.CancelFunc) {
	if d > 0 {
		return context.WithTimeout(e.ctx, d)
	}
	return context.WithCancel(e.ctx)
}

type toolPipe struct {
	UDP   bool          `name:"udp" help:"By UDP."`
	Local string        `help:"Own address and port." placeholder:"ADDR"`
	For   time.Duration `help:"End after this time."`
	To    string        `arg:"" help:"Address and port."`
}

func (c toolPipe) Run(e *env) error {
	ctx, cancel := limited(e, c.For)
	defer cancel()
	return lab.Pipe(ctx, network(c.UDP), c.Local, c.To, e.stdin, e.stdout)
}

type toolTalk struct {
	UDP   bool          `name:"udp" help:"By UDP."`
	Local string        `help:"Own address and port." placeholder:"ADDR"`
	Every time.Duration `default:"100ms" help:"Between lines."`
	For   time.Duration `help:"End after this time."`
	To    string        `arg:"" help:"Address and port."`
}

func (c toolTalk) Run(e *env) error {
	return lab.Talk{Net: network(c.UDP), To: c.To, Local: c.Local, Every: c.Every, For: c.For}.Run(e.ctx, e.stdout)
}

type toolListen struct {
	UDP bool          `name:"udp" help:"By UDP."`
	For time.Duration `help:"End after this time."`
	At  []string      `arg:"" help:"Address and port; [::]:PORT is any of both families."`
}

func (c toolListen) Run(e *env) error {
	ctx, cancel := limited(e, c.For)
	defer cancel()
	return lab.Listen(ctx, network(c.UDP), c.At, e.stdout)
}

type toolScan struct {
	From   uint16        `default:"1" help:"First port."`
	To     uint16        `default:"65535" help:"Last port."`
	Wait   time.Duration `default:"1s" help:"For answers after the last probe."`
	Target netip.Addr    `arg:"" help:"Address."`
}

func (c toolScan) Run(e *env) error {
	r, err := lab.Scan{Target: c.Target, From: c.From, To: c.To, Wait: c.Wait}.Run(e.ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(r)
}

type toolDNS struct {
	TCP    bool   `name:"tcp" help:"By TCP."`
	Server string `arg:"" help:"Address, with or without port."`
	Name   string `arg:"" help:"Name to look up."`
	Type   string `arg:"" default:"A" help:"Record type."`
}

func (c toolDNS) Run(e *env) error {
	l, err := lab.Ask(e.ctx, network(!c.TCP), c.Server, c.Name, c.Type)
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(l)
}

type toolCapture struct {
	Dev  []string `required:"" help:"Interface; may be repeated." placeholder:"IFACE"`
	Port []uint16 `help:"Only packets from or to this port; may be repeated." placeholder:"PORT"`
}

func (c toolCapture) Run(e *env) error {
	in, _ := e.stdin.(*os.File)
	return lab.Capture{Devs: c.Dev, Ports: c.Port}.Run(e.ctx, in, e.stdout)
}

type toolFlows struct {
	UDP   bool          `name:"udp" help:"By UDP."`
	Ports int           `default:"1" help:"On so many ports from PORT on."`
	Each  int           `default:"1" help:"So many on each port."`
	Every time.Duration `default:"1s" help:"Between lines of each."`
	For   time.Duration `help:"End after this time."`
	To    netip.Addr    `arg:"" help:"Address."`
	Port  uint16        `arg:"" help:"First port."`
}

func (c toolFlows) Run(e *env) error {
	return lab.Flows{Net: network(c.UDP), To: c.To.String(), First: c.Port, Ports: c.Ports, Each: c.Each, Every: c.Every, For: c.For}.Run(e.ctx, e.stdout)
}

type toolFlood struct {
	UDP  bool          `name:"udp" help:"Numbered datagrams; else one TCP connection."`
	Size int           `default:"1400" help:"Bytes of data in a datagram."`
	Rate int64         `help:"Bits per second; as fast as it goes if not given."`
	For  time.Duration `default:"1s" help:"How long."`
	// A network card's offloading does that on the way.
	Together int            `default:"1" help:"So many datagrams travel as one."`
	To       netip.AddrPort `arg:"" help:"Address and port."`
}

func (c toolFlood) Run(e *env) error {
	r, err := lab.Flood{Net: network(c.UDP), To: c.To, Size: c.Size, Rate: c.Rate, For: c.For, Together: c.Together}.Run(e.ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(r)
}

type toolSink struct {
	At netip.AddrPort `arg:"" help:"Address and port of this host."`
}

func (c toolSink) Run(e *env) error { return lab.Sink{At: c.At}.Run(e.ctx, e.stdout) }
