package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"monban/gateway/bootslot"
	"monban/image"
)

// makeTryboot compiles the module that tells a Pi's firmware to try the other
// slot once, against the headers of the kernel in the image.
func (i Image) makeTryboot(ctx context.Context, t *toolbox, dir string, k kernelFiles) error {
	if i.Board != image.RPi {
		return nil
	}
	const headers, source = "headers", "tryboot"
	if err := unpack(ctx, t, i.lock.In("tryboot"), headers); err != nil {
		return err
	}
	if !exists(filepath.Join(dir, headers, "usr/src/linux-headers-"+k.version)) {
		return fmt.Errorf("the locked headers are not those of the kernel %s: make lock", k.version)
	}
	if err := os.CopyFS(filepath.Join(dir, source), os.DirFS(filepath.Join(i.Source, "image/tryboot"))); err != nil {
		return err
	}
	src := filepath.Join(work, headers, "usr/src/linux-headers-"+k.version)
	common := strings.TrimSuffix(src, "-"+i.Arch) + "-common"
	if err := t.pipe(ctx, nil, io.Discard, "make", "-s", "-C", common, "KBUILD_OUTPUT="+src, "ARCH=arm64",
		"CROSS_COMPILE=aarch64-linux-gnu-", "KBUILD_BUILD_TIMESTAMP=@0", "M="+filepath.Join(work, source), "modules"); err != nil {
		return err
	}
	const module = source + "/tryboot.ko"
	if err := t.run(ctx, "aarch64-linux-gnu-strip", "--strip-debug", module); err != nil {
		return err
	}
	return put(filepath.Join(dir, rootDir), bootslot.TryBoot, file{}, filepath.Join(dir, module))
}
