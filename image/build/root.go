package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	_ "embed"

	"monban/image/lock"
)

//go:embed leave.txt
var leaveText string

// Folders of a build, in the work folder.
const (
	rootDir   = "root"   // the root file system
	kernelDir = "kernel" // the kernel's packages
	bootDir   = "boot"   // what is in front of it
)

// unpack unpacks packages into a folder. None of their scripts is run: what
// those would do is done here, in a form that does not depend on the machine, so
// that an image for one architecture can be built on another and twice the same.
func unpack(ctx context.Context, t *toolbox, packages []lock.Package, dir string) error {
	for _, p := range packages {
		if err := t.run(ctx, "dpkg-deb", "-x", filepath.Join(debs, p.File()), dir); err != nil {
			return fmt.Errorf("unpacking %s: %w", p.Name, err)
		}
	}
	return nil
}

// makeRoot makes the root file system out of packages, programs and our own
// files; modules and their index are put there by makeModules.
func (i Image) makeRoot(ctx context.Context, t *toolbox, dir string, packages []lock.Package, programs map[string]string) error {
	root := filepath.Join(dir, rootDir)
	if err := unpack(ctx, t, packages, rootDir); err != nil {
		return err
	}
	for _, name := range []string{"bin", "sbin", "lib"} {
		if to, err := os.Readlink(filepath.Join(root, name)); err != nil || to != "usr/"+name {
			return fmt.Errorf("a package made /%s a folder of its own", name)
		}
	}
	if err := bundleCertificates(root); err != nil {
		return err
	}
	if err := leaveOut(root); err != nil {
		return err
	}
	if err := writeStatus(ctx, t, root, packages); err != nil {
		return err
	}
	for to, from := range programs {
		if err := put(root, to, file{program: true}, from); err != nil {
			return err
		}
	}
	files, err := i.own()
	if err != nil {
		return err
	}
	for name, f := range files {
		if err := put(root, name, f, ""); err != nil {
			return err
		}
	}
	if err := os.Chtimes(filepath.Join(root, "usr/lib/clock-epoch"), i.Made, i.Made); err != nil {
		return err
	}
	return i.settle(ctx, t, root)
}

// settle makes users and decides which units start, with systemd's own tools.
func (i Image) settle(ctx context.Context, t *toolbox, root string) error {
	if err := t.run(ctx, "systemd-sysusers", "--root="+filepath.Join(work, rootDir)); err != nil {
		return err
	}
	if err := pinned(root); err != nil {
		return err
	}
	if err := t.run(ctx, "systemctl", "--root="+filepath.Join(work, rootDir), "preset-all"); err != nil {
		return err
	}
	// Written by the tools beside what was there before.
	for _, name := range []string{"passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock"} {
		if err := os.Remove(filepath.Join(root, "etc", name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// put writes a file of ours, or copies the one at from.
func put(root, name string, f file, from string) error {
	to := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if f.link != "" {
		return os.Symlink(f.link, to)
	}
	if from != "" {
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		f.content = b
	}
	mode := fs.FileMode(0o644)
	if f.program {
		mode = 0o755
	}
	return os.WriteFile(to, f.content, mode)
}

// writeStatus leaves word of the packages where scanners for known
// vulnerabilities look for it. They are unpacked, and say so.
func writeStatus(ctx context.Context, t *toolbox, root string, packages []lock.Package) error {
	var all []byte
	for _, p := range packages {
		b, err := t.output(ctx, "dpkg-deb", "-f", filepath.Join(debs, p.File()))
		if err != nil {
			return err
		}
		first, rest, _ := strings.Cut(string(b), "\n")
		all = fmt.Appendf(all, "%s\nStatus: install ok unpacked\n%s\n", first, rest)
	}
	name := filepath.Join(root, "var/lib/dpkg/status")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, all, 0o644)
}

// bundleCertificates writes all certificates of ca-certificates into the one
// file that programs read, as update-ca-certificates does.
func bundleCertificates(root string) error {
	names, err := filepath.Glob(filepath.Join(root, "usr/share/ca-certificates/mozilla/*.crt"))
	if err != nil || len(names) < 50 {
		return fmt.Errorf("ca-certificates has %d certificates: %v", len(names), err)
	}
	var all []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all = append(all, b...)
	}
	return put(root, "etc/ssl/certs/ca-certificates.crt", file{content: all}, "")
}

// leaveOut removes what leave.txt names, and all documents but the licences.
func leaveOut(root string) error {
	for n, line := range data(leaveText) {
		pattern, _, _ := strings.Cut(line, " ")
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return fmt.Errorf("leave.txt, line %d: %w", n, err)
		}
		for _, name := range found {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	docs := filepath.Join(root, docDir) + "/"
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case strings.HasPrefix(name, docs) && d.Name() != "copyright":
			return os.Remove(name)
		case d.Type().IsRegular():
			return plainRights(name, d)
		}
		return nil
	})
}

// plainRights takes away what lets a program run with more rights than who
// starts it has: here nobody needs that.
func plainRights(name string, d fs.DirEntry) error {
	st, err := d.Info()
	if err != nil || st.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
		return err
	}
	return os.Chmod(name, st.Mode().Perm())
}

// userLine is a line of passwd or group: name and number.
var userLine = regexp.MustCompile(`(?m)^([a-z0-9_-]+):[^:]*:([0-9]+):`)

// pinned says whether every user and group that systemd-sysusers picked a number
// for has a fixed one: an update must not change whose the files on the data
// partition are.
func pinned(root string) error {
	fixed, err := ownFiles.ReadFile("root/usr/lib/sysusers.d/00-monban-image.conf")
	if err != nil {
		return err
	}
	for _, name := range []string{"passwd", "group"} {
		b, err := os.ReadFile(filepath.Join(root, "etc", name))
		if err != nil {
			return err
		}
		for _, m := range userLine.FindAllSubmatch(b, -1) {
			if len(m[2]) == 3 && m[2][0] == '9' && !regexp.MustCompile(`(?m)^[ug] `+string(m[1])+` `).Match(fixed) {
				return fmt.Errorf("etc/%s: give %s a number in 00-monban-image.conf; systemd-sysusers picked %s", name, m[1], m[2])
			}
		}
	}
	return nil
}
