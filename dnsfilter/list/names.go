package list

import (
	"bytes"
	"net/netip"
)

// names takes a line of hosts, of plain domains or an AdBlock rule.
func (r *reading) names(line []byte) result {
	line = trim(line)
	if len(line) == 0 {
		return fine
	}
	switch line[0] {
	case '#', '!':
		return fine
	case '|', '@', '/':
		return r.rule(line)
	case '[':
		if line[len(line)-1] == ']' { // [Adblock Plus 2.0]
			return fine
		}
	}
	first, rest := field(line)
	if bytes.IndexByte(first, '#') < 0 && bytes.IndexByte(first, '$') < 0 && first[len(first)-1] != '^' {
		next, _ := field(rest)
		if leadsNowhere(string(first)) {
			return r.hosts(rest, true)
		}
		if len(next) == 0 || next[0] == '#' {
			return r.domain(first)
		}
		if _, err := netip.ParseAddr(string(first)); err == nil {
			return r.hosts(rest, false)
		}
	}
	return r.rule(line)
}

// hosts takes the names after an address. One that leads somewhere would give
// it to them, which is no business of a list's.
func (r *reading) hosts(names []byte, nowhere bool) result {
	what, n := fine, 0
	for {
		var name []byte
		name, names = field(names)
		if i := bytes.IndexByte(name, '#'); i >= 0 {
			name, names = name[:i], nil
		}
		if len(name) == 0 {
			break
		}
		n++
		if ownName(string(name)) {
			continue // every hosts file has them
		}
		if !nowhere {
			return bad
		}
		what = max(what, r.put(name, holdsSelf))
	}
	if n == 0 {
		return bad
	}
	return what
}

// domain takes a name that is alone on its line, with all below if a star or
// a dot begins it. Single words are no names here: a page that says
// "Forbidden" would be a list.
func (r *reading) domain(name []byte) result {
	switch bare := plain(name); {
	case ownName(string(name)):
		return fine
	case len(bare) < len(name) && name[len(name)-len(bare)-1] == '.':
		return r.put(bare, holdsSelf|holdsBelow)
	case bytes.IndexByte(bytes.TrimSuffix(name, []byte(".")), '.') < 0 && !multibyte(name):
		return bad
	}
	if what := r.put(name, holdsSelf); what == fine || !pattern(name) {
		return what
	}
	return unusable
}

// multibyte says whether a name may have dots that are not ASCII's.
func multibyte(name []byte) bool {
	for _, c := range name {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// rule takes an AdBlock rule as AdGuard's resolvers understand it. What a name
// alone cannot hold is unusable: regular expressions, parts of addresses, rules
// for pages or single devices.
func (r *reading) rule(line []byte) result {
	if line[0] == '/' || cosmetic(line) {
		return unusable
	}
	body, modifiers, has := bytes.Cut(line, []byte("$"))
	var what class
	if rest, ok := bytes.CutPrefix(body, []byte("@@")); ok {
		body, what = rest, exception
	}
	if has {
		m, ok := modify(modifiers)
		if !ok {
			return unusable
		}
		what |= m
	}
	switch {
	case bytes.HasPrefix(body, []byte("||*.")):
		body, what = body[4:], what|holdsBelow
	case bytes.HasPrefix(body, []byte("||")):
		body, what = body[2:], what|holdsSelf|holdsBelow
	case bytes.HasPrefix(body, []byte("*.")):
		body, what = body[2:], what|holdsBelow
	case bytes.HasPrefix(body, []byte("|")):
		body, what = body[1:], what|holdsSelf
	case what&exception == 0 && has && !pattern(body):
		// A plain name with modifiers holds itself.
		return r.put(body, what|holdsSelf)
	default:
		return r.odd(body)
	}
	name := bytes.TrimSuffix(body, []byte("|"))
	if name = bytes.TrimSuffix(name, []byte("^")); len(name) == len(body) {
		return r.odd(body) // it may go on behind the name
	}
	if what := r.put(name, what); what != bad {
		return what
	}
	return r.odd(name)
}

// modify returns what modifiers say; false if it is more than we know.
func modify(modifiers []byte) (what class, ok bool) {
	for m := range bytes.SplitSeq(modifiers, []byte(",")) {
		switch string(trim(m)) {
		case "important":
			what |= important
		case "badfilter":
			what |= withdrawn
		default:
			return 0, false
		}
	}
	return what, true
}

// odd says what is wrong with a rule about s.
func (r *reading) odd(s []byte) result {
	if pattern(s) {
		return unusable
	}
	if _, ok := appendName(r.name[:0], s); ok {
		return unusable // part of a name
	}
	if _, err := netip.ParseAddr(string(s)); err == nil {
		return unusable
	}
	return bad
}

// pattern says whether s has signs of patterns and addresses of pages.
func pattern(s []byte) bool { return !bytes.ContainsAny(s, " <>") && bytes.ContainsAny(s, "*/^|=?&:") }

// cosmetic says whether line hides parts of pages.
func cosmetic(line []byte) bool {
	for _, mark := range []string{"##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "$$"} {
		if bytes.Contains(line, []byte(mark)) {
			return true
		}
	}
	return false
}

// leadsNowhere says whether names with this address are as good as refused.
func leadsNowhere(address string) bool {
	switch address {
	case "0.0.0.0", "127.0.0.1", "::", "::1", "0", "0:0:0:0:0:0:0:0", "0:0:0:0:0:0:0:1":
		return true
	}
	return false
}

// ownName says whether name is one that hosts files give the machine itself.
func ownName(name string) bool {
	switch name {
	case "localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0",
		"ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
		"ip6-allnodes", "ip6-allrouters", "ip6-allhosts":
		return true
	}
	return false
}
