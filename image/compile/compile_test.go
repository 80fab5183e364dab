package compile

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/bootslot"
)

const small = `package main

var release string

func main() { println(release) }
`

// Neither the folder nor the environment shows in a program; its version does.
func TestProgram(t *testing.T) {
	v, err := bootslot.ParseVersion("77.88.99")
	if err != nil {
		t.Fatal(err)
	}
	var programs [2][]byte
	for n := range programs {
		dir := t.TempDir()
		for name, text := range map[string]string{"go.mod": "module small\n\ngo 1.26.0\n", "main.go": small} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(dir, "small")
		if err := Program(t.Context(), dir, ".", v, "arm64", to); err != nil {
			t.Fatal(err)
		}
		if programs[n], err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOFLAGS", "-tags=other -gcflags=-N")
		t.Setenv("GOARM64", "v9.0")
		t.Setenv("GOFIPS140", "latest")
		t.Setenv("CGO_ENABLED", "1")
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("the same source gave two programs")
	}
	if !bytes.Contains(programs[0], []byte("77.88.99")) {
		t.Error("it does not know its version")
	}
	if f, err := elf.NewFile(bytes.NewReader(programs[0])); err != nil || f.Machine != elf.EM_AARCH64 {
		t.Errorf("not for arm64: %v, %v", f, err)
	}
	err = Program(t.Context(), t.TempDir(), ".", v, "amd64", filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("without a source: %v", err)
	}
}
