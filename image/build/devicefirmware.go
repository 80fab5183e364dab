package build

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed nofirmware.txt
var noFirmwareText string

// firmwareDir is where the kernel looks for what drivers load into their
// devices.
const firmwareDir = "usr/lib/firmware"

// keepFirmware leaves in the root what its drivers may load into their devices,
// and nothing else. What they ask for and is in no package must stand in
// nofirmware.txt: a network card without it may have no link.
func (i Image) keepFirmware(ctx context.Context, t *toolbox, dir, version string) error {
	asked, err := askedFirmware(ctx, t, dir, version)
	if err != nil {
		return err
	}
	from, to := filepath.Join(dir, "firmware"), filepath.Join(dir, rootDir, firmwareDir)
	if err := os.Rename(to, from); err != nil {
		return err
	}
	var there []string
	for _, name := range asked {
		if !exists(filepath.Join(from, name)) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
		// A link whose file is named by no driver leads nowhere now.
		if _, err := os.Stat(filepath.Join(to, name)); err != nil {
			return err
		}
		there = append(there, name)
	}
	return firmwareMissing(noFirmwareText, i.Arch, asked, there)
}

// askedFirmware returns the files that the root's modules may ask for, by their
// names below firmwareDir, in order.
func askedFirmware(ctx context.Context, t *toolbox, dir, version string) ([]string, error) {
	args := []string{"-F", "firmware"}
	root := filepath.Join(dir, rootDir)
	err := filepath.WalkDir(filepath.Join(root, "usr/lib/modules", version), func(name string, d fs.DirEntry, err error) error {
		if err == nil && compressed.MatchString(name) {
			args = append(args, filepath.Join(work, rootDir, strings.TrimPrefix(name, root)))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := t.output(ctx, "modinfo", args...)
	if err != nil {
		return nil, err
	}
	asked := strings.Fields(string(out))
	slices.Sort(asked)
	return slices.Compact(asked), nil
}

// firmwareMissing compares what drivers of an architecture ask for with what is
// there, and what is missing with the text of nofirmware.txt.
func firmwareMissing(text, arch string, asked, there []string) error {
	var faults []error
	known := map[string]bool{}
	for n, line := range data(text) {
		pattern, only, _ := strings.Cut(strings.Fields(line)[0], ":")
		if only != "" && only != arch {
			continue
		}
		found := false
		for _, name := range asked {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return fmt.Errorf("nofirmware.txt, line %d: %w", n, err)
			}
			if ok && !slices.Contains(there, name) {
				found, known[name] = true, true
			}
		}
		if !found {
			faults = append(faults, fmt.Errorf("nofirmware.txt, line %d: on %s nothing like %s is missing", n, arch, pattern))
		}
	}
	for _, name := range asked {
		if !known[name] && !slices.Contains(there, name) {
			faults = append(faults, fmt.Errorf("a driver may ask for the firmware %s, which is in no package of packages.txt: add its package, take the driver out of modules.txt, or say in nofirmware.txt why it may be missing", name))
		}
	}
	return errors.Join(faults...)
}
