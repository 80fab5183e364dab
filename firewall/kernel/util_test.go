package kernel_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"
)

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

// lineDiff lists the lines only one of the texts has.
func lineDiff(a, b string) string {
	var out []string
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, l := range as {
		if !slices.Contains(bs, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range bs {
		if !slices.Contains(as, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}

// flushConntrack forgets every flow of the thread's namespace.
func flushConntrack(t testing.TB) {
	c, err := conntrack.Dial(nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := c.Flush(); err != nil {
		t.Error(err)
	}
}

// currentNetns is the namespace the test's thread is in.
func currentNetns(t testing.TB) *netns {
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &netns{fd}
}

func nftTry(cmd string) (string, error) {
	out, err := exec.Command("nft", cmd).CombinedOutput()
	return string(out), err
}
