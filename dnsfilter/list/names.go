package list

import (
	"bytes"
	"net/netip"
	"slices"
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
// a dot begins it, or whole names with stars in them. Single words are no names here: a page that says
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
	if what := r.put(name, holdsSelf); what == fine || !looksOdd(name) {
		return what
	}
	if bytes.IndexByte(name, '*') < 0 {
		return unusable
	}
	return r.odd(slices.Concat([]byte("|"), name, []byte("|")), 0) // nothing says that more may follow
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

// rule takes an AdBlock rule as AdGuard's resolvers understand it. What no
// resolver can keep to is unusable: parts of addresses, rules for pages.
func (r *reading) rule(line []byte) result {
	var what class
	if rest, ok := bytes.CutPrefix(line, []byte("@@")); ok {
		line, what = rest, exception
	}
	if len(line) == 0 {
		return bad
	}
	if line[0] != '/' && cosmetic(line) {
		return unusable
	}
	body, written, has, ok := cutModifiers(line)
	if !ok {
		return unusable
	}
	if has {
		m, ok := modify(written)
		if !ok {
			return unusable
		}
		what |= m.what
		r.limit = m.limit
	}
	if line[0] == '/' {
		return r.putPattern(string(body), what)
	}
	return r.ruleOf(body, what, has)
}

// ruleOf takes a rule without what stands before and behind it.
func (r *reading) ruleOf(whole []byte, what class, has bool) result {
	body := whole
	switch {
	case bytes.HasPrefix(body, []byte("||*.")):
		body, what = body[4:], what|holdsBelow
	case bytes.HasPrefix(body, []byte("||")):
		body, what = body[2:], what|holdsSelf|holdsBelow
	case bytes.HasPrefix(body, []byte("*.")):
		body, what = body[2:], what|holdsBelow
	case bytes.HasPrefix(body, []byte("|")):
		body, what = body[1:], what|holdsSelf
	case what&exception == 0 && has && !looksOdd(body):
		// A plain name with modifiers holds itself.
		return r.put(body, what|holdsSelf)
	default:
		return r.odd(whole, what)
	}
	name := bytes.TrimSuffix(body, []byte("|"))
	if name = bytes.TrimSuffix(name, []byte("^")); len(name) == len(body) &&
		(what&holdsBelow == 0 || bytes.IndexByte(name, '.') < 0 || name[len(name)-1] == '.') {
		return r.odd(whole, what) // part of a name
	}
	if what := r.put(name, what); what != bad {
		return what
	}
	return r.odd(whole, what)
}

// odd takes a rule about s, which is no name: a pattern of names, or it says
// what is wrong.
func (r *reading) odd(s []byte, what class) result {
	bare := bytes.Trim(s, "|^")
	if _, err := netip.ParseAddr(string(bare)); err == nil {
		return unusable
	}
	if bytes.ContainsAny(s, "*^|") && r.putPattern(string(s), what&^(holdsSelf|holdsBelow)) == fine {
		return fine
	}
	if looksOdd(bare) {
		return unusable
	}
	if _, ok := appendName(r.name[:0], bare); ok {
		return unusable // part of a name
	}
	return bad
}

// looksOdd says whether s has signs of patterns and addresses of pages.
func looksOdd(s []byte) bool { return !bytes.ContainsAny(s, " <>") && bytes.ContainsAny(s, "*/^|=?&:") }

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
