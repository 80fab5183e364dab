package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"

	"monban/gateway/bootslot"
	"monban/image"
)

// A box is a machine in memory whose power can fail at any step: what was not
// synced then is there, or not, or in part. Names on FAT are written at once
// (dirsync), a rename as two of them; removing one of two names of a file takes
// the content of both.
type box struct {
	board    string
	slot     string // in use
	names    map[string]*content
	parts    map[string]*content
	room     int64
	inUse    map[string]bool
	rand     *rand.Rand
	steps    int
	cutAt    int // 0: never
	dark     bool
	flag     bool // the Pi's firmware tries the other slot; gone without power
	sealed   bool // what the loader for UEFI starts cannot write
	reboots  int
	noReboot error
	tried    map[bootslot.Version]bool // by the loader
	frail    bool                      // the power may fail in the loader, too
	failRead map[string]bool           // of partitions: what is read is not what was written
	failRaw  error
}

// content is what a file or a partition holds: as written, and as it lasts.
type content struct {
	now, lasts []byte
	gone       bool
}

// errCut ends whatever was under way.
type errCut struct{}

func newBox(board string, seed uint64) *box {
	return &box{board: board, slot: "a", names: map[string]*content{}, parts: map[string]*content{}, room: 1 << 30,
		inUse: map[string]bool{"root-a": true}, rand: rand.New(rand.NewPCG(seed, 1)), failRead: map[string]bool{}, tried: map[bootslot.Version]bool{}}
}

// step is something that lasts by itself, or begins to.
func (b *box) step() {
	if b.dark {
		panic(errCut{})
	}
	b.steps++
	if b.steps == b.cutAt {
		b.dark = true
		panic(errCut{})
	}
}

// cut is what the failing power leaves.
func (b *box) cut() {
	b.dark, b.flag = false, false
	for _, c := range b.names {
		if !bytes.Equal(c.now, c.lasts) {
			switch b.rand.IntN(3) {
			case 0:
				c.lasts = c.now
			case 1:
				c.lasts = c.now[:b.rand.IntN(len(c.now)+1)]
			}
		}
		if c.gone {
			c.lasts = bytes.Repeat([]byte{0xe5}, len(c.lasts))
		}
		c.now = c.lasts
	}
	for _, c := range b.parts {
		for i := 0; i < len(c.now); i += 4096 {
			if end := min(i+4096, len(c.now)); b.rand.IntN(2) == 0 {
				c.lasts = slices.Concat(c.lasts[:i], c.now[i:end], c.lasts[end:])
			}
		}
		c.now = bytes.Clone(c.lasts)
	}
}

// lost runs act and says whether the power failed in it.
func (b *box) lost(act func()) (cut bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(errCut); !ok {
				panic(p)
			}
			b.cut()
			cut = true
		}
	}()
	act()
	return false
}

func (b *box) Running() string { return b.slot }
func (b *box) TryOther() error { b.step(); b.flag = true; return nil }

func (b *box) Reboot() error {
	b.step()
	if b.noReboot != nil {
		return b.noReboot
	}
	b.reboots++
	return nil
}

func (b *box) Raw(partition string) (File, error) {
	c := b.parts[partition]
	switch {
	case c == nil:
		return nil, fs.ErrNotExist
	case b.inUse[partition]:
		return nil, syscall.EBUSY
	}
	return &handle{box: b, c: c, raw: true, bad: b.failRead[partition]}, nil
}

func (b *box) Mount(partition string, write bool) (Files, error) {
	if partition == image.ESP {
		return &volume{b, b.names, write}, nil
	}
	c := b.parts[partition]
	if c == nil {
		return nil, fs.ErrNotExist
	}
	// A boot partition here is its cmdline.txt, up to a zero.
	line, _, _ := bytes.Cut(c.now, []byte{0})
	return &volume{b, map[string]*content{"cmdline.txt": {now: line, lasts: line}}, write}, nil
}

type volume struct {
	*box
	names map[string]*content
	write bool
}

var errReadOnly = errors.New("read-only")

func (v *volume) List(dir string) (map[string]int64, error) {
	sizes := map[string]int64{}
	for name, c := range v.names {
		if path.Dir(name) == dir {
			sizes[path.Base(name)] = int64(len(c.now))
		}
	}
	return sizes, nil
}

func (v *volume) Create(name string) (File, error) {
	if !v.write {
		return nil, errReadOnly
	}
	v.step()
	c := &content{}
	v.names[name] = c
	v.step()
	return &handle{box: v.box, c: c}, nil
}

func (v *volume) Open(name string) (File, error) {
	c := v.names[name]
	if c == nil {
		return nil, fs.ErrNotExist
	}
	return &handle{box: v.box, c: c}, nil
}

func (v *volume) Rename(from, to string) error {
	c := v.names[from]
	switch {
	case !v.write:
		return errReadOnly
	case c == nil:
		return fs.ErrNotExist
	case v.names[to] != nil:
		panic(fmt.Sprintf("%s is renamed over %s", from, to))
	}
	v.step()
	v.names[to] = c
	v.step()
	delete(v.names, from)
	v.step()
	return nil
}

func (v *volume) Remove(name string) error {
	c := v.names[name]
	switch {
	case !v.write:
		return errReadOnly
	case c == nil:
		return fs.ErrNotExist
	}
	v.step()
	c.gone = true
	delete(v.names, name)
	v.step()
	return nil
}

