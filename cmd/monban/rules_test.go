package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/config"
)

// impossible is a site.toml that can be read, and not be put in force: a device
// reaches only what the name filter answers it, and is asked by nobody.
func impossible() string {
	return strings.Replace(string(config.Example), "[dns]\n", "[dns]\nexempt = [\"ehr\"]\n", 1)
}

// What starts before the daemon takes site.toml where the daemon does, and the
// last good generation where the daemon keeps that.
func TestRulesOfWhatIsInForce(t *testing.T) {
	if _, err := config.Parse([]byte(impossible())); err != nil || checkSite([]byte(impossible())) == nil {
		t.Fatal("the test proves nothing:", err)
	}
	dir := t.TempDir()
	site := filepath.Join(dir, "site.toml")
	rules := func(content string) string {
		t.Helper()
		if err := os.WriteFile(site, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if status := monban(context.Background(), []string{"rules", "--config", site, "--state", dir}, nil, &out, &errs); status != 0 {
			t.Fatalf("%d: %s", status, &errs)
		}
		return out.String()
	}
	closed := rules("version = 2")
	if got := rules(impossible()); got != closed {
		t.Errorf("with nothing to fall back on it is not closed:\n%s", got)
	}
	good := rules(string(config.Example))
	if good == closed {
		t.Fatal("the example's rules are closed")
	}
	if _, err := (config.Generations{Dir: filepath.Join(dir, "generations")}).Save(config.Example); err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string]string{"broken": "version = 2", "impossible": impossible()} {
		if rules(content) != good {
			t.Errorf("a site.toml that is %s: the rules are not the last good ones", what)
		}
	}
}
