package list

import (
	"bytes"
	"net/netip"
)

// A Format is how a list is written.
type Format uint8

// The formats. Hosts, Domains and AdBlock may be mixed in one file, whichever
// of them it is taken for.
const (
	Auto    Format = iota // found out by the first 64 KiB
	Hosts                 // 0.0.0.0 name …
	Domains               // name, or *.name with all below, one a line
	AdBlock               // ||name^, @@||name^, ||na*me^, /regular expression/, with modifiers (see modify)
	RPZ                   // a response policy zone: name CNAME .
	DNSMasq               // address=/name/, server=/name/, local=/name/
)

// String is the format's name in configurations and on pages.
func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f]
	}
	return "?"
}

var formats = [...]string{"auto", "hosts", "domains", "adblock", "rpz", "dnsmasq"}

// ParseFormat is the reverse of String; false if there is no such format.
func ParseFormat(s string) (Format, bool) {
	for i, f := range formats {
		if f == s {
			return Format(i), true
		}
	}
	return Auto, false
}

func (r *reading) parser() func([]byte) result {
	switch r.report.Format {
	case RPZ:
		return r.rpz
	case DNSMasq:
		return r.dnsmasq
	case Hosts, Domains, AdBlock:
	}
	return r.names
}

// noList returns the code of why what begins with head is no list; "" if it
// may be one.
func noList(head []byte) string {
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) || bytes.IndexByte(head, 0) >= 0 {
		return "list.binary"
	}
	odd := 0
	for _, c := range head {
		if c < ' ' && !blank(c) && c != '\f' {
			odd++
		}
	}
	if odd > len(head)/32 {
		return "list.binary"
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if len(head) == 0 {
		return "list.empty"
	}
	// No format has a line that begins so.
	if head[0] == '<' {
		return "list.html"
	}
	return ""
}

// detect says how a list that begins with head is written: as most of its
// lines are, but one AdBlock rule is enough among names.
func detect(head []byte) Format {
	var n [len(formats)]int
	// The last line may be cut; the first is taken even so.
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 && len(head) == headBytes {
		head = head[:end]
	}
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\ufeff"))) {
		if len(line) <= maxBytesOfLine {
			n[looksLike(trim(line))]++
		}
	}
	names := n[Hosts] + n[Domains] + n[AdBlock]
	switch {
	case n[RPZ] > n[DNSMasq] && n[RPZ] > names:
		return RPZ
	case n[DNSMasq] > names:
		return DNSMasq
	case n[AdBlock] > 0:
		return AdBlock
	case n[Domains] > n[Hosts]:
		return Domains
	}
	return Hosts
}

// looksLike returns the format a line belongs to; Auto if it may be any.
func looksLike(line []byte) Format {
	switch {
	case len(line) == 0, line[0] == '#', line[0] == ';':
		return Auto
	case hasAny(line, "||", "@@", "[Adblock", "!"):
		return AdBlock
	case hasAny(line, "address=/", "server=/", "local=/"):
		return DNSMasq
	case hasAny(line, "$TTL", "$ORIGIN", "$ttl", "$origin"):
		return RPZ
	}
	first, rest := field(line)
	if _, err := netip.ParseAddr(string(first)); err == nil || leadsNowhere(string(first)) {
		return Hosts
	}
	for len(rest) > 0 {
		var word []byte
		switch word, rest = field(rest); string(word) {
		case "CNAME", "SOA", "IN", "A", "AAAA", "cname", "soa", "in":
			return RPZ
		}
		if len(word) > 0 && (word[0] == '#' || word[0] == ';') {
			break
		}
	}
	if n, _ := field(rest); len(n) == 0 && bytes.IndexByte(first, '.') >= 0 {
		if _, ok := appendName(nil, plain(first)); ok {
			return Domains
		}
	}
	return Auto
}

func hasAny(line []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(line, []byte(p)) {
			return true
		}
	}
	return false
}

// plain takes the mark for all below off a name of a Domains list.
func plain(name []byte) []byte {
	return bytes.TrimPrefix(bytes.TrimPrefix(name, []byte("*")), []byte("."))
}
