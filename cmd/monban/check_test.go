package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/config"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "site.toml")
	check := func() (int, string, string) {
		var out, errs bytes.Buffer
		status := monban(t.Context(), []string{"--lang", "en", "check", site}, strings.NewReader(""), &out, &errs)
		return status, out.String(), errs.String()
	}
	write := func(path string, b []byte) {
		if err := config.WriteFile(path, b); err != nil {
			t.Fatal(err)
		}
	}

	if status, _, errs := check(); status != 1 || !strings.Contains(errs, "there is no") {
		t.Errorf("no file: status %d, %s", status, errs)
	}

	write(site, config.Example)
	if status, _, errs := check(); status != 1 || !strings.Contains(errs, "dns.list[1].file: line ") {
		t.Errorf("no list: status %d, %s", status, errs)
	}

	if err := os.Mkdir(filepath.Join(dir, "lists"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "lists", "lab.hosts"), []byte("0.0.0.0 blocked.lab.example\n"))
	if status, out, errs := check(); status != 0 || !strings.Contains(out, "ok. 1 vendors, 5 devices, 1 lists") {
		t.Errorf("good file: status %d, %s%s", status, out, errs)
	}

	// What can be read, and no rules can be made of: the box would not take it.
	write(site, []byte(impossible()))
	if status, out, errs := check(); status != 1 || !strings.Contains(errs, "answered-only") {
		t.Errorf("an impossible file: status %d, %s%s", status, out, errs)
	}

	write(site, bytes.Replace(config.Example, []byte(`"wan0"`), []byte(`"lan0"`+"\nspeed = 9"), 1))
	status, _, errs := check()
	for _, want := range []string{"2 faults", "wan.speed: line 11:", "lan.interface: line 15:"} {
		if status != 1 || !strings.Contains(errs, want) {
			t.Errorf("status %d, %q is not in:\n%s", status, want, errs)
		}
	}
}
