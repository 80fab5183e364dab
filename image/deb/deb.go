// Package deb makes the Debian package, for people who bring a machine of
// their own: the program and the units of the firmware that do not belong to
// its disk.
//
// It builds and starts nothing on the machine it runs on; what happens at
// installation is in scripts.
package deb

import (
	"cmp"
	"context"
	"crypto/md5"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"monban/gateway/bootslot"
)

//go:embed scripts
var scripts embed.FS

// Options say what goes into a package.
type Options struct {
	Version    bootslot.Version // required: of the release
	Arch       string           // required: amd64 or arm64
	Program    string           // required: file with the program, built for Arch
	Source     string           // required: the repository, for licence and changes
	Maintainer string           // required: NAME <MAIL>, who answers for the package
	Made       time.Time        // required: the time all files bear (SOURCE_DATE_EPOCH)
	Out        string           // required: folder for the package
}

// Name is the file name of a package.
func Name(version bootslot.Version, arch string) string {
	return "monban_" + version.String() + "_" + arch + ".deb"
}

// Build makes the package and returns its path. The same options and the same
// dpkg-deb give the same bytes.
func Build(ctx context.Context, o Options) (string, error) {
	switch {
	case o.Version.IsZero():
		return "", errors.New("a package needs a version")
	case o.Arch != "amd64" && o.Arch != "arm64":
		return "", fmt.Errorf("no package for the architecture %q", o.Arch)
	case !strings.HasSuffix(o.Maintainer, ">") || strings.ContainsAny(o.Maintainer, "\r\n"):
		return "", fmt.Errorf("maintainer %q is not of the form NAME <MAIL>", o.Maintainer)
	case o.Made.IsZero():
		return "", errors.New("a package needs a time")
	}
	t, err := contents(ctx, o)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "monban-deb-")
	if err != nil {
		return "", fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := t.write(dir, o.Made); err != nil {
		return "", err
	}
	out := filepath.Join(o.Out, Name(o.Version, o.Arch))
	// One thread: how many there are shows in the output.
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", dir, out)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", o.Made.Unix()), "LC_ALL=C")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("dpkg-deb: %w\n%s", err, said)
	}
	return out, nil
}

// A file of the package.
type file struct {
	data []byte
	mode fs.FileMode
}

// A tree is a package by paths; DEBIAN/ holds what dpkg reads itself.
type tree map[string]file

func (t tree) put(path string, data []byte) { t[path] = file{data, 0o644} }

// contents are all files of the package.
func contents(ctx context.Context, o Options) (tree, error) {
	t := tree{}
	program, err := os.ReadFile(o.Program)
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	t["usr/bin/monban"] = file{program, 0o755}
	if err := t.units(); err != nil {
		return nil, err
	}
	if err := t.documents(ctx, o); err != nil {
		return nil, err
	}
	var sockets, services []string
	var kib int
	var sums strings.Builder
	for _, path := range slices.Sorted(maps.Keys(t)) {
		data := t[path].data
		kib += (len(data) + 1023) / 1024
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(data), path)
		switch name := filepath.Base(path); {
		case strings.HasSuffix(name, ".socket"):
			sockets = append(sockets, name)
		// What runs. To stop the closed rules would take the network with it.
		case strings.HasSuffix(name, ".service") && !strings.Contains(string(data), "\nType=oneshot\n"):
			services = append(services, name)
		}
	}
	units := strings.NewReplacer("@SOCKETS@", strings.Join(sockets, " "), "@SERVICES@", strings.Join(services, " "))
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		b, err := scripts.ReadFile("scripts/" + name)
		if err != nil {
			return nil, err
		}
		t["DEBIAN/"+name] = file{[]byte(units.Replace(string(b))), 0o755}
	}
	t.put("DEBIAN/control", control(o, kib))
	t.put("DEBIAN/md5sums", []byte(sums.String()))
	return t, nil
}

// write puts the tree below dir, all of one time.
func (t tree) write(dir string, made time.Time) error {
	for path, f := range t {
		path = filepath.Join(dir, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		err = cmp.Or(err, os.WriteFile(path, f.data, f.mode))
		// Whatever the umask is.
		err = cmp.Or(err, os.Chmod(path, f.mode))
		if err != nil {
			return fmt.Errorf("writing the package's files: %w", err)
		}
	}
	// Folders last: writing into one changes its time.
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		all = append(all, path)
		return err
	})
	if err != nil {
		return fmt.Errorf("listing the package's files: %w", err)
	}
	for _, path := range slices.Backward(all) {
		if err := os.Chtimes(path, made, made); err != nil {
			return fmt.Errorf("setting the time of the package's files: %w", err)
		}
	}
	return nil
}
