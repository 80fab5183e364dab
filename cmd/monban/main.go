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
}

// exitStatus is an error that is only a process exit status, already explained.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run parses args, runs one subcommand and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	status := -1
	p, err := kong.New(&c, kong.Name("monban"), kong.Description("門番: the clinic's gatekeeper."),
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
	e := &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, lang: text.Lang(c.Lang)}
	return report(k.Run(e), e)
}
