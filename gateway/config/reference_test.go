package config

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keys adds every key path below a struct of the written form.
func keys(all map[string]bool, t reflect.Type, path string) {
	switch t.Kind() {
	case reflect.Slice:
		keys(all, t.Elem(), path)
	case reflect.Struct:
		for f := range t.Fields() {
			at := join(path, f.Tag.Get("toml"))
			all[at] = true
			keys(all, f.Type, at)
		}
	}
}

var indexes = regexp.MustCompile(`\[\d+\]`)

func TestReferenceHoldsEveryKey(t *testing.T) {
	want, got := map[string]bool{}, map[string]bool{}
	keys(want, reflect.TypeFor[file](), "")
	for path := range findLines(Reference) {
		got[indexes.ReplaceAllString(path, "")] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reference.toml (-want +got):\n%s", diff)
	}
}

// Every key of the reference has a comment above it.
func TestReferenceExplainsEveryKey(t *testing.T) {
	explained := map[string]bool{}
	text := bytes.Split(Reference, []byte("\n"))
	for path, line := range findLines(Reference) {
		if above := text[max(0, line-2)]; bytes.HasPrefix(above, []byte("#")) {
			explained[indexes.ReplaceAllString(path, "")] = true
		}
	}
	for path := range findLines(Reference) {
		if path := indexes.ReplaceAllString(path, ""); !explained[path] {
			t.Errorf("%s has no comment above it", path)
		}
	}
}

func TestDocumentIsTheReference(t *testing.T) {
	doc, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(doc, append([]byte("```toml\n"), append(Reference, "```\n"...)...)) {
		t.Error("docs/config.md does not hold gateway/config/reference.toml as it is now")
	}
	want, got := map[string]bool{}, map[string]bool{}
	keys(want, reflect.TypeFor[file](), "")
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|").FindAllSubmatch(doc, -1) {
		got[string(row[1])] = true
	}
	for _, table := range []string{"wan", "lan", "dns", "dns.zone", "dns.list", "dns.group", "dns.group.schedule", "dns.log", "tools", "time", "page", "approval", "update", "wireguard", "vendor", "vendor.outbound", "device"} {
		delete(want, table)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of docs/config.md (-want +got):\n%s", diff)
	}
}
