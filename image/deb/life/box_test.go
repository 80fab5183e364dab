package life_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A box is a Debian with systemd as its first process, in namespaces of its
// own, over a toolbox that it does not change. It ends with the test and leaves
// nothing.
type box struct {
	t   *testing.T
	pid string // of its systemd
}

// The kernel's settings are the machine's but for those of the network.
const bring = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$2"
mkdir "$2/up" "$2/work" "$2/root"
R=$2/root
mount -t overlay overlay -o lowerdir="$1",upperdir="$2/up",workdir="$2/work" $R
mount --bind "$3" $R/mnt
mount -t proc proc $R/proc
mkdir "$2/net"
mount --bind $R/proc/sys/net "$2/net"
mount --bind $R/proc/sys $R/proc/sys
mount -o remount,bind,ro $R/proc/sys
mount --bind "$2/net" $R/proc/sys/net
test ! -e $R/proc/sysrq-trigger || mount --bind /dev/null $R/proc/sysrq-trigger
mount -t sysfs -o ro sysfs $R/sys
mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs $R/run
mount -t tmpfs tmpfs $R/tmp
mount -t tmpfs -o mode=755 tmpfs $R/dev
for d in null zero full random urandom tty; do touch $R/dev/$d; mount --bind /dev/$d $R/dev/$d; done
mkdir $R/dev/pts $R/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts $R/dev/pts
ln -s pts/ptmx $R/dev/ptmx
ln -s /proc/self/fd $R/dev/fd
ip link set lo up
for p in lan wan; do
	ip link add ${p}0 type veth peer ${p}9
	ip link set ${p}0 up
	ip link set ${p}9 up
done
ip addr add 192.168.44.1/24 dev lan0
ip addr add 203.0.113.10/24 dev wan0
cd $R
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old
exec env -i container=monban PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=multi-user.target
`

// newBox starts one that sees the folder packages as /mnt.
func newBox(t *testing.T, packages string) *box {
	t.Helper()
	cache := os.Getenv("MONBAN_IMAGE_CACHE") // as the builder's
	if user, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(user, "monban-image")
	}
	toolbox, err := filepath.EvalSymlinks(filepath.Join(cache, "toolbox"))
	if err != nil {
		t.Fatalf("%v: it is made by make image", err)
	}
	group, err := newGroup(t)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	var said bytes.Buffer
	cmd := exec.Command("unshare", "--pid", "--mount", "--cgroup", "--net", "--uts", "--ipc", "--fork", "--kill-child",
		"bash", "-c", bring, "bring", toolbox, t.TempDir(), packages)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range ended {
		}
		if t.Failed() && said.Len() > 0 {
			t.Logf("systemd said:\n%s", said.String())
		}
	})
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid)
	b := &box{t: t}
	b.until("systemd is up", func() error {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
		pid, err := os.ReadFile(children)
		if err != nil {
			return err
		}
		b.pid = strings.TrimSpace(string(pid))
		if name, err := os.ReadFile("/proc/" + b.pid + "/comm"); err != nil || string(name) != "systemd\n" {
			return errors.New("not yet systemd")
		}
		out, err := b.try("systemctl", "is-system-running")
		if state := strings.TrimSpace(out); state != "running" && state != "degraded" {
			return fmt.Errorf("%s: %w", state, err)
		}
		return nil
	})
	return b
}

// newGroup makes a control group for a box, and takes it away again.
func newGroup(t *testing.T) (*os.File, error) {
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.procs"); err != nil {
		root += "/unified"
	}
	dir := filepath.Join(root, "monban-deb-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		for range 100 { // until the kernel has cleared up the processes
			_ = exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("%s is left behind", dir)
	})
	return os.Open(dir)
}

// try runs a command in the box and returns what it prints.
func (b *box) try(args ...string) (string, error) {
	args = append([]string{"--target", b.pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--", "env", "-i",
		"PATH=/usr/sbin:/usr/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}, args...)
	out, err := exec.Command("nsenter", args...).CombinedOutput()
	return string(out), err
}

// run is try for what must work.
func (b *box) run(args ...string) string {
	b.t.Helper()
	out, err := b.try(args...)
	if err != nil {
		journal, _ := b.try("journalctl", "--no-pager", "-n", "60")
		b.t.Fatalf("%v: %v\n%s\n%s", args, err, out, journal)
	}
	return out
}

// nft runs the machine's nft in the box's network.
func (b *box) nft(args ...string) (string, error) {
	out, err := exec.Command("nsenter", append([]string{"--target", b.pid, "--net", "--", "nft"}, args...)...).CombinedOutput()
	return string(out), err
}

// until waits for f to return nil.
func (b *box) until(what string, f func() error) {
	b.t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	b.t.Fatalf("waited in vain until %s: %v", what, err)
}
