package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// softTPM starts a TPM in software with an empty memory, as a new machine has.
func softTPM(t *testing.T) transport.TPM {
	t.Helper()
	needs(t, "swtpm")
	dir := t.TempDir()
	socket := filepath.Join(dir, "tpm")
	c := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+dir,
		"--server", "type=unixio,path="+socket, "--flags", "startup-clear,not-need-init")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		dev, err := linuxudstpm.Open(socket)
		if err == nil {
			if _, err = (tpm2.GetRandom{BytesRequested: 1}).Execute(dev); err == nil {
				return dev
			}
		}
		if time.Now().After(end) {
			t.Fatalf("no software TPM: %v\n%s", err, out.String())
		}
	}
}

// The key opens with the TPM that sealed it, time and again, and with no other.
func TestSeal(t *testing.T) {
	ours, other := softTPM(t), softTPM(t)
	key := bytes.Repeat([]byte("0123456789abcdef"), keySize/16)
	sealed, err := sealKey(ours, key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, key[:8]) {
		t.Error("the key stands in what is written to the disk")
	}
	if r, err := parseRecord(record{stage: made, seal: tpm, secret: sealed}.encode()); err != nil || !bytes.Equal(r.secret, sealed) {
		t.Errorf("the sealed key of %d bytes does not survive its record: %v", len(sealed), err)
	}
	for range 20 { // nothing is left behind in a TPM's few places
		got, err := unsealKey(ours, sealed)
		if err != nil || !bytes.Equal(got, key) {
			t.Fatalf("got %x, %v", got, err)
		}
	}
	if got, err := unsealKey(other, sealed); err == nil {
		t.Errorf("another TPM opened it: %x", got)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		if got, err := unsealKey(ours, bad); err == nil && !bytes.Equal(got, key) {
			t.Errorf("byte %d changed, and another key came out: %x", i, got)
		}
	}
}

func FuzzSplitSealed(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2})
	f.Add(append([]byte{0, 46, 0, 8, 0, 11, 0, 0, 4, 82}, make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, b []byte) { _, _, _ = splitSealed(b) })
}
