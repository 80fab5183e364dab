package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"monban/gateway/bootslot"
	"monban/image"
)

const bootFile = "boot.img" // the boot piece, in the work folder

// efi are the names that UEFI has for architectures (specification, section
// 3.5.1.1): of the loader's file, and in systemd's.
var efi = map[string]string{"amd64": "x64", "arm64": "aa64"}

// makeUEFI makes the boot piece, one file of kernel, initrd, microcode and
// command line (UKI), and the first partition with the loader.
func (i Image) makeUEFI(ctx context.Context, t *toolbox, dir string, k kernelFiles, r slotRoot) error {
	const stub = bootDir + "/usr/lib/systemd/boot/efi/"
	linux, err := filepath.Rel(dir, k.image)
	if err != nil {
		return err
	}
	args := []string{
		"build", "--linux=" + linux, "--initrd=" + initrdFile, "--cmdline=" + i.commandLine(r),
		"--os-release=@" + rootDir + "/usr/lib/os-release", "--uname=" + k.version, "--efi-arch=" + efi[i.Arch],
		"--stub=" + stub + "linux" + efi[i.Arch] + ".efi.stub", "--output=" + bootFile,
	}
	if i.Arch == "amd64" {
		b, err := microcode(filepath.Join(dir, bootDir))
		if err != nil {
			return fmt.Errorf("corrections for processors: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "microcode"), b, 0o644); err != nil {
			return err
		}
		args = append(args, "--microcode=microcode")
	}
	if err := t.run(ctx, "ukify", args...); err != nil {
		return err
	}
	loader := filepath.Join(dir, "loader.conf")
	if err := os.WriteFile(loader, []byte("timeout 0\neditor no\n"), 0o644); err != nil {
		return err
	}
	upper := map[string]string{"amd64": "BOOTX64.EFI", "arm64": "BOOTAA64.EFI"}
	return i.makeFAT(ctx, t, dir, image.ESP+".img", image.Size(i.Board, image.ESP), image.Label, map[string]string{
		"EFI/BOOT/" + upper[i.Arch]:                                    filepath.Join(dir, stub+"systemd-boot"+efi[i.Arch]+".efi"),
		"EFI/Linux/" + bootslot.Name(i.Version, bootslot.Kept, ".efi"): filepath.Join(dir, bootFile),
		"loader/loader.conf":                                           loader,
	})
}
