package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/image"
	"monban/image/build"
)

func makeImage(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("mkimage build", flag.ExitOnError)
	b, err := common(f)
	if err != nil {
		return err
	}
	i := build.Image{Source: "."}
	f.StringVar(&i.Arch, "arch", "amd64", "amd64 or arm64")
	f.Func("board", "uefi or rpi", func(s string) error { i.Board = image.Board(s); return nil })
	release := f.String("release", "", "version, as in 1.2.3")
	minimum := f.String("minimum", "", "lowest running version that may be updated to this one; a release must say it")
	f.StringVar(&i.Out, "out", "", "folder for what is built")
	key := f.String("key", "", "file of the secret key (minisign, without a password) that signs the update. Without one and with --trust the update is left unsigned: see mkimage sign. With neither, a throwaway pair is made in the out folder, and the version ends in -debug")
	f.Func("trust", "file of a further public key whose updates the box takes (may be given again)", func(name string) error {
		k, err := readKey(name)
		i.Trust = append(i.Trust, k)
		return err
	})
	f.Func("notes-ja", "file that says what is new, in Japanese; a release must have it", readNotes(&i.Notes.JA))
	f.Func("notes-en", "the same in English", readNotes(&i.Notes.EN))
	f.BoolVar(&i.Test, "test", false, "a test image, always with throwaway keys: it obeys a disk labelled GWTEST")
	f.BoolVar(&i.RenewMissing, "renew-missing", false, "if a locked package is nowhere to be had any more, take what the mirror has now")
	_ = f.Parse(args)
	if f.NArg() > 0 {
		return fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if i.Board == "" {
		i.Board = image.UEFI
	}
	if i.Out == "" {
		return errors.New("--out is to name a folder")
	}
	if i.Out, err = filepath.Abs(i.Out); err != nil {
		return err
	}
	if err := os.MkdirAll(i.Out, 0o755); err != nil {
		return err
	}
	if err := keys(&i, *key, *release); err != nil {
		return err
	}
	if *minimum == "" && i.Throwaway {
		*minimum = "0.0.1"
	}
	if *minimum != "" {
		if i.Minimum, err = bootslot.ParseVersion(*minimum); err != nil {
			return fmt.Errorf("--minimum: %w", err)
		}
	}
	if i.Made, err = build.SourceDate(ctx, i.Source, i.Arch); err != nil {
		return err
	}
	files, err := b.Build(ctx, i)
	if err != nil {
		return err
	}
	for _, what := range []string{"disk", "compressed", "update", "manifest", "sbom", "licences"} {
		st, err := os.Stat(files[what])
		if err != nil {
			return err
		}
		size := fmt.Sprintf("%.1f MB", float64(st.Size())/1e6)
		if st.IsDir() {
			size = ""
		}
		fmt.Printf("%-12s %10s  %s\n", what, size, files[what])
	}
	return nil
}

// sign puts a signature that was made elsewhere into an unsigned update.
func sign(args []string) error {
	f := flag.NewFlagSet("mkimage sign", flag.ExitOnError)
	signature := f.String("signature", "", "file that minisign -S made for the .manifest beside the update")
	var trust []minisign.Key
	f.Func("trust", "file of a public key that the box trusts (may be given again)", func(name string) error {
		k, err := readKey(name)
		trust = append(trust, k)
		return err
	})
	_ = f.Parse(args)
	name, ok := strings.CutSuffix(f.Arg(0), ".unsigned")
	if f.NArg() != 1 || !ok || *signature == "" || len(trust) == 0 {
		return errors.New("mkimage sign --signature FILE --trust KEY.pub UPDATE.unsigned")
	}
	return build.Seal(f.Arg(0), *signature, name+".update", trust)
}

// keys reads the key that signs, or makes a throwaway pair of them, and decides
// what version that makes.
func keys(i *build.Image, name, release string) error {
	i.Throwaway = name == "" && len(i.Trust) == 0
	if i.Throwaway {
		release = strings.TrimSuffix(release, "-debug") + "-debug"
	}
	var err error
	if i.Version, err = bootslot.ParseVersion(release); err != nil {
		return fmt.Errorf("--release: %w", err)
	}
	if name != "" {
		i.Key, err = readSecret(name)
		return err
	}
	if !i.Throwaway {
		return nil // signed elsewhere
	}
	// The second is for trying a change of keys.
	for n, file := range []string{"debug.key", "debug-next.key"} {
		k, err := throwaway(filepath.Join(i.Out, file))
		if err != nil {
			return err
		}
		if n == 0 {
			i.Key = k
		} else {
			i.Trust = append(i.Trust, k.Key())
		}
	}
	return nil
}

// throwaway reads the key in a file, or makes it and its public half.
func throwaway(name string) (*minisign.Secret, error) {
	k, err := readSecret(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	made, err := build.NewKey()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(name, made.File(), 0o600); err != nil {
		return nil, err
	}
	return &made, os.WriteFile(strings.TrimSuffix(name, ".key")+".pub", made.KeyFile(), 0o644)
}

func readSecret(name string) (*minisign.Secret, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the key that signs: %w", err)
	}
	k, err := minisign.ParseSecret(b)
	if err != nil {
		return nil, fmt.Errorf("the key that signs, %s: %w", name, err)
	}
	return &k, nil
}

// readNotes is a flag's function: it reads the file named into to.
func readNotes(to *string) func(name string) error {
	return func(name string) error {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if *to = strings.TrimSpace(string(b)); *to == "" || !utf8.ValidString(*to) {
			return fmt.Errorf("%s is to be a text in UTF-8", name)
		}
		return nil
	}
}

func readKey(name string) (minisign.Key, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return minisign.Key{}, err
	}
	return minisign.ParseKeyFile(b)
}
