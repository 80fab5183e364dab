package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"monban/image"
)

// makeDisk writes a whole disk: the partition table, and into partitions the
// files of the work folder named for them.
func (i Image) makeDisk(ctx context.Context, t *toolbox, dir, to string, content map[string]string) error {
	var table strings.Builder
	fmt.Fprintf(&table, "label: gpt\nlabel-id: %s\nunit: sectors\nfirst-lba: 2048\n", image.DiskUUID)
	for _, p := range image.Disk(i.Board) {
		const sectors = 1 << 20 / 512
		fmt.Fprintf(&table, "start=%d, size=%d, type=%s, uuid=%s, name=%s\n",
			image.Start(i.Board, p.Name)*sectors, image.Size(i.Board, p.Name)*sectors, p.Type, p.UUID, p.Name)
	}
	const name = "disk.img"
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(image.DiskMiB(i.Board)) << 20); err != nil {
		return err
	}
	if err := t.pipe(ctx, strings.NewReader(table.String()), io.Discard, "sfdisk", "--quiet", name); err != nil {
		return err
	}
	for partition, from := range content {
		if err := copySparse(f, int64(image.Start(i.Board, partition))<<20, filepath.Join(dir, from)); err != nil {
			return fmt.Errorf("filling %s: %w", partition, err)
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, name), to)
}

// copySparse writes a file into another at an offset and leaves out what is zero.
func copySparse(to io.WriterAt, at int64, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	b, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(f, b)
		if !bytes.Equal(b[:n], zero[:n]) {
			if _, err := to.WriteAt(b[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
