// Command monban is the clinic gateway: the daemon, its control commands and
// the pretend clinic.
//
// Each subcommand is one file here; what it does lives in the packages.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"monban/gateway/text"
)

// env is all a subcommand touches outside its packages.
type env struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	lang           text.Lang
}

type cli struct {
	Lang string `enum:"ja,en" default:"ja" help:"Language of sentences: ja or en."`

	Serve     serveCmd     `cmd:"" help:"Run the gateway."`
	Check     checkCmd     `cmd:"" help:"Check a site.toml and name every fault at once."`
	Rules     rulesCmd     `cmd:"" help:"Print the packet rules, or load them at boot."`
	Status    statusCmd    `cmd:"" help:"Show the box at a glance."`
	Window    windowCmd    `cmd:"" help:"Maintenance windows."`
	Request   requestCmd   `cmd:"" help:"Ask for a maintenance window, as a vendor's engineer."`
	Device    deviceCmd    `cmd:"" help:"Devices on the LAN."`
	Checklist checklistCmd `cmd:"" help:"Show the Ministry's checklist with what proves each item."`
	Audit     auditCmd     `cmd:"" help:"The tamper-evident log."`
	DNS       dnsCmd       `cmd:"" name:"dns" help:"The name filter."`
	Selftest  selftestCmd  `cmd:"" help:"The root service that tries the box from outside."`
	Slot      slotCmd      `cmd:"" help:"The two versions of the box's own software, and updates."`
	Net       netCmd       `cmd:"" help:"The box's network: its files at boot, a change on trial."`
	Provision provisionCmd `cmd:"" help:"Take a first site.toml from the MONBAN partition or a USB stick, at boot. Needs root."`
	Lamp      lampCmd      `cmd:"" help:"Say on the console and by the board's lamp what keeps the box from working."`
	Lab       labCmd       `cmd:"" help:"A pretend clinic to try everything in."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// exitStatus is an error that is only a process exit status, already explained.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(monban(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// monban parses args, runs one subcommand and returns the exit status.
func monban(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := grammar(args)
	status := -1
	p, err := kong.New(c.Interface(), kong.Name("monban"), kong.Description("門番: the clinic's gatekeeper."),
		kong.Writers(stdout, stderr), kong.UsageOnError(),
		kong.Exit(func(code int) { status = code }))
	if err != nil {
		fmt.Fprintln(stderr, "monban:", err)
		return 1
	}
	k, err := p.Parse(args)
	if status >= 0 { // --help
		return status
	}
	if err != nil {
		fmt.Fprintln(stderr, "monban:", err)
		return 2
	}
	e := &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, lang: text.Lang(c.Elem().FieldByName("Lang").String())}
	return report(k.Run(e), e)
}

// grammar is a cli for args, with the subcommand they begin with alone if they
// do: reading the tags of all of them takes as long as starting the program.
func grammar(args []string) reflect.Value {
	all := reflect.TypeFor[cli]()
	for f := range all.Fields() {
		if len(args) > 0 && f.Name != "Lang" && strings.ToLower(f.Name) == args[0] {
			lang, _ := all.FieldByName("Lang")
			return reflect.New(reflect.StructOf([]reflect.StructField{lang, f}))
		}
	}
	return reflect.New(all)
}
