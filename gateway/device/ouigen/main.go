// Command ouigen makes the table of address block owners that package device
// embeds.
//
// It runs at development time only and fetches nothing: it reads the npm
// package oui-data as `npm pack` leaves it.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"monban/gateway/device"
)

func main() {
	in := flag.String("in", "", "the package, as npm pack leaves it")
	out := flag.String("out", "oui.bin", "the table")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "ouigen:", err)
		os.Exit(1)
	}
}

// run writes the table anew if the package is there. If not, the table there
// is kept when it works, so that generating everything needs no network.
func run(in, out string) error {
	f, err := os.Open(in)
	if errors.Is(err, fs.ErrNotExist) {
		return keep(in, out)
	}
	if err != nil {
		return fmt.Errorf("opening package: %w", err)
	}
	defer f.Close()
	makers, err := read(f)
	if err != nil {
		return fmt.Errorf("reading %s: %w", in, err)
	}
	b, err := build(makers)
	if err != nil {
		return fmt.Errorf("building table: %w", err)
	}
	if err := os.WriteFile(out, b, 0o644); err != nil {
		return fmt.Errorf("writing table: %w", err)
	}
	fmt.Printf("%s: %d blocks, %d bytes\n", out, len(makers), len(b))
	return nil
}

func keep(in, out string) error {
	b, err := os.ReadFile(out)
	if err != nil {
		return fmt.Errorf("neither %s nor a table is there: %w", in, err)
	}
	if device.Makers(b).Of(device.MAC{0, 0, 0x0c, 1, 2, 3}) == "" {
		return fmt.Errorf("%s is damaged; %s is needed to make it anew", out, in)
	}
	fmt.Printf("%s kept: %s is not there\n", out, in)
	return nil
}

// read returns index.json of the package: prefix in upper-case digits to the
// owner's name and address.
func read(r io.Reader) (map[string]string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for index.json: %w", err)
		}
		if path.Base(h.Name) != "index.json" {
			continue
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, t); err != nil {
			return nil, err
		}
		var m map[string]string
		return m, json.Unmarshal(b.Bytes(), &m)
	}
}
