// Package lab is a pretend clinic made of network namespaces: the outside, the
// shipped gateway as a process of its own, and the devices of a small clinic.
//
// It protects nothing and decides nothing; what it starts is the product as
// it is shipped, told by flags, sockets and a site.toml where it stands.
package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/config"
	"monban/gateway/text"
)

// Options say where a lab lives and what it starts.
type Options struct {
	// Dir holds all the lab writes and its sockets. Empty: a temporary
	// directory, removed at the end.
	Dir string
	// Listen is the address outside the lab at which the page is reached.
	Listen string
	// Program is the path of the monban binary; required.
	Program string
	// Config is the site.toml written if Dir has none; config.Example if nil.
	Config []byte
	Lang   text.Lang
	// Known waits until the gateway knows the devices of the lab by the
	// addresses in f. A device that asked for the way before the rules were
	// loaded asks again only after a second. Optional.
	Known func(ctx context.Context, f File)
	// Out gets the "lab: ready" line and what a person does next, Err the rest.
	Out, Err io.Writer
}

// Up builds the lab and runs it until ctx ends, then leaves nothing behind
// but the files in Dir. Without the right to make namespaces it does so in a
// user namespace of its own. Faults: lab.no_namespaces, lab.running,
// lab.dir_long, lab.gateway_failed.
func Up(ctx context.Context, o Options) error {
	remove, err := o.makeDir()
	if err != nil {
		return err
	}
	defer remove()
	unlock, err := lock(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return text.NewFault("lab.listen", "addr", o.Listen).Because(err)
	}
	defer l.Close()
	door, err := l.(*net.TCPListener).File()
	if err != nil {
		return fmt.Errorf("taking the listener's file: %w", err)
	}
	defer door.Close()
	o.Listen = l.Addr().String()
	if mayMakeNamespaces() {
		return build(ctx, o, door)
	}
	return upInUserNamespace(ctx, o, door)
}

// makeDir makes o.Dir absolute and there; the returned function removes it if
// it was temporary.
func (o *Options) makeDir() (remove func(), err error) {
	if o.Config == nil {
		o.Config = config.Example
	}
	remove = func() {}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "monban-lab-"); err != nil {
			return nil, fmt.Errorf("making the lab's directory: %w", err)
		}
		dir := o.Dir
		remove = func() { os.RemoveAll(dir) }
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("finding the lab's directory: %w", err)
	}
	// A Unix socket's address has room for 107 bytes (unix(7)).
	if n := len(selftestSocket(o.Dir)); n > 107 {
		return nil, text.NewFault("lab.dir_long", "dir", o.Dir)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the lab's directory: %w", err)
	}
	return remove, nil
}

// lock makes sure that one lab at a time uses dir, also when the last one was
// killed: the kernel lets go of the lock with the process.
func lock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the lab's directory: %w", err)
	}
	for range 20 { // the children of a killed lab need a moment to notice
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			return func() { f.Close() }, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Close()
	return nil, text.NewFault("lab.running", "dir", dir).Because(err)
}

// The files of a lab directory.
func configFile(dir string) string     { return filepath.Join(dir, "site.toml") }
func stateDir(dir string) string       { return filepath.Join(dir, "state") }
func controlSocket(dir string) string  { return filepath.Join(dir, "monban.sock") }
func selftestSocket(dir string) string { return filepath.Join(dir, "selftest.sock") }
func labSocket(dir string) string      { return filepath.Join(dir, "lab.sock") }
func gatewayLog(dir string) string     { return filepath.Join(dir, "gateway.log") }
func listFile(dir string) string       { return filepath.Join(dir, "lists", "lab.hosts") }
func resolvFile(dir, kind string) string {
	return filepath.Join(dir, "resolv-"+kind+".conf")
}
