package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const docDir = "usr/share/doc"

// licenceName is what files with terms are called in modules of Go.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// addLicences puts the terms of all that is in the image beside those of the
// root's packages: of the kernel, of what is in front of it, and of the modules
// of Go.
func (i Image) addLicences(ctx context.Context, dir string, built map[string]string) error {
	to := filepath.Join(dir, rootDir, docDir)
	for _, from := range []string{kernelDir, bootDir} {
		err := filepath.WalkDir(filepath.Join(dir, from, docDir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "copyright" {
				return err
			}
			return put(to, filepath.Join(filepath.Base(filepath.Dir(name)), "copyright"), file{}, name)
		})
		if err != nil {
			return err
		}
	}
	modules, err := goModules(built)
	if err != nil {
		return err
	}
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		from, err := i.moduleDir(ctx, module, modules[module])
		if err != nil {
			return err
		}
		files, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		found := false
		for _, f := range files {
			if f.Type().IsRegular() && licenceName.MatchString(f.Name()) {
				found = true
				if err := put(to, filepath.Join("go", module, f.Name()), file{}, filepath.Join(from, f.Name())); err != nil {
					return err
				}
			}
		}
		if !found {
			return fmt.Errorf("the module %s has no licence in %s", module, from)
		}
	}
	return put(to, "monban/copyright", file{}, filepath.Join(i.Source, "LICENSE"))
}

// moduleDir is where this machine has the source of a module, or of Go itself.
func (i Image) moduleDir(ctx context.Context, module, version string) (string, error) {
	args := []string{"list", "-m", "-f", "{{.Dir}}", module}
	if module == "stdlib" {
		args = []string{"env", "GOROOT"}
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = i.Source
	out, err := c.Output()
	dir := strings.TrimSpace(string(out))
	if err == nil && dir == "" {
		err = errors.New("it is not on this machine")
	}
	if err != nil {
		return "", fmt.Errorf("the source of %s %s: %w", module, version, err)
	}
	return dir, nil
}
