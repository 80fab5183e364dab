package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"monban/dnsfilter/list"
	"monban/gateway/text"
)

// dnsCompileCmd makes the file that `monban dns serve --list` reads in a
// moment.
type dnsCompileCmd struct {
	Out  string   `required:"" type:"path" placeholder:"FILE" help:"The compiled file to write. An old one is replaced once the new one is whole."`
	List []string `arg:"" type:"path" help:"Lists to compile: hosts, plain names, AdBlock rules, an RPZ zone or dnsmasq lines, each in its own format."`
}

// Help says what the file is good for.
func (dnsCompileCmd) Help() string {
	return "Reads the lists, names their bad lines, and writes one file with all of them, which `monban dns serve --list FILE` reads instead of the lists, and much sooner. Make it again whenever a list changes, and after an update of Monban."
}

// Run compiles.
func (c *dnsCompileCmd) Run(e *env) error {
	l, err := readLists(c.List, e)
	if err != nil {
		return err
	}
	size, err := writeCompiled(l, c.Out)
	if err != nil {
		return text.NewFault("dns.not_compiled", "file", c.Out).On("--out").Because(err)
	}
	fmt.Fprintln(e.stdout, e.lang.Say("dns.compiled", text.Args{"file": c.Out, "names": l.Len(), "lists": len(l.Sources()), "bytes": size}))
	return nil
}

// writeCompiled puts l in path's place, whole or not at all.
func writeCompiled(l *list.List, path string) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // of one that was not renamed
	defer f.Close()
	if err := errors.Join(l.Write(f), f.Chmod(0o644), f.Sync()); err != nil {
		return 0, err
	}
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), os.Rename(f.Name(), path)
}
