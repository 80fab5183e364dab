package bootslot

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// A Version is N.N.N, with -debug behind it for a system that was signed with,
// and trusts, throwaway keys. The zero Version is none.
//
// The loader chooses by version, too, so both must agree: systemd-boot orders
// by strverscmp_improved (systemd src/fundamental/string-util-fundamental.c), to
// which parts are numbers, and 1.2.0-debug is newer than 1.2.0 and older than
// 1.2.1.
type Version struct {
	n     [3]uint32
	debug bool
}

// Five digits keep file names short; a leading zero would give one version two
// names.
var versionForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})(-debug)?$`)

// ParseVersion reads a version; 0.0.0 is none.
func ParseVersion(s string) (Version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil || s == "0.0.0" {
		return Version{}, fmt.Errorf("%.40q is no version", s)
	}
	v := Version{debug: m[4] != ""}
	for i := range v.n {
		n, err := strconv.ParseUint(m[1+i], 10, 32)
		if err != nil {
			return Version{}, fmt.Errorf("%q is no version: %w", s, err)
		}
		v.n[i] = uint32(n)
	}
	return v, nil
}

// Compare is negative if v is older than w, positive if it is newer.
func (v Version) Compare(w Version) int {
	d := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(v.n[0], w.n[0]), cmp.Compare(v.n[1], w.n[1]), cmp.Compare(v.n[2], w.n[2]), d[v.debug]-d[w.debug])
}

// IsZero says whether v is no version.
func (v Version) IsZero() bool { return v == Version{} }

// String is the form that ParseVersion reads; empty for none.
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	s := fmt.Sprintf("%d.%d.%d", v.n[0], v.n[1], v.n[2])
	if v.debug {
		s += "-debug"
	}
	return s
}

// MarshalText is String.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is ParseVersion, which takes none as well.
func (v *Version) UnmarshalText(b []byte) (err error) {
	*v = Version{}
	if len(b) > 0 {
		*v, err = ParseVersion(string(b))
	}
	return err
}
