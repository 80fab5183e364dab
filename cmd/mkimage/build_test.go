package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"monban/image/build"
)

// beginBuild begins a build as the command does, and breaks it off before it
// does anything. Without an error it would have been built.
func beginBuild(t *testing.T, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	err := makeImage(ctx, append([]string{"--cache", dir, "--mirror", "http://127.0.0.1:1", "--out", filepath.Join(dir, "out")}, args...))
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err == nil {
		t.Fatal("it went on after it was broken off")
	}
	return err
}

// files writes a pair of keys and notes into a folder.
func files(t *testing.T) (secret, public, notes string) {
	t.Helper()
	dir := t.TempDir()
	k, err := build.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, public, notes = filepath.Join(dir, "release.key"), filepath.Join(dir, "release.pub"), filepath.Join(dir, "it's \"$new\" notes")
	for name, b := range map[string][]byte{secret: k.File(), public: k.KeyFile(), notes: []byte("修正。\nIt's \"fixed\".\n")} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return secret, public, notes
}

// What a clinic's box could take for a release is one: its maker has said what
// is new and from where, and it has nothing of tests in it.
func TestReleases(t *testing.T) {
	secret, public, notes := files(t)
	told := []string{"--minimum", "1.0.0", "--notes-ja", notes, "--notes-en", notes}
	for name, c := range map[string]struct {
		args []string
		told bool
		want string // of what it says; empty: it is built
	}{
		"to be signed elsewhere":      {[]string{"--release", "1.2.3", "--trust", public}, true, ""},
		"signed here":                 {[]string{"--release", "1.2.3", "--key", secret}, true, ""},
		"without minimum and notes":   {[]string{"--release", "1.2.3", "--trust", public}, false, "--minimum N.N.N"},
		"without notes":               {[]string{"--release", "1.2.3", "--trust", public, "--minimum", "1.0.0"}, false, "--notes-ja FILE"},
		"without notes in English":    {[]string{"--release", "1.2.3", "--trust", public, "--minimum", "1.0.0", "--notes-ja", notes}, false, "both languages"},
		"for trying out":              {[]string{"--release", "1.2.3"}, false, ""},
		"for trying out, as it is":    {[]string{"--release", "1.2.3-debug"}, false, ""},
		"of tests":                    {[]string{"--release", "1.2.3", "--test"}, false, ""},
		"of tests, signed here":       {[]string{"--release", "1.2.3", "--test", "--key", secret}, true, "neither --key nor --trust"},
		"of tests, signed elsewhere":  {[]string{"--release", "1.2.3", "--test", "--trust", public}, true, "neither --key nor --trust"},
		"of tests, debug, our key":    {[]string{"--release", "1.2.3-debug", "--test", "--key", secret}, true, "throwaway keys"},
		"debug, trusting our key":     {[]string{"--release", "1.2.3-debug", "--trust", public}, true, "throwaway keys"},
		"debug, signed with our key":  {[]string{"--release", "1.2.3-debug", "--key", secret}, true, "throwaway keys"},
		"older than what it replaces": {[]string{"--release", "0.9.0", "--trust", public}, true, "below the lowest"},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.told {
				args = append(args, told...)
			}
			switch err := beginBuild(t, args...); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	// More than a manifest takes is told before the work.
	if err := os.WriteFile(notes, []byte(strings.Repeat("新", 2<<10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := beginBuild(t, append(told, "--release", "1.2.3", "--trust", public)...); err == nil || !strings.Contains(err.Error(), "notes are too long") {
		t.Error(err)
	}
}

func TestReadNotes(t *testing.T) {
	_, _, notes := files(t)
	var s string
	if err := readNotes(&s)(notes); err != nil || s != "修正。\nIt's \"fixed\"." {
		t.Errorf("%q, %v", s, err)
	}
	for _, b := range []string{"", " \n", "\xff\xfe"} {
		if err := os.WriteFile(notes, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := readNotes(&s)(notes); err == nil {
			t.Errorf("%q was taken", b)
		}
	}
	if err := readNotes(&s)(notes + "x"); err == nil {
		t.Error("a file that is not there was taken")
	}
}

// What is said to make reaches the command to the letter.
func TestMake(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs make")
	}
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" > '"+said+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ vars, want []string }{
		{[]string{"image"}, []string{"build", "--arch", "amd64", "--board", "uefi", "--release", "0.1.0", "--out", "bin/image"}},
		{
			[]string{"image", "ARCH=arm64", "BOARD=rpi", "RELEASE=1.2.3", "OUT=a folder", "KEY=it's.key", "TRUST=a.pub b*.pub", "MINIMUM=1.0.0",
				"NOTES_JA=新 \"ja\" `id`;.txt", "NOTES_EN=it's $$(id) \\n.txt"},
			[]string{"build", "--arch", "arm64", "--board", "rpi", "--release", "1.2.3", "--out", "a folder", "--trust", "a.pub", "--trust", "b*.pub",
				"--key", "it's.key", "--minimum", "1.0.0", "--notes-ja", "新 \"ja\" `id`;.txt", "--notes-en", "it's $(id) \\n.txt"},
		},
		{[]string{"deb"}, []string{"deb", "--arch", "amd64", "--release", "0.1.0"}},
		{[]string{"deb", "RELEASE=1.2.3", "MAINTAINER=O'Neil <o@example.org>"},
			[]string{"deb", "--arch", "amd64", "--release", "1.2.3", "--maintainer", "O'Neil <o@example.org>"}},
	} {
		cmd := exec.Command("make", append([]string{"-C", "../..", "--no-print-directory"}, c.vars...)...)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SOURCE_DATE_EPOCH=1700000000", "MAKEFLAGS="}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.vars, err, out)
		}
		b, err := os.ReadFile(said)
		if err != nil {
			t.Fatal(err)
		}
		want := append([]string{"run", "./cmd/mkimage"}, c.want...)
		if got := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"); !slices.Equal(got, want) {
			t.Errorf("%v:\n%q, want\n%q", c.vars, got, want)
		}
	}
}
