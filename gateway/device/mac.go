package device

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A MAC is an EUI-48 address. As text it is lower-case with colons.
type MAC [6]byte

// ParseMAC reads twelve hexadecimal digits, in any case, with colons, dashes
// or dots between them or nothing. It refuses addresses no single device can
// have: zero, broadcast and groups.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	digits := strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, s)
	// At most five separators: "1:2::3" with lost zeros is not guessed at.
	if len(digits) != 12 || len(s) > 17 {
		return m, fmt.Errorf("parsing MAC %q: not 12 hexadecimal digits", s)
	}
	if _, err := hex.Decode(m[:], []byte(digits)); err != nil {
		return MAC{}, fmt.Errorf("parsing MAC %q: %w", s, err)
	}
	if !m.Single() {
		return MAC{}, fmt.Errorf("parsing MAC %q: not the address of one device", s)
	}
	return m, nil
}

// MACFrom returns b as a MAC, and false if b is not the address of one device.
func MACFrom(b []byte) (MAC, bool) {
	var m MAC
	if len(b) != len(m) {
		return m, false
	}
	copy(m[:], b)
	return m, m.Single()
}

// Single says whether m can belong to one device: neither zero nor a group
// address (broadcast is one).
func (m MAC) Single() bool { return m != MAC{} && m[0]&1 == 0 }

// Random says whether m was made up by the device itself (locally
// administered, IEEE 802c), as phones do to be hard to follow.
func (m MAC) Random() bool { return m[0]&2 != 0 }

// String returns m as 02:00:5e:10:00:ff.
func (m MAC) String() string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, x := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[x>>4], digits[x&15])
	}
	return string(b)
}

// MarshalText returns String.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMAC.
func (m *MAC) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMAC(string(b))
	return err
}
