package build

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A mirror is where Debian's archives are fetched from: the roots of the main
// archive and of the one for security updates.
type mirror struct{ main, security string }

// MirrorEnv names the environment's variable for the root of a mirror of
// Debian's main archive.
const MirrorEnv = "MONBAN_MIRROR"

// findMirror returns the mirror given, else the environment's, else the one
// that this machine's own apt uses.
func findMirror(given string) (mirror, error) {
	if given == "" {
		given = os.Getenv(MirrorEnv)
	}
	if given != "" {
		return mirror{given, strings.TrimSuffix(given, "/") + "-security"}.clean(), nil
	}
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, name := range append(files, "/etc/apt/sources.list") {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return mirror{}, fmt.Errorf("looking for a mirror: %w", err)
		}
		m := mirror{}
		for s := bufio.NewScanner(f); s.Scan(); {
			m.take(s.Text())
		}
		f.Close()
		if m.main != "" {
			if m.security == "" {
				m.security = m.main + "-security"
			}
			return m.clean(), nil
		}
	}
	return mirror{}, fmt.Errorf("this machine's apt names no mirror of Debian; set %s to the root of one", MirrorEnv)
}

// take looks for the addresses of archives in a line of apt's sources, of
// either form (sources.list(5)).
func (m *mirror) take(line string) {
	if line = strings.TrimSpace(line); !strings.HasPrefix(line, "deb ") && !strings.HasPrefix(line, "URIs:") {
		return
	}
	for _, word := range strings.Fields(line) {
		switch base := strings.TrimSuffix(word, "/"); {
		case !strings.HasPrefix(word, "http"):
		case m.main == "" && strings.HasSuffix(base, "/debian"):
			m.main = base
		case m.security == "" && strings.HasSuffix(base, "/debian-security"):
			m.security = base
		}
	}
}

func (m mirror) clean() mirror {
	return mirror{strings.TrimSuffix(m.main, "/"), strings.TrimSuffix(m.security, "/")}
}
