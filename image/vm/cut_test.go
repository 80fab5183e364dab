package vm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Wherever in an update the power goes, the box comes back with the version
// before or the one after, with its data. The host's cache is bypassed, so what
// the box did not bring to the disk is not there.
func TestPowerCuts(t *testing.T) {
	all(t)
	good := built(t, "amd64", second, ".update")
	install := "monban slot install " + filesDir + "/good.update"
	for i := range 30 {
		// Most of the time goes into writing the root; each of the short steps
		// gets its share by itself.
		name, prepare, act, most := "install", "", install, 30*time.Second
		switch {
		case i%5 == 3:
			name, prepare, act, most = "disarm", install, "monban slot back", time.Second
		case i%5 == 4:
			name, prepare, act, most = "commit", install, "monban slot commit", time.Second
		}
		t.Run(fmt.Sprintf("%d %s", i+1, name), func(t *testing.T) {
			m, s := atWork(t, true, map[string]string{"good.update": good})
			s.file("good.update")
			before := digest(s)
			if prepare != "" {
				s.run(prepare)
			}
			if name == "commit" {
				m.restart(s)
				m.started()
				s = m.shell(bootTime)
			}
			after := rand.N(most)
			_, _, done := s.try(act, after)
			m.cut()
			m.on()
			slot := m.started()
			s = m.shell(bootTime)
			st := s.slots()
			t.Logf("cut %s after the beginning (done: %t): %s, version %s, trial %t, waiting %s", after.Round(time.Millisecond), done, slot, st.Release.Version, st.Trial, st.Waiting)
			if v := strings.TrimSuffix(st.Release.Version.String(), "-debug"); v != first && v != second {
				t.Errorf("version %s runs", v)
			}
			if got := digest(s); got != before {
				t.Errorf("the data was %s, and is %s", before, got)
			}
			works(t, m)
			if out, status := s.ask("monban audit verify"); status != 0 {
				t.Errorf("the log: %s", out)
			}
		})
	}
}

// digest is of what the clinic keeps on the box and nothing changes by itself.
func digest(s *shell) string {
	s.m.t.Helper()
	return strings.TrimSpace(s.run("sha256sum < /var/lib/monban/site.toml; cat /etc/machine-id"))
}
