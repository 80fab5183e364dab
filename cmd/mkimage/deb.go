package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"monban/gateway/bootslot"
	"monban/image/compile"
	"monban/image/deb"
)

// makeDeb makes the Debian package. It needs no root and no toolbox, only
// dpkg-deb.
func makeDeb(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("mkimage deb", flag.ExitOnError)
	arch := f.String("arch", "amd64", "amd64 or arm64")
	release := f.String("release", "", "version, N.N.N")
	maintainer := f.String("maintainer", "Monban <root@localhost>", "who answers for the package, NAME <MAIL>")
	out := f.String("out", "bin", "folder for the package")
	_ = f.Parse(args)
	version, err := bootslot.ParseVersion(*release)
	if err != nil {
		return fmt.Errorf("--release: %w", err)
	}
	made, err := epoch()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "monban-program-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "monban")
	if err := compile.Program(ctx, ".", "./cmd/monban", version, *arch, program); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	file, err := deb.Build(ctx, deb.Options{Version: version, Arch: *arch, Program: program, Source: ".",
		Maintainer: *maintainer, Made: made, Out: *out})
	if err != nil {
		return err
	}
	fmt.Println(file)
	return nil
}

// epoch is the time all files bear: SOURCE_DATE_EPOCH, in seconds since 1970.
func epoch() (time.Time, error) {
	s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, but must be seconds since 1970", os.Getenv("SOURCE_DATE_EPOCH"))
	}
	return time.Unix(s, 0).UTC(), nil
}
