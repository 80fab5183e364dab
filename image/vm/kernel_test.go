package vm_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the product asks of a kernel is asked of the image's by the product's own
// tests, compiled for the box: each needs a kernel feature that another kernel
// may be without.
var inTheBox = []struct {
	pkg   string
	tests string // a pattern
	but   string // another one: these are left out
	lacks string // why a test may be skipped
	arch  string // "": all
	tools []string
}{
	// Left out is what measures how soon something happens: an emulator beside
	// other work does not tell.
	{pkg: "./firewall/kernel", tests: ".", but: "TestReplaceDuringSession|TestWindowEndsByItself|TestNewRulesCutOldFlows|TestAnsweredOnlyCutsOldFlows|TestRefusingDNSCutsOldFlows|TestExtendWindow", lacks: "needs the nft tool"},
	{pkg: "./gateway/wg", tests: "TestTunnel|TestKernel"},
	// sfdisk makes what the tests begin with, mkfs.vfat what a vendor's stick is.
	{pkg: "./image/data", tests: "TestFirstBoot|TestShares|TestMakingIsCut|TestNeverFormats|TestOutOfReach|TestDamage|TestFull|TestReset|TestAsked",
		arch: "amd64", tools: []string{"sfdisk", "mkfs.vfat"}},
}

// roomForTests is the memory of a box that runs tests: their disks are in it.
var roomForTests = []string{"-m", "4096"}

func TestKernel(t *testing.T) {
	all(t)
	m := newMachine(t, "amd64", built(t, "amd64", first, ".img"))
	m.extra = roomForTests
	plugged(t, m)
	outside(t, m)
	m.put("site.toml", site(t))
	m.hook()
	m.give(compiled(t, "amd64"))
	m.on()
	m.started()
	s := m.shell(bootTime)
	works(t, m)
	testKernel(t, s, "amd64")
}

// compiled are the tests as programs of the box, and what they call.
func compiled(t *testing.T, arch string) map[string]string {
	t.Helper()
	dir, files := t.TempDir(), map[string]string{}
	for _, c := range inTheBox {
		if c.arch != "" && c.arch != arch {
			continue
		}
		name := testName(c.pkg)
		cmd := exec.Command("go", "test", "-c", "-o", filepath.Join(dir, name), c.pkg)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		files[name] = filepath.Join(dir, name)
		for _, tool := range c.tools {
			program, libraries := closure(t, tool)
			files[tool] = program
			for _, l := range libraries {
				files[filepath.Base(l)] = l
			}
		}
	}
	return files
}

func testName(pkg string) string {
	return strings.ReplaceAll(strings.TrimPrefix(pkg, "./"), "/", "-") + ".test"
}

// closure is a program of the toolbox with the libraries that it needs besides
// the C library, which is the box's own.
func closure(t *testing.T, name string) (program string, libraries []string) {
	t.Helper()
	c := tool(t.Context(), name)
	program = c.Args[len(c.Args)-1]
	c.Args = append(append([]string{c.Args[0], "--list"}, c.Args[1:3]...), program)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	for _, l := range regexp.MustCompile(`=> (\S+)`).FindAllStringSubmatch(string(out), -1) {
		if base := filepath.Base(l[1]); !strings.HasPrefix(base, "libc.so") && !strings.HasPrefix(base, "ld-linux") {
			libraries = append(libraries, l[1])
		}
	}
	return program, libraries
}

// testKernel runs the tests in a box that was given them.
func testKernel(t *testing.T, s *shell, arch string) {
	// Else udev reads the table of a loop device again whenever something was
	// written to it, and meanwhile there are no partitions. Of the box's own disk
	// it cannot: the root is one of them.
	s.run(`mkdir -p /run/udev/rules.d; echo 'KERNEL=="loop*", OPTIONS+="nowatch"' > /run/udev/rules.d/99-tests.rules; udevadm control --reload`)
	for _, c := range inTheBox {
		if c.arch != "" && c.arch != arch {
			continue
		}
		name := testName(c.pkg)
		t.Run(name, func(t *testing.T) {
			defer func(outer *testing.T) { s.m.t = outer }(s.m.t)
			s.m.t = t
			dir := filepath.Dir(s.file(name))
			out, status, ended := s.try(fmt.Sprintf("cd /tmp && PATH=$PATH:%s LD_LIBRARY_PATH=%[1]s MONBAN_DATA_REAL=1 %[1]s/%s -test.short -test.v -test.timeout 39m -test.run '%s' -test.skip '^(%s)$' 2>&1 | grep -v '=== '",
				dir, name, c.tests, c.but), 40*time.Minute)
			if !ended {
				t.Fatalf("no end of it\n%s", tail(string(s.said), 100))
			}
			passed, skipped := strings.Count(out, "--- PASS"), strings.Count(out, "--- SKIP")
			t.Logf("%d passed, %d skipped: %q", passed, skipped, c.lacks)
			if skipped > 0 && (c.lacks == "" || strings.Count(out, c.lacks) != skipped) {
				t.Errorf("more are skipped\n%s", out)
			}
			if status != 0 || passed == 0 || strings.Contains(out, "--- FAIL") || !strings.Contains(out, "\nPASS") {
				t.Errorf("status %d\n%s", status, tail(out, 150))
			}
		})
	}
}
