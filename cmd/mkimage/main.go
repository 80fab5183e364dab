// Command mkimage builds the firmware and renews the list of Debian packages it
// is made of.
//
// It is a tool of developers and of CI; no part of it is on a box.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"monban/image/build"
)

const usage = `mkimage builds the firmware. It runs as root, from the top of the source tree.

  mkimage build --arch amd64|arm64 --board uefi|rpi --release N.N.N --out FOLDER
                [--trust KEY.pub … --minimum N.N.N --notes-ja FILE --notes-en FILE]
  mkimage sign --signature FILE --trust KEY.pub UPDATE.unsigned
  mkimage lock [amd64] [arm64]
  mkimage deb --arch amd64|arm64 --release N.N.N --out FOLDER

Flags of each: mkimage build -h, mkimage lock -h.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "build":
			return makeImage(ctx, args[1:])
		case "sign":
			return sign(args[1:])
		case "lock":
			return renew(ctx, args[1:])
		case "deb":
			return makeDeb(ctx, args[1:])
		}
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("it is to be said what to do")
}

// common are the flags of every command.
func common(f *flag.FlagSet) (*build.Builder, error) {
	start := time.Now()
	b := &build.Builder{Say: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%5.1fs  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
	cache, err := build.DefaultCache()
	if err != nil {
		return nil, err
	}
	f.StringVar(&b.Cache, "cache", cache, "folder for toolbox and packages ("+build.CacheEnv+")")
	f.StringVar(&b.Mirror, "mirror", "", "root of a mirror of Debian's archive ("+build.MirrorEnv+"; else the one of this machine's apt)")
	return b, nil
}

func renew(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("mkimage lock", flag.ExitOnError)
	b, err := common(f)
	if err != nil {
		return err
	}
	dir := f.String("dir", "image/lock", "folder of the lock files")
	_ = f.Parse(args)
	archs := f.Args()
	if len(archs) == 0 {
		archs = []string{"amd64", "arm64"}
	}
	for _, arch := range archs {
		l, err := b.Renew(ctx, arch)
		if err != nil {
			return fmt.Errorf("renewing the lock for %s: %w", arch, err)
		}
		if err := os.WriteFile(filepath.Join(*dir, arch+".lock"), l.Format(), 0o644); err != nil {
			return err
		}
		b.Say("%s: %d packages", arch, len(l.Packages))
	}
	return nil
}
