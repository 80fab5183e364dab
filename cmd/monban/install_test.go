package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"monban/gateway/lamp"
	"monban/image"
)

func installGuide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks are the guide's examples in a language.
func blocks(guide, lang string) (all []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+lang+"\n(.*?)^```$").FindAllStringSubmatch(guide, -1) {
		all = append(all, m[1])
	}
	return all
}

// Every command of this program in the guide is one it knows.
func TestGuideCommands(t *testing.T) {
	guide, found := installGuide(t), 0
	commands := regexp.MustCompile("`(monban [a-z][^`]*)`").FindAllStringSubmatch(guide, -1)
	var lines []string
	for _, m := range commands {
		lines = append(lines, m[1])
	}
	for _, b := range blocks(guide, "sh") {
		lines = append(lines, strings.Split(b, "\n")...)
	}
	for _, line := range lines {
		words := strings.Fields(strings.TrimPrefix(line, "sudo "))
		if len(words) == 0 || words[0] != "monban" {
			continue
		}
		found++
		p, err := kong.New(&cli{})
		if err != nil {
			t.Fatal(err)
		}
		args := words[1:]
		if len(args) == 1 && args[0] == "check" { // named without its file
			args = append(args, "site.toml")
		}
		if _, err := p.Parse(args); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if found < 3 {
		t.Errorf("only %d commands found", found)
	}
}

// The guide's site.toml can be put in force.
func TestGuideSite(t *testing.T) {
	all := blocks(installGuide(t), "toml")
	if len(all) != 1 {
		t.Fatalf("%d examples of site.toml", len(all))
	}
	if err := checkSite([]byte(all[0])); err != nil {
		t.Error(err)
	}
}

// The guide's partitions are the disk's, with their sizes.
func TestGuidePartitions(t *testing.T) {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(installGuide(t), -1) {
		rows[m[1]] = m[2]
	}
	known := map[string]bool{}
	for _, b := range []image.Board{image.UEFI, image.RPi} {
		for _, p := range image.Disk(b) {
			known[p.Name] = true
			size, ok := rows[p.Name]
			if want := fmt.Sprintf("%d MiB", p.MiB); !ok || p.MiB > 0 && !strings.Contains(size, want) {
				t.Errorf("%s: the guide has %q, the disk of %s %s", p.Name, size, b, want)
			}
		}
	}
	for name := range rows {
		if !known[name] {
			t.Errorf("the guide knows a partition %s", name)
		}
	}
	if !strings.Contains(installGuide(t), "`"+image.Label+"`") {
		t.Errorf("the guide does not say %s", image.Label)
	}
}

// The guide's lamp is the lamp.
func TestGuideLamp(t *testing.T) {
	for _, s := range lamp.Signs() {
		want := fmt.Sprintf("%d、%d", s.On.Milliseconds(), s.Off.Milliseconds())
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \| [^|]* \| %s \|`, s.Code, want))
		if !row.MatchString(installGuide(t)) {
			t.Errorf("the guide has no row %d with %s", s.Code, want)
		}
	}
}
