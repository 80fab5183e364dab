package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What the second sector of the partition key says about the partition data
// (the first is the machine-id, see image/init). A sector is written whole or
// not at all, so this is where every step of making and destroying is decided.
//
// 16 bytes of magic, one byte each of stage and seal, two of the secret's
// length, the secret, zeros; the last 32 bytes are the sha256 of the others.
const (
	keyMagic  = "monban data\x00\x00\x00\x00\x01"
	keyAt     = sector
	secretMax = sector - 20 - sha256.Size
)

// A stage is how far the partition data has come.
type stage byte

// A zero sector is stage none: a box that was never started, or was reset.
const (
	none      stage = iota
	making          // nothing of worth is in data; it may be made anew
	made            // data holds the clinic's records: it is never formatted
	resetting       // to be destroyed; the next boot goes on with it
	wiped           // as none, and the next boot says that it was a reset
)

// A seal is what the secret is.
type seal byte

const (
	plain seal = 1 // the key itself
	tpm   seal = 2 // the key, for the TPM of this machine alone
)

// errDamaged is a record that is there and cannot be believed.
var errDamaged = errors.New("the record of the key is damaged")

type record struct {
	stage  stage
	seal   seal
	secret []byte
}

func (r record) encode() []byte {
	b := make([]byte, sector)
	copy(b, keyMagic)
	b[16], b[17] = byte(r.stage), byte(r.seal)
	binary.LittleEndian.PutUint16(b[18:], uint16(len(r.secret)))
	copy(b[20:20+secretMax], r.secret)
	sum := sha256.Sum256(b[:sector-sha256.Size])
	copy(b[sector-sha256.Size:], sum[:])
	return b
}

func parseRecord(b []byte) (record, error) {
	if len(b) != sector {
		return record{}, errDamaged
	}
	if bytes.Equal(b, make([]byte, sector)) {
		return record{}, nil
	}
	n := int(binary.LittleEndian.Uint16(b[18:]))
	if n > secretMax {
		return record{}, errDamaged
	}
	r := record{stage: stage(b[16]), seal: seal(b[17]), secret: bytes.Clone(b[20 : 20+n])}
	sound := false
	switch r.stage {
	case making, resetting, wiped:
		sound = r.seal == 0 && n == 0
	case made:
		sound = r.seal == plain && n == keySize || r.seal == tpm && n > 0
	}
	if !sound || !bytes.Equal(b, r.encode()) {
		return record{}, errDamaged
	}
	return r, nil
}

func readRecord(device string) (record, error) {
	f, err := os.Open(device)
	if err != nil {
		return record{}, fmt.Errorf("reading the record of the key: %w", err)
	}
	defer f.Close()
	b := make([]byte, sector)
	if _, err := f.ReadAt(b, keyAt); err != nil {
		return record{}, fmt.Errorf("reading the record of the key: %w", err)
	}
	return parseRecord(b)
}

func writeRecord(device string, r record) error {
	if err := writeSynced(device, keyAt, r.encode()); err != nil {
		return fmt.Errorf("writing the record of the key: %w", err)
	}
	return nil
}

// writeSynced returns when b is on the disk.
func writeSynced(device string, at int64, b []byte) error {
	f, err := os.OpenFile(device, os.O_WRONLY|unix.O_SYNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, at)
	return errors.Join(err, f.Sync(), f.Close())
}