func (v *volume) Patch(name string, b []byte) error {
	c := v.names[name]
	if !v.write || c == nil || len(c.now) != len(b) {
		return errReadOnly
	}
	v.step()
	if v.rand.IntN(2) == 0 { // one sector: whole or not at all
		c.lasts = bytes.Clone(b)
	}
	c.now = c.lasts
	v.step()
	c.now, c.lasts = bytes.Clone(b), bytes.Clone(b)
	v.step()
	return nil
}

func (v *volume) Sync() error {
	v.step()
	for _, c := range v.names {
		c.lasts = bytes.Clone(c.now)
	}
	v.step()
	return nil
}

func (v *volume) Free() (int64, error) {
	free := v.room
	for c := range maps.Values(v.names) {
		free -= int64(len(c.now))
	}
	return free, nil
}

func (v *volume) Close() error { return nil }

// handle is an open file, or a partition.
type handle struct {
	*box
	c   *content
	raw bool
	bad bool
	at  int
}

func (h *handle) Write(p []byte) (int, error) {
	h.step()
	if h.failRaw != nil && h.raw {
		return 0, h.failRaw
	}
	if !h.raw {
		h.c.now = append(h.c.now[:h.at:h.at], p...)
		h.at += len(p)
		return len(p), nil
	}
	n := copy(h.c.now[h.at:], p)
	h.at += n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	b := h.c.now
	if h.c.gone {
		b = make([]byte, len(b))
	}
	n, err := bytes.NewReader(b).ReadAt(p, at)
	if h.bad && n > 0 {
		p[0] ^= 1
	}
	return n, err
}

func (h *handle) Size() (int64, error) { return int64(len(h.c.now)), nil }
func (h *handle) Close() error         { return nil }

func (h *handle) Sync() error {
	h.step()
	h.c.lasts = bytes.Clone(h.c.now)
	h.step()
	return nil
}

var _ io.ReaderAt = (*handle)(nil)

// boot is what the loader and the initrd come to: the version that starts. It
// tries a few times, as a box without anybody near does.
func (b *box) boot(pieces map[string]bootslot.Version) (bootslot.Version, error) {
	tell := []string{}
	for range 4 {
		start, slot := b.uefi, ""
		if b.board == string(image.RPi) {
			start = b.firmware
		}
		piece, what := start()
		tell = append(tell, what)
		version, known := pieces[string(piece)]
		if !known {
			continue // does not start; somebody presses reset, or the watchdog does
		}
		line := string(piece)
		if b.board != string(image.RPi) {
			line = line[len(ukiHead):]
		}
		c, err := bootslot.ParseContent(strings.TrimRight(line, "\x00"))
		if err != nil {
			return version, err
		}
		for _, s := range []string{"a", "b"} {
			root := b.parts["root-"+s]
			if root == nil {
				continue
			}
			if in, _ := c.In(bytes.NewReader(root.lasts)); in && bytes.Equal(root.lasts[:len(roots[version])], roots[version]) {
				slot = s
			}
		}
		if slot == "" {
			tell = append(tell, "no root of "+version.String())
			continue // the initrd restarts
		}
		b.slot = slot
		b.inUse = map[string]bool{"root-" + slot: true}
		b.tried[version] = true
		return version, nil
	}
	return bootslot.Version{}, fmt.Errorf("it does not start: %s", strings.Join(tell, "; "))
}

// uefi is systemd-boot: what is counted out goes last, then the newest comes
// first; one that is counted is renamed before it starts (boot_entry_compare and
// boot_entry_bump_counters in src/boot/boot.c). What has no program in it is no
// entry.
func (b *box) uefi() (piece []byte, what string) {
	type entry struct {
		name string
		f    bootslot.File
	}
	var entries []entry
	for name, c := range b.names {
		if path.Dir(name) != uefiDir || !strings.HasSuffix(name, uefiExt) || len(c.lasts) < len(ukiHead) {
			continue
		}
		for _, f := range bootslot.ParseNames([]string{path.Base(name)}, uefiExt) {
			entries = append(entries, entry{name, f})
		}
	}
	last := func(e entry) int {
		if e.f.Mark == bootslot.Tried || e.f.Mark == bootslot.GivenUp {
			return 1
		}
		return 0
	}
	slices.SortFunc(entries, func(x, y entry) int {
		if r := last(x) - last(y); r != 0 {
			return r
		}
		if r := y.f.Version.Compare(x.f.Version); r != 0 {
			return r
		}
		return strings.Compare(y.name, x.name)
	})
	if len(entries) == 0 {
		return nil, "no entry"
	}
	e := entries[0]
	c := b.names[e.name]
	if e.f.Mark == bootslot.Armed && !b.sealed {
		b.tried[e.f.Version] = true
		to := path.Join(uefiDir, bootslot.Name(e.f.Version, bootslot.Tried, uefiExt))
		added, removed, cut := true, true, b.frail && b.rand.IntN(2) == 0
		if cut { // in whichever order the firmware does it
			added, removed = b.rand.IntN(2) == 0, b.rand.IntN(2) == 0
		}
		if added {
			b.names[to] = c
		}
		if removed {
			delete(b.names, e.name)
		}
		if cut {
			return nil, "the power fails in the loader"
		}
	}
	return c.lasts, e.name
}

// firmware is a Pi's.
func (b *box) firmware() (piece []byte, what string) {
	all, try, err := bootslot.ParseAutoboot(b.names[autoboot].lasts)
	if err != nil {
		return nil, err.Error()
	}
	if b.flag {
		b.flag, all = false, try
	}
	name := image.Disk(image.RPi)[all-1].Name
	line, _, _ := bytes.Cut(b.parts[name].lasts, []byte{0})
	return line, name
}
