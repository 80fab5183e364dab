package build

import (
	"context"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"monban/image/licence"
)

const docDir = "usr/share/doc"

// addLicences puts the terms of all that is in the image beside those of the
// root's packages: of the kernel, of what is in front of it, of the modules of
// Go and of the data in our programs.
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
	texts, err := licence.All(ctx, i.Source, slices.Sorted(maps.Values(built))...)
	if err != nil {
		return err
	}
	for _, x := range texts {
		if err := put(to, x.Name, file{content: x.Data}, ""); err != nil {
			return err
		}
	}
	return put(to, "monban/copyright", file{}, filepath.Join(i.Source, "LICENSE"))
}
