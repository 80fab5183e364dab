package list

import (
	"bufio"
	"errors"
	"io"

	"monban/gateway/text"
)

// A Source is one list to read.
type Source struct {
	Name  string    // required; what people call the list
	Text  io.Reader // required
	Limit int64     // bytes; 0 means DefaultLimit
}

// DefaultLimit is how many bytes a list may have.
const DefaultLimit = 256 << 20

// A Report tells what reading one source gave.
type Report struct {
	Name  string
	Lines int   // all of them
	Names int   // names taken, repeats included
	Bad   int   // lines with something that is neither name nor comment
	First []int // line numbers of the first bad ones
}

const (
	maxBytesOfLine = 8 << 10
	firstBad       = 20
)

// AddHosts reads src in the hosts format: an address that leads nowhere
// (0.0.0.0, ::, 127.0.0.1 …) and names, # begins a comment. Rubbish is counted
// with its line number and skipped. A source that cannot be read to its end,
// is too big, or is no hosts file at all (a web page, say) is left out as a
// whole: the error is a *text.Fault and the Builder is as before.
func (b *Builder) AddHosts(src Source) (Report, error) {
	if src.Limit == 0 {
		src.Limit = DefaultLimit
	}
	h := hosts{b: b, report: Report{Name: src.Name}, source: len(b.sources)}
	if h.source == maxSources {
		return h.report, text.NewFault("dns.too_many_lists", "max", maxSources)
	}
	before := b.count
	if err := h.read(src); err != nil {
		b.cut(before)
		return h.report, err
	}
	if h.report.Names == 0 && h.report.Bad > 0 {
		return h.report, text.NewFault("dns.list_not_hosts", "list", src.Name)
	}
	b.sources = append(b.sources, h.report)
	return h.report, nil
}

type hosts struct {
	b      *Builder
	report Report
	source int
	name   []byte // the canonical name at hand
	full   bool   // the Builder takes no more
}

func (h *hosts) read(src Source) error {
	limited := &io.LimitedReader{R: src.Text, N: src.Limit + 1}
	r := bufio.NewReaderSize(limited, maxBytesOfLine)
	for {
		line, err := r.ReadSlice('\n')
		tooLong := false
		for errors.Is(err, bufio.ErrBufferFull) { // skip the rest of it
			tooLong = true
			_, err = r.ReadSlice('\n')
		}
		if len(line) > 0 {
			h.report.Lines++
			if tooLong || !h.line(line) {
				h.bad()
			}
		}
		switch {
		case h.full, limited.N <= 0:
			return text.NewFault("dns.list_too_big", "list", src.Name, "mb", src.Limit>>20, "names", maxNames)
		case err == io.EOF:
			return nil
		case err != nil:
			return text.NewFault("dns.list_unreadable", "list", src.Name).Because(err)
		}
	}
}

func (h *hosts) bad() {
	h.report.Bad++
	if len(h.report.First) < firstBad {
		h.report.First = append(h.report.First, h.report.Lines)
	}
}

// line takes the names of one line; false if anything on it is rubbish.
func (h *hosts) line(line []byte) bool {
	if h.report.Lines == 1 && len(line) >= 3 && string(line[:3]) == "\ufeff" {
		line = line[3:]
	}
	address, rest := field(line)
	if len(address) == 0 {
		return true
	}
	nowhere, good, names := leadsNowhere(string(address)), true, 0
	for {
		var name []byte
		if name, rest = field(rest); len(name) == 0 {
			return good && names > 0
		}
		names++
		if ownName(string(name)) {
			continue // every hosts file has them
		}
		var ok bool
		if h.name, ok = appendName(h.name[:0], name); !ok || !nowhere {
			good = false
			continue
		}
		if !h.b.add(string(h.name), newPlace(h.source, h.report.Lines)) {
			h.full = true
			return true
		}
		h.report.Names++
	}
}

// field returns the first word of line, and what follows it; a comment ends
// the line.
func field(line []byte) (word, rest []byte) {
	i := 0
	for i < len(line) && blank(line[i]) {
		i++
	}
	j := i
	for j < len(line) && !blank(line[j]) && line[j] != '#' {
		j++
	}
	if j < len(line) && line[j] == '#' {
		return line[i:j], nil
	}
	return line[i:j], line[j:]
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// leadsNowhere says whether a hosts line with this address refuses its names.
// With any other address it would give them one, which a block list has no
// business to.
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
