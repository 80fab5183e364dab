package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	keySize = 64 // bytes of the random key
	headMiB = 16 // of a LUKS2 header, as cryptsetup makes it
	label   = "monban-data"
)

// A crypt turns a partition and a key into a device that holds a file system.
type crypt interface {
	format(ctx context.Context, device string, key []byte) error
	open(ctx context.Context, device string, key []byte) (mapped string, err error)
}

// luks is LUKS2 by cryptsetup. The key is random, so that stretching it
// (argon2) would cost memory and time and add nothing.
type luks struct {
	sys, dev string // /sys and /dev
	name     string // of the opened device
}

func (luks) format(ctx context.Context, device string, key []byte) error {
	_, err := run(ctx, key, "cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--key-file", "-",
		"--cipher", "aes-xts-plain64", "--key-size", "512", "--sector-size", "4096",
		"--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--label", label, device)
	return err
}

func (l luks) open(ctx context.Context, device string, key []byte) (string, error) {
	if mapped := l.mapped(); mapped != "" {
		return mapped, nil // by an earlier try of this boot
	}
	if _, err := run(ctx, key, "cryptsetup", "open", "--type", "luks2", "--key-file", "-", device, l.name); err != nil {
		return "", err
	}
	mapped := l.mapped()
	if mapped == "" {
		return "", fmt.Errorf("cryptsetup opened %s, and there is no %s", device, l.name)
	}
	return mapped, nil
}

// mapped is the opened device by the name that the kernel gives it, or "". What
// stands in /dev/mapper udev makes, at a moment nobody here waits for.
func (l luks) mapped() string {
	names, _ := filepath.Glob(filepath.Join(l.sys, "class/block/dm-*/dm/name"))
	for _, file := range names {
		if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) == l.name {
			return filepath.Join(l.dev, filepath.Base(filepath.Dir(filepath.Dir(file))))
		}
	}
	return ""
}

// makeFS makes the file system, with the features of quotas where wanted.
func makeFS(ctx context.Context, device string, features ...string) error {
	args := []string{"-q", "-F", "-t", "ext4", "-L", label, "-m", "1", "-O", strings.Join(append([]string{"metadata_csum"}, features...), ",")}
	if len(features) > 0 {
		args = append(args, "-E", "quotatype=prjquota")
	}
	_, err := run(ctx, nil, "mke2fs", append(args, device)...)
	return err
}

// checkFS checks the file system before it is used: first what is right beyond
// doubt (a journal to replay), then, once, whatever the checker proposes.
func checkFS(ctx context.Context, device string) (repaired bool, err error) {
	// Exit codes of e2fsck(8): 1 and 2 are corrected, 4 is left uncorrected.
	code, first := run(ctx, nil, "e2fsck", "-p", device)
	if code >= 0 && code <= 2 {
		return false, nil
	}
	code, err = run(ctx, nil, "e2fsck", "-f", "-y", device)
	if code < 0 || code > 2 {
		return false, fmt.Errorf("the file system cannot be repaired: %w", errors.Join(first, err))
	}
	return true, nil
}

// growFS makes the file system as large as its device, where that grew later.
func growFS(ctx context.Context, device string) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	b := make([]byte, 1024)
	_, err = f.ReadAt(b, 1024)
	f.Close()
	if err != nil {
		return fmt.Errorf("reading the superblock: %w", err)
	}
	size, err := deviceSize(device)
	if err != nil {
		return err
	}
	blocks := uint64(binary.LittleEndian.Uint32(b[4:])) | uint64(binary.LittleEndian.Uint32(b[0x150:]))<<32
	blockSize := int64(1024) << (b[24] & 7)
	if size-int64(blocks)*blockSize < 16<<20 {
		return nil
	}
	if code, err := run(ctx, nil, "e2fsck", "-f", "-p", device); code < 0 || code > 2 {
		return err
	}
	_, err = run(ctx, nil, "resize2fs", device)
	return err
}

// run starts a program of the image, gives it stdin, and returns its exit code
// (-1: it did not end by itself) and what it said as an error if that is not 0.
func run(ctx context.Context, stdin []byte, name string, args ...string) (int, error) {
	c := exec.CommandContext(ctx, name, args...)
	// Nothing here waits for udev.
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DM_DISABLE_UDEV=1"}
	c.Stdin = bytes.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil {
		said := strings.Join(strings.Fields(string(out[:min(len(out), 400)])), " ")
		return c.ProcessState.ExitCode(), fmt.Errorf("%s %s: %w: %s", name, args[0], err, said)
	}
	return 0, nil
}

// newKey makes the key of a new partition.
func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}

// mountFS mounts the file system at dir.
func mountFS(device, dir string, quotas bool) error {
	options := "errors=remount-ro"
	if quotas {
		options += ",prjquota"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mount(device, dir, "ext4", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NOATIME, options); err != nil {
		return fmt.Errorf("mounting %s: %w", device, err)
	}
	// A card that has become read-only lets itself be mounted. A full one is as
	// good as any: the service knows what to do.
	if err := writeProbe(filepath.Join(dir, "mounted")); err != nil && !errors.Is(err, unix.ENOSPC) {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
		return fmt.Errorf("writing to %s: %w", device, err)
	}
	return nil
}

func writeProbe(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = f.WriteString("the last boot could write here\n")
	return errors.Join(err, f.Sync(), f.Close())
}
