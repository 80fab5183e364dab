package upstream

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// A Proto is how a Server is asked.
type Proto uint8

// The ways to ask. The zero Proto is DNS as it always was.
const (
	UDP   Proto = iota // UDP, and TCP for what does not fit (RFC 1035, RFC 7766)
	TLS                // DNS over TLS (RFC 7858)
	HTTPS              // DNS over HTTPS (RFC 8484)
)

// A Server is one resolver. Its address is always given: looking a resolver's
// name up would need a resolver.
type Server struct {
	Proto Proto
	Addr  netip.AddrPort // required
	// Name is the host name that the certificate must hold (RFC 8310 section
	// 8.1); without one it must hold the address.
	Name string
	Path string // for HTTPS, with the slash it begins with
	// Pins are SHA-256 sums of public keys (RFC 7858 section 4.2). If there are
	// any, the server's key must be one of them, and nothing else of its
	// certificate counts: no authority, no name, no date.
	Pins [][sha256.Size]byte
}

// What is wrong with the written form of a Server.
var (
	ErrForm    = errors.New("not of the form ADDR, tls://NAME@ADDR or https://NAME/PATH@ADDR")
	ErrAddress = errors.New("not an address with an optional port")
	ErrName    = errors.New("not a host name in lower case")
	ErrPath    = errors.New("not a path that starts with a slash")
	ErrPin     = errors.New("not of the form #sha256/ and 44 characters of base64")
)

// MaxPins is how many keys one server may have: one in use, one to come, and
// as many again for a second machine behind the address.
const MaxPins = 4

const pinMark = "#sha256/"

// isName says whether s is a host name (RFC 1123 section 2.1) in lower case,
// without the final dot.
func isName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !only(label, "-") {
			return false
		}
	}
	return true
}

// isPath says whether s is a path that needs no escapes (RFC 3986 section 3.3).
func isPath(s string) bool {
	return strings.HasPrefix(s, "/") && len(s) <= 255 && only(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/._~%+-")
}

// only says whether s holds nothing but lower-case letters, digits and these.
func only(s, others string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	}) < 0
}

// Parse reads the written form of a Server:
//
//	192.0.2.53, 192.0.2.53:53, udp://192.0.2.53:53
//	tls://dns.example@192.0.2.53:853
//	https://dns.example/dns-query@192.0.2.53:443
//
// The port may be left out, and so may the name and the @ of TLS. After TLS and
// HTTPS forms pins may follow, each as #sha256/BASE64. The error is one of this
// package's Err values.
func Parse(s string) (Server, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "udp", s
	}
	var v Server
	var err error
	if scheme == "tls" || scheme == "https" {
		if v.Pins, rest, err = cutPins(rest); err != nil {
			return Server{}, err
		}
	}
	front, addr, named := "", rest, false
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && scheme != "udp" {
		front, addr, named = rest[:i], rest[i+1:], true
	}
	port := uint16(53)
	switch scheme {
	case "udp":
	case "tls":
		v.Proto, v.Name, port = TLS, front, 853
	case "https":
		if !named {
			return Server{}, ErrForm
		}
		v.Proto, port = HTTPS, 443
		i := strings.IndexByte(front, '/')
		if i < 0 {
			return Server{}, ErrPath
		}
		v.Name, v.Path = front[:i], front[i:]
	default:
		return Server{}, ErrForm
	}
	if v.Addr, err = parseAddr(addr, port); err != nil {
		return Server{}, err
	}
	if err := v.check(); err != nil || named && v.Name == "" {
		return Server{}, cmp.Or(err, ErrName)
	}
	return v, nil
}

func parseAddr(s string, port uint16) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
		if err != nil {
			return ap, ErrAddress
		}
		ap = netip.AddrPortFrom(a, port)
	}
	return ap, nil
}

// cutPins takes the pins off the end of s.
func cutPins(s string) (pins [][sha256.Size]byte, rest string, err error) {
	rest, written, found := strings.Cut(s, "#")
	for found {
		var one string
		one, written, found = strings.Cut(written, "#")
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(one, pinMark[1:]))
		if err != nil || len(raw) != sha256.Size || !strings.HasPrefix(one, pinMark[1:]) || len(pins) == MaxPins {
			return nil, "", ErrPin
		}
		pins = append(pins, [sha256.Size]byte(raw))
	}
	return pins, rest, nil
}

// check says what is wrong with s; nil if nothing is.
func (s Server) check() error {
	a := s.Addr.Addr()
	switch {
	case s.Proto > HTTPS:
		return ErrForm
	case !s.Addr.IsValid() || s.Addr.Port() == 0 || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast():
		return ErrAddress
	case len(s.Pins) > MaxPins || s.Proto == UDP && len(s.Pins) > 0:
		return ErrPin
	case s.Name != "" && (s.Proto == UDP || len(s.Name) > 253 || !isName(s.Name)), s.Proto == HTTPS && s.Name == "":
		return ErrName
	case (s.Proto == HTTPS) != (s.Path != ""), s.Path != "" && !isPath(s.Path):
		return ErrPath
	}
	return nil
}

// Equal says whether s and o are the same in everything.
func (s Server) Equal(o Server) bool {
	return s.Proto == o.Proto && s.Addr == o.Addr && s.Name == o.Name && s.Path == o.Path &&
		slices.EqualFunc(s.Pins, o.Pins, func(a, b [sha256.Size]byte) bool { return bytes.Equal(a[:], b[:]) })
}

// String is the written form, in the one way that is not abbreviated; of UDP,
// address and port alone.
func (s Server) String() string {
	var b strings.Builder
	switch s.Proto {
	case TLS:
		b.WriteString("tls://")
		if s.Name != "" {
			b.WriteString(s.Name + "@")
		}
	case HTTPS:
		b.WriteString("https://" + s.Name + s.Path + "@")
	}
	b.WriteString(s.Addr.String())
	for _, p := range s.Pins {
		b.WriteString(pinMark + base64.StdEncoding.EncodeToString(p[:]))
	}
	return b.String()
}
