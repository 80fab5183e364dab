package lamp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"monban/gateway/lamp"
	"monban/gateway/text"
)

// Each sign has a code and lengths of its own, and words on the console.
func TestSigns(t *testing.T) {
	seen := map[string]bool{}
	for i, s := range lamp.Signs() {
		lengths := fmt.Sprint(s.On, s.Off)
		if s.Code != i+1 || seen[lengths] || seen[s.Reason] || s.On < 50*time.Millisecond || s.Off < 50*time.Millisecond {
			t.Errorf("%+v", s)
		}
		seen[lengths], seen[s.Reason] = true, true
		for _, r := range text.EN.Say("lamp."+s.Reason, nil) {
			if r > 0x7e {
				t.Errorf("the console has no %q", r)
			}
		}
	}
}

// The manual says what each sign looks like.
func TestManual(t *testing.T) {
	doc, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range lamp.Signs() {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \| .+ \| %d、%d \| `, s.Code, s.On.Milliseconds(), s.Off.Milliseconds()))
		if !row.Match(doc) {
			t.Errorf("docs/install.md has no row for %+v", s)
		}
	}
}

func TestShow(t *testing.T) {
	for _, name := range []string{"ACT", "led0", "mmc0::", ""} {
		sys := t.TempDir()
		at := filepath.Join(sys, "class/leds", name)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		s, ok := lamp.Find("data")
		if !ok {
			t.Fatal("no such sign")
		}
		had, err := lamp.Show(sys, s)
		if want := name == "ACT" || name == "led0"; err != nil || had != want {
			t.Errorf("%q: %v, %v", name, had, err)
		} else if !want {
			continue
		}
		for file, want := range map[string]string{"trigger": "timer", "delay_on": "100", "delay_off": "1900"} {
			if got, _ := os.ReadFile(filepath.Join(at, file)); string(got) != want {
				t.Errorf("%s/%s: %q", name, file, got)
			}
		}
	}
	if _, ok := lamp.Find("../x"); ok {
		t.Error("a sign for nothing")
	}
}
