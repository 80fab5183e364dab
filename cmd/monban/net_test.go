package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway"
	"monban/gateway/config"
	provisioning "monban/gateway/provision"
)

// At boot the network is made of site.toml, as it was before a change on trial;
// of the last good generation if it is broken; and without either of set-up
// mode, at the port the board or the MAC address says.
func TestNetApply(t *testing.T) {
	other := strings.Replace(string(config.Example), "192.168.10.1/24", "192.168.20.1/24", 1)
	for name, c := range map[string]struct {
		files map[string]string // of state, run and sys
		page  string            // where it listens; empty: as the image's example does
		port  string            // of set-up mode
	}{
		"site.toml":   {files: map[string]string{"state/site.toml": string(config.Example)}, page: "192.168.10.1"},
		"on trial":    {files: map[string]string{"state/site.toml": other, "state/site.before.toml": string(config.Example)}, page: "192.168.10.1"},
		"broken":      {files: map[string]string{"state/site.toml": "version = 2", "state/last": other}, page: "192.168.20.1"},
		"impossible":  {files: map[string]string{"state/site.toml": impossible(), "state/last": other}, page: "192.168.20.1"},
		"an unknown":  {},
		"a Pi":        {files: map[string]string{"model": "Raspberry Pi 5 Model B Rev 1.0\x00"}, page: "192.168.100.1", port: "end0"},
		"a MAC":       {files: map[string]string{"run/monban-provision/lan-mac": "00-00-5E-00-53-02\r\n", "sys/class/net/enp2s0/address": "00:00:5e:00:53:02\n", "sys/class/net/enp2s0/device": ""}, page: "192.168.100.1", port: "enp2s0"},
		"a wrong MAC": {files: map[string]string{"run/monban-provision/lan-mac": "nonsense", "sys/class/net/enp2s0/address": "00:00:5e:00:53:02\n", "sys/class/net/enp2s0/device": ""}},
		"no state":    {files: map[string]string{"model": "Raspberry Pi 4 Model B Rev 1.1\x00", "no state": ""}, page: "192.168.100.1", port: "end0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			if _, ok := c.files["no state"]; !ok {
				if err := os.Mkdir(at("state"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for file, content := range c.files {
				if file == "state/last" {
					if _, err := (config.Generations{Dir: at("state/generations")}).Save([]byte(content)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if err := os.MkdirAll(filepath.Dir(at(file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at(file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errs bytes.Buffer
			status := monban(t.Context(), []string{"net", "apply", "--state", at("state"), "--run", at("run"), "--sys", at("sys"), "--model", at("model")}, nil, &out, &errs)
			if status != 0 {
				t.Fatalf("%d: %s%s", status, &out, &errs)
			}
			page, _ := os.ReadFile(at("run/systemd/system/monban-page.socket.d/10-monban.conf"))
			if want := "ListenStream=" + c.page + ":443\n"; c.page != "" && !strings.Contains(string(page), want) || c.page == "" && page != nil {
				t.Errorf("the page is at\n%s", page)
			}
			port, _ := os.ReadFile(at("run/monban-net/setup.env"))
			if got := strings.TrimPrefix(strings.TrimSpace(string(port)), "MONBAN_SETUP_LAN="); got != c.port {
				t.Errorf("set-up at %q", got)
			}
			if wan, err := os.ReadFile(at("run/systemd/network/10-monban-wan.network")); (err == nil) != (c.page != "" && c.port == "") {
				t.Errorf("the WAN:\n%s", wan)
			}
			if _, err := os.Stat(at("state/site.before.toml")); err == nil {
				t.Error("still on trial")
			}
		})
	}
}

// A box that has a configuration looks at no disk for another; one that has
// none says in plain letters that it found nothing. The console shows the same
// set-up code each time, until it is used.
func TestProvisionCommand(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	code := func() string {
		_, code, _ := strings.Cut(out.String(), "Set-up code for the first account: ")
		return code
	}
	provision := func(want string) {
		t.Helper()
		var errs bytes.Buffer
		out.Reset()
		status := monban(t.Context(), []string{"provision", "--state", dir, "--run", filepath.Join(dir, "run"), "--sys", filepath.Join(dir, "sys"), "--dev", filepath.Join(dir, "dev"), "--patience", "1ms"}, nil, &out, &errs)
		if status != 0 || !strings.HasPrefix(out.String(), want) || (want == "") != (out.Len() == 0) {
			t.Errorf("%d: %s%s", status, &out, &errs)
		}
	}
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	provision("There is no site.toml ")
	first := code()
	write("site.toml", config.Example)
	provision("Set-up code ")
	if c := code(); len(c) != len("XXXX-XXXX-XXXX-XXXX\n") || c != first {
		t.Errorf("set-up code %q, then %q", first, c)
	}
	// Where there is a console the code goes there alone: stdout is the journal's, too.
	console := filepath.Join(dir, "dev", "console")
	if err := os.Mkdir(filepath.Dir(console), 0o700); err != nil {
		t.Fatal(err)
	}
	write("dev/console", nil)
	provision("")
	if b, err := os.ReadFile(console); err != nil || string(b) != "Set-up code for the first account: "+first {
		t.Errorf("on the console: %q %v", b, err)
	}
	if err := os.Remove(console); err != nil {
		t.Fatal(err)
	}
	// The service has taken it over, and then it was used.
	if err := os.Rename(filepath.Join(dir, provisioning.Seed), filepath.Join(dir, gateway.SetUpFile)); err != nil {
		t.Fatal(err)
	}
	write("monban.db", nil)
	provision("Set-up code ")
	// One that is brought later is the one that counts, until one was used.
	write(provisioning.Seed, []byte("zzzz-efgh-jkmn-pqrs\n"))
	if provision("Set-up code "); code() != "zzzz-efgh-jkmn-pqrs\n" {
		t.Errorf("the set-up code brought later is %q", code())
	}
	if err := os.Remove(filepath.Join(dir, gateway.SetUpFile)); err != nil {
		t.Fatal(err)
	}
	provision("")
	if err := os.Remove(filepath.Join(dir, provisioning.Seed)); err != nil {
		t.Fatal(err)
	}
	provision("")
}

func TestLampCommand(t *testing.T) {
	var out, errs bytes.Buffer
	if status := monban(t.Context(), []string{"lamp", "closed", "--sys", t.TempDir()}, nil, &out, &errs); status != 0 || !strings.HasPrefix(out.String(), "MONBAN 1: The box could not close itself") {
		t.Errorf("%d: %s%s", status, &out, &errs)
	}
	if status := monban(t.Context(), []string{"lamp", "nonsense"}, nil, &out, &errs); status == 0 {
		t.Error("a sign for nonsense")
	}
}
