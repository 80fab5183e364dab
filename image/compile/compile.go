// Package compile turns the source into our programs: the same source, version
// and compiler give the same bytes, wherever they lie and whatever the
// environment says.
//
// What is compiled, and where it goes, its callers decide.
package compile

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"monban/gateway/bootslot"
)

// Program compiles a package of the source in a folder, as in ./cmd/monban, for
// an architecture into the file to. The program's main.release is the version.
func Program(ctx context.Context, source, pkg string, v bootslot.Version, arch, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("compiling %s: %w", pkg, err)
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X main.release="+v.String(), "-o", to, pkg)
	c.Dir = source
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-mod=readonly", "GOWORK=off",
		"GOEXPERIMENT=", "GOFIPS140=off")
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling %s: %w\n%s", pkg, err, said)
	}
	return nil
}
