package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A kernelFiles is what a kernel's packages hold, below the work folder.
type kernelFiles struct {
	version string
	image   string   // what is started
	dtb     string   // folder of device trees; arm64 alone
	initrd  []string // modules for the initrd, in order of loading
}

// makeModules unpacks the kernel and moves the modules that are wanted into the
// root.
func (i Image) makeModules(ctx context.Context, t *toolbox, dir string) (kernelFiles, error) {
	if err := unpack(ctx, t, i.lock.In("kernel"), kernelDir); err != nil {
		return kernelFiles{}, err
	}
	all := filepath.Join(dir, kernelDir, "usr/lib/modules")
	versions, err := os.ReadDir(all)
	if err != nil || len(versions) != 1 {
		return kernelFiles{}, fmt.Errorf("the kernel's packages hold %d versions: %v", len(versions), err)
	}
	k := kernelFiles{version: versions[0].Name()}
	from := filepath.Join(all, k.version)
	k.dtb = filepath.Join(from, "dtb")
	for _, name := range []string{filepath.Join(from, "vmlinuz"), filepath.Join(dir, kernelDir, "boot/vmlinuz-"+k.version)} {
		if _, err := os.Stat(name); err == nil {
			k.image = name
		}
	}
	if k.image == "" {
		return k, fmt.Errorf("the kernel's packages hold no kernel %s", k.version)
	}
	m, builtin, err := readModules(ctx, t, dir, k.version)
	if err != nil {
		return k, err
	}
	root, initrd, err := m.pick(modulesText, i.Arch, builtin)
	if err != nil {
		return k, err
	}
	to := filepath.Join(dir, rootDir, "usr/lib/modules", k.version)
	k.initrd = initrd
	// Those of the initrd too: systemd may ask for them again.
	for _, name := range append(append(root, initrd...), "modules.order", "modules.builtin", "modules.builtin.modinfo") {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return k, err
		}
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil && !exists(filepath.Join(to, name)) {
			return k, err
		}
	}
	return k, nil
}

// indexModules writes what modprobe reads.
func indexModules(ctx context.Context, t *toolbox, version string) error {
	return t.run(ctx, "depmod", "-b", filepath.Join(work, rootDir), version)
}

func readModules(ctx context.Context, t *toolbox, dir, version string) (modules, string, error) {
	kernel := filepath.Join(dir, kernelDir)
	// depmod looks for lib/modules.
	if err := os.Symlink("usr/lib", filepath.Join(kernel, "lib")); err != nil {
		return nil, "", err
	}
	if err := t.run(ctx, "depmod", "-b", filepath.Join(work, kernelDir), version); err != nil {
		return nil, "", err
	}
	dep, err := os.ReadFile(filepath.Join(kernel, "lib/modules", version, "modules.dep"))
	if err != nil {
		return nil, "", err
	}
	builtin, err := os.ReadFile(filepath.Join(kernel, "lib/modules", version, "modules.builtin"))
	if err != nil {
		return nil, "", err
	}
	m, err := parseDep(string(dep))
	return m, string(builtin), err
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
