package list

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// modifiers are what stands behind the dollar of an AdBlock rule.
type modifiers struct {
	what  class
	limit limit
}

// modify reads modifiers as AdGuard's resolvers do; false if there is one that
// a resolver cannot keep, or that we do not know: half a rule is another rule.
func modify(s []byte) (m modifiers, ok bool) {
	for part := range split(string(s), ',') {
		name, value, has := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "important" && !has:
			m.what |= important
		case name == "badfilter" && !has:
			m.what |= withdrawn
		case name == "dnstype" && has:
			ok = m.limit.readTypes(value)
		case name == "client" && has:
			ok = m.limit.readClients(value)
		case name == "denyallow" && has:
			ok = m.limit.readExcept(value)
		case name == "dnsrewrite" && has:
			// It goes before every rule of another kind, says AdGuard.
			ok, m.what = refusing(value), m.what|important
		default:
			return m, false
		}
		if has && !ok {
			return m, false
		}
	}
	return m, m.limit.items() <= limitItems
}

// split cuts s at sep, but not within quotes or behind a backslash.
func split(s string, sep byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		begin, quote := 0, byte(0)
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '\\':
				i++
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case (c == '\'' || c == '"') && (i == begin || s[i-1] == '=' || s[i-1] == '|' || s[i-1] == '~'):
				quote = c
			case c == sep:
				if !yield(s[begin:i]) {
					return
				}
				begin = i + 1
			}
		}
		yield(s[begin:])
	}
}

// readTypes takes A|AAAA or ~A|~AAAA.
func (m *limit) readTypes(s string) bool {
	for part := range split(s, '|') {
		name, not := strings.CutPrefix(strings.TrimSpace(part), "~")
		t, ok := typeOf(name)
		if !ok {
			return false
		}
		if not {
			m.NotTypes = append(m.NotTypes, t)
		} else {
			m.Types = append(m.Types, t)
		}
	}
	return true
}

// typeOf reads the name of a type, or a number as RFC 3597 section 5 writes it.
func typeOf(s string) (uint16, bool) {
	s = strings.ToUpper(s)
	if n, ok := strings.CutPrefix(s, "TYPE"); ok {
		t, err := strconv.ParseUint(n, 10, 16)
		return uint16(t), err == nil && t > 0
	}
	const named = " A=1 NS=2 CNAME=5 SOA=6 PTR=12 HINFO=13 MX=15 TXT=16 AAAA=28 LOC=29 SRV=33 NAPTR=35 CERT=37 DNAME=39 DS=43 SSHFP=44 " +
		"RRSIG=46 NSEC=47 DNSKEY=48 NSEC3=50 TLSA=52 SMIMEA=53 CDS=59 CDNSKEY=60 OPENPGPKEY=61 SVCB=64 HTTPS=65 SPF=99 ANY=255 URI=256 CAA=257 "
	i := strings.Index(named, " "+s+"=")
	if i < 0 || s == "" || strings.ContainsAny(s, " =") {
		return 0, false
	}
	n, _, _ := strings.Cut(named[i+len(s)+2:], " ")
	t, err := strconv.ParseUint(n, 10, 16)
	return uint16(t), err == nil
}

// readClients takes addresses, networks and short names of devices, each with
// ~ if it is to be left out. Hardware addresses are nothing a resolver sees.
func (m *limit) readClients(s string) bool {
	for part := range split(s, '|') {
		who, not := strings.CutPrefix(strings.TrimSpace(part), "~")
		who = unquote(who)
		p, err := netip.ParsePrefix(who)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(who); err == nil {
				a = zoneless(a.Unmap())
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		switch {
		case err == nil && not:
			m.NotClients = append(m.NotClients, p.Masked())
		case err == nil:
			m.Clients = append(m.Clients, p.Masked())
		case who == "" || len(who) > maxLabel || strings.ContainsAny(who, ":/"):
			return false
		case not:
			m.NotDevices = append(m.NotDevices, strings.ToLower(who))
		default:
			m.Devices = append(m.Devices, strings.ToLower(who))
		}
	}
	return true
}

// unquote takes quotes and backslashes off.
func unquote(s string) string {
	if n := len(s); n > 1 && (s[0] == '\'' || s[0] == '"') && s[n-1] == s[0] {
		s = s[1 : n-1]
	}
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// readExcept takes names the rule does not hold for.
func (m *limit) readExcept(s string) bool {
	for part := range strings.SplitSeq(s, "|") {
		name, err := Canonical(part)
		if err != nil {
			return false
		}
		m.Except = append(m.Except, name)
	}
	return true
}

// refusing says whether an answer that is written into a rule is as good as a
// refusal: an error, nothing, or an address that leads nowhere.
func refusing(s string) bool {
	switch code, rest, _ := strings.Cut(s, ";"); strings.ToUpper(code) {
	case "NXDOMAIN", "REFUSED", "SERVFAIL":
		return strings.Trim(rest, ";") == ""
	case "NOERROR":
		if strings.Trim(rest, ";") == "" {
			return true
		}
		typ, address, _ := strings.Cut(rest, ";")
		return (typ == "A" || typ == "AAAA") && leadsNowhere(address)
	}
	return leadsNowhere(s)
}

// cutModifiers parts an AdBlock rule. The end of a regular expression is its
// last slash that nothing or modifiers follow, for it may hold a dollar itself;
// false if it has none.
func cutModifiers(line []byte) (body, mods []byte, has, ok bool) {
	if line[0] != '/' {
		body, mods, has = bytes.Cut(line, []byte("$"))
		return body, mods, has, true
	}
	for i := len(line) - 1; i > 0; i-- {
		if line[i] != '/' {
			continue
		}
		if i == len(line)-1 {
			return line, nil, false, true
		}
		if line[i+1] == '$' {
			return line[:i+1], line[i+2:], true, true
		}
	}
	return nil, nil, false, false
}
