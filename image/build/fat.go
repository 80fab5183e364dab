package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// makeFAT makes a FAT file system in the work folder: name, MiB, label, and what
// is in it, by path there and in the work folder.
func (i Image) makeFAT(ctx context.Context, t *toolbox, dir, name string, mib int, label string, files map[string]string) error {
	args := []string{"--invariant", "-F", "32", "-s", "1", "-i", fmt.Sprintf("%08x", 0x4d4f0000|mib), "-n", label, "-C", name, fmt.Sprint(mib << 10)}
	if mib >= 128 {
		args[4] = "4" // sectors in a cluster; FAT32 needs 65525 clusters
	}
	if err := t.run(ctx, "mkfs.vfat", args...); err != nil {
		return err
	}
	made := map[string]bool{".": true}
	for _, to := range slices.Sorted(maps.Keys(files)) {
		var parents []string
		for d := path.Dir(to); !made[d]; d = path.Dir(d) {
			made[d] = true
			parents = append(parents, d)
		}
		for _, d := range slices.Backward(parents) {
			if err := t.run(ctx, "mmd", "-i", name, "::"+d); err != nil {
				return err
			}
		}
		from := files[to]
		if inWork := strings.HasPrefix(from, dir); inWork {
			from = filepath.Join(work, strings.TrimPrefix(from, dir))
		}
		// The date goes with the file.
		if err := os.Chtimes(filepath.Join(dir, strings.TrimPrefix(from, work)), i.Made, i.Made); err != nil {
			return err
		}
		if err := t.run(ctx, "mcopy", "-m", "-i", name, from, "::"+to); err != nil {
			return err
		}
	}
	return nil
}
