package netchange

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/config"
	"monban/gateway/netconf"
)

// On a machine whose network is its owner's only the sockets are told where to
// listen, at boot and at a change; a change of the WAN's addresses is none.
func TestSocketsOnly(t *testing.T) {
	conf, err := config.Parse([]byte(one))
	if err != nil {
		t.Fatal(err)
	}
	b := Box{Run: t.TempDir(), Sys: t.TempDir(), SocketsOnly: true}
	if err := b.Boot(t.Context(), []byte(one), netconf.For(conf, 2)); err != nil {
		t.Fatal(err)
	}
	sockets := 0
	err = filepath.WalkDir(b.Run, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(b.Run, inForce) {
			return err
		}
		if sockets++; !strings.Contains(path, ".socket.d/") {
			t.Errorf("%s was written", path)
		}
		return nil
	})
	if err != nil || sockets != len(netconf.SocketUnits()) {
		t.Errorf("%d files for the sockets, %v", sockets, err)
	}

	dir := t.TempDir()
	state, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	s := Service{Box: b, State: state, Cores: 2, Patience: netconf.Patience}
	wan := strings.Replace(one, "wan.interface = \"wan0\"", "wan = { interface = \"wan0\", addresses = [\"203.0.113.10/24\"] }", 1)
	for site, trial := range map[string]bool{wan: false, two: true} {
		if err := os.WriteFile(filepath.Join(dir, Site), []byte(site), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.apply(); err != nil {
			t.Fatal(err)
		}
		if began := !s.until.IsZero(); began != trial {
			t.Errorf("a trial began: %v, want %v, for\n%s", began, trial, site)
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		if err := b.keep([]byte(one)); err != nil {
			t.Fatal(err)
		}
	}
}
