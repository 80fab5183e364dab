package list

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrName is returned for text that is no host name.
var ErrName = errors.New("not a host name")

const (
	maxName  = 253 // RFC 1035 section 3.1, without the root's dot
	maxLabel = 63
)

// Canonical returns the form in which names are compared: lower-case ASCII,
// other scripts as punycode (UTS 46 mapping, so 全角 and combining marks fall
// together), no dot at the end. Underscores are allowed, since names in the
// wild have them. What is no host name gives ErrName.
func Canonical(name string) (string, error) {
	b, ok := appendName(nil, []byte(strings.TrimSpace(name)))
	if !ok {
		return "", ErrName
	}
	return string(b), nil
}

// appendName appends the canonical form of name to dst; false if name is none.
func appendName(dst, name []byte) ([]byte, bool) {
	for _, c := range name {
		if c >= 0x80 {
			return appendUnicode(dst, name)
		}
	}
	return appendASCII(dst, name)
}

func appendUnicode(dst, name []byte) ([]byte, bool) {
	// Longer ones do not fit, and the mapping costs time.
	if len(name) > 4*maxName || !utf8.Valid(name) {
		return dst, false
	}
	ascii, err := idna.Lookup.ToASCII(string(name))
	if err != nil {
		return dst, false
	}
	return appendASCII(dst, []byte(ascii))
}

func appendASCII(dst, name []byte) ([]byte, bool) {
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	if len(name) == 0 || len(name) > maxName {
		return dst, false
	}
	was := len(dst)
	label, letters := 0, false // length of the label, whether it has more than digits
	for _, c := range name {
		switch {
		case c == '.':
			if label == 0 {
				return dst[:was], false
			}
			label, letters = -1, false
		case c >= 'A' && c <= 'Z':
			c |= 0x20
			letters = true
		case c >= 'a' && c <= 'z', c == '-', c == '_':
			letters = true
		case c >= '0' && c <= '9':
		default:
			return dst[:was], false
		}
		if label++; label > maxLabel {
			return dst[:was], false
		}
		dst = append(dst, c)
	}
	// An all-digit last label is an address, not a name (RFC 3696 section 2).
	if label == 0 || !letters {
		return dst[:was], false
	}
	return dst, true
}
