package list

import "bytes"

// dnsmasq takes a line of a dnsmasq configuration. A name stands for all below
// it as well; one given to the usual servers (#) is an exception. Names that
// are sent to a server or given an address that leads somewhere are no
// refusals and unusable, as are all other options.
func (r *reading) dnsmasq(line []byte) result {
	line = trim(line)
	for _, comment := range []string{" #", "\t#"} {
		if i := bytes.Index(line, []byte(comment)); i >= 0 {
			line = trim(line[:i])
		}
	}
	if len(line) == 0 || line[0] == '#' {
		return fine
	}
	option, value, ok := bytes.Cut(line, []byte("="))
	value = trim(value)
	if !ok || len(value) == 0 || value[0] != '/' {
		return r.other(option)
	}
	end := bytes.LastIndexByte(value, '/')
	target := string(value[end+1:])
	if end == 0 {
		return bad
	}
	what := holdsSelf | holdsBelow
	switch option := string(trim(option)); {
	case option == "address" && (target == "" || target == "#" || leadsNowhere(target)):
	case (option == "server" || option == "local") && target == "":
	case (option == "server" || option == "local") && target == "#":
		what |= exception
	default:
		return unusable
	}
	out := fine
	for name := range bytes.SplitSeq(value[1:end], []byte("/")) {
		out = max(out, r.domains(name, what))
	}
	return out
}

// domains takes one name between the slashes.
func (r *reading) domains(name []byte, what class) result {
	if below, ok := bytes.CutPrefix(name, []byte("*.")); ok {
		name, what = below, what&^holdsSelf
	}
	name = bytes.TrimLeft(name, ".") // "implied", says dnsmasq
	// None at all is names without a dot, # is every name, a star ends of names.
	if len(name) == 0 || string(name) == "#" || bytes.IndexByte(name, '*') >= 0 {
		return unusable
	}
	return r.put(name, what)
}

// other says what a line is that is about no names.
func (r *reading) other(option []byte) result {
	for _, c := range trim(option) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return bad
		}
	}
	return unusable
}
