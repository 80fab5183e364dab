package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"monban/image"
)

// A box is where the parts of one are found; tests have others.
type box struct {
	root, sys, dev, run string
	base                string // where the partition is mounted
	fat                 string // the file system of the first partition and of sticks
	crypt               crypt
	seal                func(key []byte) ([]byte, error) // to this machine; nil without a TPM
	unseal              func(sealed []byte) ([]byte, error)
	quotas              bool
	log                 func(format string, args ...any)
}

// A trouble is why the partition data is not used, as the code of a sentence.
type trouble struct {
	why string
	err error
}

func (t *trouble) Error() string { return t.err.Error() }
func (t *trouble) Unwrap() error { return t.err }

// start puts the partition data where it belongs, or memory in its place, and
// says which. An error means that there is not even memory.
func (b *box) start(ctx context.Context) (image.DataState, error) {
	st := image.DataState{State: image.DataOK, Box: b.id()}
	err := b.useDisk(ctx, &st)
	if err == nil || errors.Is(err, errReset) {
		return st, err
	}
	hide(b.base, b.root)
	b.log("partition %s is not used: %v", image.Data, err)
	st = image.DataState{State: image.DataVolatile, Why: "data.broken", Detail: err.Error(), Box: st.Box}
	if t := (*trouble)(nil); errors.As(err, &t) {
		st.Why = t.why
	}
	if err := mountMemory(b.base); err != nil {
		return st, err
	}
	return st, errors.Join(makeTree(b.base), show(b.base, b.root))
}

// id is what this box is called.
func (b *box) id() string {
	id, err := os.ReadFile(filepath.Join(b.root, "etc/machine-id"))
	if err != nil || len(bytes.TrimSpace(id)) == 0 {
		return ""
	}
	return image.BoxID(string(id))
}

func (b *box) useDisk(ctx context.Context, st *image.DataState) (err error) {
	// What a disk or a TPM answers may be anything; the box starts in any case.
	defer func() {
		if p := recover(); p != nil {
			err = &trouble{"data.broken", fmt.Errorf("panic: %v", p)}
		}
	}()
	d, err := findDisk(b.sys, b.dev, b.run)
	if err != nil {
		return &trouble{"data.absent", err}
	}
	if b.askedOnDisk(d) {
		b.log("%s on the partition %s names this box: everything it recorded is destroyed", image.ResetFile, image.ESP)
		if err := d.reset(); err != nil {
			return &trouble{"data.broken", err}
		}
		return errReset
	}
	// Without the room at the end the box works, too.
	if err := d.growData(); err == nil {
		b.log("partition %s now reaches the end of the disk", image.Data)
	} else if !errors.Is(err, errSmall) {
		b.log("partition %s keeps its length: %v", image.Data, err)
	}
	device, err := b.unlock(ctx, d, st)
	if err != nil {
		return err
	}
	repaired, err := checkFS(ctx, device)
	if err != nil {
		return &trouble{"data.broken", err}
	}
	if repaired {
		st.State = image.DataRepaired
		b.log("the file system was damaged and has been repaired; what was found without a name is in lost+found")
	}
	if err := growFS(ctx, device); err != nil {
		b.log("the file system keeps its size: %v", err)
	}
	if err := mountFS(device, b.base, b.quotas); err != nil {
		return &trouble{"data.broken", err}
	}
	if err := errors.Join(makeTree(b.base), show(b.base, b.root)); err != nil {
		return &trouble{"data.broken", err}
	}
	if b.quotas {
		if err := setQuotas(b.base); err != nil {
			b.log("directories without their limits: %v", err)
		}
	}
	return nil
}

// unlock returns the device that holds the file system. A partition that was
// never used is made; any other is opened or left as it is. The error is errReset
// if a reset was finished.
func (b *box) unlock(ctx context.Context, d disk, st *image.DataState) (string, error) {
	r, err := readRecord(d.key)
	if err != nil {
		return "", &trouble{"data.record", err}
	}
	if r.stage == resetting {
		b.log("a reset was interrupted; it is finished now")
		if err := d.reset(); err != nil {
			return "", &trouble{"data.broken", err}
		}
		// This boot still goes by the machine-id that is no more.
		return "", errReset
	}
	switch r.stage {
	case made:
		key, err := b.keyOf(r)
		if err != nil {
			return "", err
		}
		st.Seal = r.seal.String()
		device, err := b.crypt.open(ctx, d.data, key)
		if err != nil {
			return "", &trouble{"data.locked", err}
		}
		return device, nil
	case none, wiped:
		empty, err := blank(d.data)
		if err != nil {
			return "", &trouble{"data.broken", err}
		}
		if !empty {
			return "", &trouble{"data.foreign", fmt.Errorf("%s holds something that is not ours", d.data)}
		}
		st.Reset = r.stage == wiped
	}
	return b.make(ctx, d, st)
}

// keyOf opens the key in the record.
func (b *box) keyOf(r record) ([]byte, error) {
	if r.seal == plain {
		return r.secret, nil
	}
	if b.unseal == nil {
		return nil, &trouble{"data.tpm", errors.New("the key is sealed to a TPM, and this machine has none")}
	}
	key, err := b.unseal(r.secret)
	if err != nil {
		return nil, &trouble{"data.tpm", err}
	}
	return key, nil
}

// make makes the partition. Until the last write nothing of worth is in it, and
// the record says so: whenever this is interrupted, the next boot begins again.
func (b *box) make(ctx context.Context, d disk, st *image.DataState) (string, error) {
	broken := func(err error) (string, error) { return "", &trouble{"data.broken", err} }
	if err := writeRecord(d.key, record{stage: making}); err != nil {
		return broken(err)
	}
	r := record{stage: made, seal: plain, secret: newKey()}
	if err := b.crypt.format(ctx, d.data, r.secret); err != nil {
		return broken(err)
	}
	device, err := b.crypt.open(ctx, d.data, r.secret)
	if err != nil {
		return broken(err)
	}
	var features []string
	if b.quotas {
		features = []string{"quota", "project"}
	}
	if err := makeFS(ctx, device, features...); err != nil {
		return broken(err)
	}
	if b.seal != nil {
		if sealed, err := b.seal(r.secret); err == nil {
			r.seal, r.secret = tpm, sealed
		} else {
			b.log("the TPM does not keep the key, so it lies on the disk: %v", err)
		}
	}
	// The record must not reach the disk first.
	if err := errors.Join(syncDevice(device), syncDevice(d.data)); err != nil {
		return broken(err)
	}
	if err := writeRecord(d.key, r); err != nil {
		return broken(err)
	}
	st.New, st.Seal = true, r.seal.String()
	b.log("partition %s made; its key is kept by the %s", image.Data, r.seal)
	return device, nil
}

func (s seal) String() string {
	if s == tpm {
		return "tpm"
	}
	return "disk"
}
