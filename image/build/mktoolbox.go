package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolboxPackages are what the builder runs, and what the tests run on its
// images.
const toolboxPackages = "apt,ca-certificates,mmdebstrap,squashfs-tools,mtools,dosfstools,e2fsprogs,fdisk,cryptsetup-bin," +
	"systemd,systemd-ukify,systemd-boot-efi,kmod,zstd,xz-utils," +
	"make,gcc,gcc-aarch64-linux-gnu,libelf1t64,pahole," +
	"qemu-system-arm,qemu-system-x86,qemu-utils,qemu-efi-aarch64,ovmf,swtpm,swtpm-tools"

// makeToolbox makes the toolbox in the cache unless it is there. The machine
// needs mmdebstrap for it, and nothing else for all that follows.
func makeToolbox(ctx context.Context, cache string, m mirror) (string, error) {
	dir := filepath.Join(cache, "toolbox")
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		return real, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return "", fmt.Errorf("making the toolbox: %w (apt-get install mmdebstrap)", err)
	}
	// Beside it first: half a toolbox is none.
	part, err := os.MkdirTemp(cache, "toolbox-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := os.Chmod(part, 0o755); err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--architectures=amd64",
		"--aptopt=APT::Install-Recommends \"false\"", "--include="+toolboxPackages, "trixie", part, m.main)
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("making the toolbox: %w\n%s", err, tail(strings.TrimSpace(string(out)), 20))
	}
	return dir, os.Rename(part, dir)
}
