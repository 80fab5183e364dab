package bootslot

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Mark is how a version stands with the loader. It is written in a file's
// name, which is what systemd-boot counts tries in: +LEFT-DONE before the
// extension (https://systemd.io/AUTOMATIC_BOOT_ASSESSMENT), and what it starts is
// the newest version that has tries left or is not counted. On a Pi, whose
// firmware knows nothing of it, files without content bear the same names.
type Mark int

const (
	Kept    Mark = iota // monban_1.2.3.efi: seen to work; started every time
	Part                // monban_1.2.3.part: being written
	Ready               // monban_1.2.3.new: written whole, unknown to the loader
	Armed               // monban_1.2.3+1.efi: the next start tries it
	Tried               // monban_1.2.3+0-1.efi: was tried; not started while there is another
	GivenUp             // monban_1.2.3+0.efi: not started while there is another
	Why                 // monban_1.2.3.why: what a version on trial said of itself
	Summed              // monban_1.2.3.sum: of the manifest it was written by
)

// beside the loader lie files that it does not look at.
var beside = []Mark{Part, Ready, Why, Summed}

// A File is a file of ours beside the loader.
type File struct {
	Name    string
	Version Version
	Mark    Mark
}

const prefix = "monban_"

// The end of a name, by mark; the loader's extension comes behind those that
// have none.
var suffix = map[Mark]string{Kept: "", Part: ".part", Ready: ".new", Armed: "+1", Tried: "+0-1", GivenUp: "+0", Why: ".why", Summed: ".sum"}

// Name is the name of a version's file. ext is the loader's extension, as in
// ".efi".
func Name(v Version, m Mark, ext string) string {
	name := prefix + v.String() + suffix[m]
	if !slices.Contains(beside, m) {
		name += ext
	}
	return name
}

// counted takes a name without extension apart as systemd-boot does
// (boot_entry_parse_tries in src/boot/boot.c): tries left, tries done.
var counted = regexp.MustCompile(`^(.*)\+([0-9]{1,9})(?:-([0-9]{1,9}))?$`)

// ParseNames picks the files of ours out of a listing. FAT folds case, and so
// does the loader.
func ParseNames(names []string, ext string) (files []File) {
	for _, name := range names {
		rest, ours := strings.CutPrefix(strings.ToLower(name), prefix)
		if !ours {
			continue
		}
		f := File{Name: name}
		stem, dot := strings.CutSuffix(rest, ext)
		if dot {
			if m := counted.FindStringSubmatch(stem); m != nil {
				stem = m[1]
				f.Mark = mark(m[2], m[3])
			}
		} else {
			for _, m := range beside {
				if s, ok := strings.CutSuffix(rest, suffix[m]); ok {
					stem, dot, f.Mark = s, true, m
				}
			}
		}
		v, err := ParseVersion(stem)
		if !dot || err != nil {
			continue
		}
		f.Version = v
		files = append(files, f)
	}
	return files
}

func mark(left, done string) Mark {
	l, _ := strconv.Atoi(left)
	d, _ := strconv.Atoi(done)
	switch {
	case l > 0:
		return Armed
	case d > 0:
		return Tried
	}
	return GivenUp
}
