package list

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A limit is what a rule says of when it holds, besides of which names. The
// zero limit holds always.
type limit struct {
	Types, NotTypes     []uint16       `json:",omitempty"` // of records asked for; none: all
	Clients, NotClients []netip.Prefix `json:",omitempty"`
	Devices, NotDevices []string       `json:",omitempty"` // short names, lower case
	Except              []string       `json:",omitempty"` // names it does not hold for, with all below them
}

// A limited is an entry whose line says more of when it holds. Its class says
// no more than that it is one; there may be few classes.
type limited struct {
	At    uint32 // source and line: see atLine
	Says  class  // flags
	Limit uint32 // index into limits
}

const (
	lineLimited = 1 << 16 // lines with limits, of all lists
	nameLimited = 32      // lines with limits about one name, of one list
	limitItems  = 64      // of one line
	limitBytes  = 1 << 20 // all limits take, about
)

func atLine(source, line int) uint32 { return uint32(source)<<lineBits | uint32(line) }

func (m *limit) none() bool {
	return len(m.Types)+len(m.NotTypes)+len(m.Clients)+len(m.NotClients)+len(m.Devices)+len(m.NotDevices)+len(m.Except) == 0
}

// size is about how many bytes m takes.
func (m *limit) size() int {
	n := 256 + 2*len(m.Types) + 2*len(m.NotTypes) + 32*(len(m.Clients)+len(m.NotClients))
	for _, all := range [][]string{m.Devices, m.NotDevices, m.Except} {
		for _, s := range all {
			n += 16 + len(s)
		}
	}
	return n
}

func (m *limit) items() int {
	return len(m.Types) + len(m.NotTypes) + len(m.Clients) + len(m.NotClients) + len(m.Devices) + len(m.NotDevices) + len(m.Except)
}

// sound says whether Write could have written m.
func (m *limit) sound() bool {
	for _, all := range [][]netip.Prefix{m.Clients, m.NotClients} {
		if slices.ContainsFunc(all, func(p netip.Prefix) bool { return !p.IsValid() }) {
			return false
		}
	}
	return m.items() <= limitItems
}

// key is the same for limits that say the same. Names of devices may hold what
// stands between them elsewhere, so they are quoted.
func (m *limit) key() string {
	return fmt.Sprintf("%d %d %v %v %q %q %q", m.Types, m.NotTypes, m.Clients, m.NotClients, m.Devices, m.NotDevices, m.Except)
}

// holds says whether a rule with this limit holds for q. Asked about any type
// or anyone, a refusal holds if it does for one, and an exception if it does for
// all: what is refused for any is then said to be refused.
func (m *limit) holds(q *Query, except bool) bool {
	switch {
	case q.Type == 0:
		if except && len(m.Types)+len(m.NotTypes) > 0 {
			return false
		}
	case slices.Contains(m.NotTypes, q.Type), len(m.Types) > 0 && !slices.Contains(m.Types, q.Type):
		return false
	}
	switch some := len(m.Clients) + len(m.Devices); {
	case q.Anyone:
		if except && some+len(m.NotClients)+len(m.NotDevices) > 0 {
			return false
		}
	case m.names(q, m.NotClients, m.NotDevices), some > 0 && !m.names(q, m.Clients, m.Devices):
		return false
	}
	for _, zone := range m.Except {
		if strings.HasSuffix(q.Name, zone) && (len(q.Name) == len(zone) || q.Name[len(q.Name)-len(zone)-1] == '.') {
			return false
		}
	}
	return true
}

// names says whether q's client is among these.
func (m *limit) names(q *Query, clients []netip.Prefix, devices []string) bool {
	for _, p := range clients {
		if p.Contains(zoneless(q.Client)) {
			return true
		}
	}
	return q.Device != "" && slices.Contains(devices, q.Device)
}

// limitOf is what is said at p, which is of a class with underLimit.
func (l *List) limitOf(p place) (class, *limit) {
	at := atLine(l.classes[p>>lineBits].source(), int(p&maxLine))
	lo, hi := 0, len(l.limited)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if l.limited[mid].At < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	x := &l.limited[lo] // sound sees to it that it is there
	return x.Says, &l.limits[x.Limit]
}

// zoneless is a without what a client's own link adds.
func zoneless(a netip.Addr) netip.Addr {
	if a.Zone() == "" {
		return a
	}
	return a.WithZone("")
}
