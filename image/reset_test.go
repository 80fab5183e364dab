package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// The unit behind a stick with a reset file, which the firmware alone has.
func TestResetUnit(t *testing.T) {
	dir := root(t)
	if err := os.CopyFS(filepath.Join(dir, "usr/lib/systemd/system"), os.DirFS(filepath.Join("build", "root", "usr/lib/systemd/system"))); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+dir, "monban-reset@sda1.service").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--root="+dir, "monban-reset@sda1.service").CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if level, _ := strconv.ParseFloat(string(m[1]), 64); level > 2 {
		t.Errorf("its exposure is %v\n%s", level, out)
	}
}
