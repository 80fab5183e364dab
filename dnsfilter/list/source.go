package list

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"monban/gateway/text"
)

// A Source is one list to read.
type Source struct {
	Name   string    // required; what people call the list
	Text   io.Reader // required
	Limit  int64     // bytes; 0 means DefaultLimit
	Format Format    // Auto finds out
	// Stamp is what the caller knows this state of the list by; it is kept
	// with the Report, in the compiled file, too.
	Stamp string
}

// DefaultLimit is how many bytes a list may have.
const DefaultLimit = 256 << 20

// A Report tells what reading one source gave.
type Report struct {
	Name   string
	Stamp  string `json:",omitempty"`
	Format Format // as found, or as asked for
	Lines  int    // all of them
	Names  int    // names taken, repeats and exceptions included
	// Exceptions are those of Names that lift a refusal.
	Exceptions int
	Bad        int   // lines with something that makes no sense
	First      []int // line numbers of the first bad ones
	// Patterns are those of Names that are no names: rules with stars, regular
	// expressions.
	Patterns int `json:",omitempty"`
	// Unusable are lines that make sense, but say what a resolver cannot keep to:
	// part of a page's address, an address to answer with, a pattern that costs
	// too much. They are left out whole.
	Unusable      int
	FirstUnusable []int
}

const (
	maxBytesOfLine = 8 << 10
	firstKept      = 20
	headBytes      = 64 << 10 // by which a list is known
)

// Add reads src. Rubbish and what cannot be used is counted with its line
// number and skipped. A source that cannot be read to its end, is too big, or
// is no list at all is left out as a whole: the error is a *text.Fault
// (list.empty, list.html, list.binary, list.no_names, list.too_big,
// dns.list_unreadable, dns.too_many_lists) and the Builder is as before.
func (b *Builder) Add(src Source) (Report, error) { return b.take(src, false) }

// AddHosts is Add for names of our own in the hosts format, of which there may
// be none at all.
func (b *Builder) AddHosts(src Source) (Report, error) {
	src.Format = Hosts
	return b.take(src, true)
}

func (b *Builder) take(src Source, none bool) (Report, error) {
	if src.Limit == 0 {
		src.Limit = DefaultLimit
	}
	r := reading{b: b, report: Report{Name: src.Name, Stamp: src.Stamp, Format: src.Format}, source: class(len(b.sources)) << flagBits, none: none}
	if len(b.sources) == maxSources {
		return r.report, text.NewFault("dns.too_many_lists", "max", maxSources)
	}
	before, table := b.count, b.table
	if err := r.read(src); err != nil {
		b.cut(before, table)
		return r.report, err
	}
	b.sources = append(b.sources, r.report)
	return r.report, nil
}

// reading is one source on its way into b.
type reading struct {
	b      *Builder
	report Report
	source class            // without flags
	none   bool             // it may be empty
	name   []byte           // the canonical name at hand
	full   error            // why b takes no more
	zone   zone             // for RPZ
	limit  limit            // of the line at hand
	about  map[string]uint8 // how many lines with limits there are about a name
}

// A result is what became of a line.
type result uint8

const (
	fine result = iota
	unusable
	bad // worse wins when a line has several
)

var errTooBig = errors.New("too big")

func (r *reading) read(src Source) error {
	limited := &io.LimitedReader{R: src.Text, N: src.Limit + 1}
	in := bufio.NewReaderSize(limited, headBytes)
	head, err := in.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return text.NewFault("dns.list_unreadable", "list", src.Name).Because(err)
	}
	if code := noList(head); code != "" && !(code == "list.empty" && r.none) {
		return text.NewFault(code, "list", src.Name)
	}
	if r.report.Format == Auto {
		r.report.Format = detect(head)
	}
	parse := r.parser()
	for err = nil; err == nil && r.full == nil && limited.N > 0; {
		var line []byte
		line, err = in.ReadSlice('\n')
		whole := len(line) <= maxBytesOfLine
		for errors.Is(err, bufio.ErrBufferFull) { // skip the rest of it
			line, err = in.ReadSlice('\n')
			whole = false
		}
		if len(line) > 0 && !r.line(line, whole, parse) {
			return text.NewFault("list.binary", "list", src.Name)
		}
	}
	switch {
	case limited.N <= 0, errors.Is(r.full, errTooBig):
		return text.NewFault("list.too_big", "list", src.Name, "mb", src.Limit>>20, "names", maxNames)
	case r.full != nil:
		return r.full
	case !errors.Is(err, io.EOF):
		return text.NewFault("dns.list_unreadable", "list", src.Name).Because(err)
	case r.report.Names == 0 && r.report.Bad+r.report.Unusable > 0:
		return text.NewFault("list.no_names", "list", src.Name)
	}
	return nil
}

// line takes one line, and counts it; false if no text has such a line.
func (r *reading) line(line []byte, whole bool, parse func([]byte) result) bool {
	if r.report.Lines == maxLine {
		r.full = errTooBig
		return true
	}
	r.report.Lines++
	if bytes.IndexByte(line, 0) >= 0 {
		return false
	}
	if r.report.Lines == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	what := bad
	r.limit = limit{}
	if whole {
		what = parse(line)
	}
	switch what {
	case bad:
		r.report.Bad++
		if len(r.report.First) < firstKept {
			r.report.First = append(r.report.First, r.report.Lines)
		}
	case unusable:
		r.report.Unusable++
		if len(r.report.FirstUnusable) < firstKept {
			r.report.FirstUnusable = append(r.report.FirstUnusable, r.report.Lines)
		}
	}
	return true
}

// put takes name with what the line says of it.
func (r *reading) put(name []byte, what class) result {
	var ok bool
	if r.name, ok = appendName(r.name[:0], name); !ok {
		return bad
	}
	if what&holdsBelow != 0 && bytes.Count(r.name, []byte(".")) >= maxDepth {
		return unusable // a look-up does not go that far down
	}
	if !r.limit.none() {
		return r.putLimited(what)
	}
	if r.full = r.b.add(r.name, r.source|what, r.report.Lines); r.full != nil {
		return fine
	}
	r.count(what)
	return fine
}

// putLimited takes the name at hand with the limit at hand.
func (r *reading) putLimited(what class) result {
	if r.about == nil {
		r.about = map[string]uint8{}
	}
	n := r.about[string(r.name)]
	if n == nameLimited { // each costs a comparison when the name is asked for
		return unusable
	}
	full, err := r.b.addLimited(r.name, r.source|what, r.report.Lines, &r.limit)
	switch {
	case err != nil:
		r.full = err
		return fine
	case full:
		return unusable
	}
	r.about[string(r.name)] = n + 1
	r.count(what)
	return fine
}

// putPattern takes a rule that is no name, with the limit at hand.
func (r *reading) putPattern(rule string, what class) result {
	p := pattern{At: atLine(r.source.source(), r.report.Lines), Says: what & flags, Text: rule}
	if err := r.b.addPattern(p, &r.limit); err != nil {
		if senseless(err) {
			return bad
		}
		return unusable
	}
	r.report.Patterns++
	r.count(what)
	return fine
}

func (r *reading) count(what class) {
	r.report.Names++
	if what&exception != 0 {
		r.report.Exceptions++
	}
}

// field returns the first word of line, and what follows it.
func field(line []byte) (word, rest []byte) {
	i := 0
	for i < len(line) && blank(line[i]) {
		i++
	}
	j := i
	for j < len(line) && !blank(line[j]) {
		j++
	}
	return line[i:j], line[j:]
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trim(line []byte) []byte { return bytes.Trim(line, " \t\r\n") }
