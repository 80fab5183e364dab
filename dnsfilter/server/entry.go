package server

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	longestTTL  = 24 * 3600 // seconds; RFC 8767 asks for a cap
	longestNo   = 3600      // … of a negative answer, RFC 2308 section 5
	failureTTL  = 5         // … of a failure to resolve, RFC 9520
	staleTTL    = 30        // what a stale answer says, RFC 8767 section 4
	staleFor    = 24 * time.Hour
	retryStale  = 30 * time.Second // pause before a failed refresh is tried again
	hotHits     = 3                // asked for so often, a name is fetched again before it ends
	entryWeight = 320              // bytes an entry takes beside its slices, about
)

// An entry is an upstream's answer, ready to be copied out. It does not change
// but for its counters, so readers need no lock.
type entry struct {
	wire   []byte   // the message without OPT record: id 0, name in lower case
	ttls   []uint16 // where in wire the TTLs stand
	size   uint16   // of the question's name
	typ    uint16
	do, cd bool
	group  uint8  // of resolvers that said it
	ttl    uint32 // seconds it may be kept; 0: not at all
	failed bool   // it says that the name could not be resolved
	extra  extra  // the upstream's extended error

	aliases []string     // names the answer leads over, canonical
	addrs   []netip.Addr // addresses in it

	stored  time.Duration // when, on the server's clock
	hits    atomic.Uint32
	retryAt atomic.Int64 // no refresh before this, on the server's clock
}

// is says whether e answers q.
func (e *entry) is(q *question) bool {
	return e.size == q.size && e.typ == q.typ && e.group == q.group && e.do == q.do && e.cd == (q.flags&bitCD != 0) &&
		string(e.wire[headerSize:headerSize+int(e.size)]) == string(q.wire())
}

func (e *entry) weight() int {
	n := entryWeight + cap(e.wire) + 2*cap(e.ttls) + 24*cap(e.addrs)
	for _, a := range e.aliases {
		n += 16 + len(a)
	}
	return n
}

// left is what remains of e's life, negative once it is stale.
func (e *entry) left(now time.Duration) time.Duration {
	return time.Duration(e.ttl)*time.Second - (now - e.stored)
}

// fading says whether e is in the last tenth of its life.
func (e *entry) fading(now time.Duration) bool {
	return e.left(now) < time.Duration(e.ttl)*time.Second/10
}

// write answers q with e: the stored message under the client's id, with its
// spelling of the name and with TTLs that count down.
func (e *entry) write(dst []byte, q *question, now time.Duration, stale bool, limit int) []byte {
	r := reply{b: append(dst[:0], e.wire...), q: q}
	said := e.extra
	age := uint32((now - e.stored) / time.Second)
	for _, at := range e.ttls {
		ttl := r.b[at : at+4]
		switch was := binary.BigEndian.Uint32(ttl); {
		case stale:
			binary.BigEndian.PutUint32(ttl, staleTTL)
		case was > age:
			binary.BigEndian.PutUint32(ttl, was-age)
		default:
			binary.BigEndian.PutUint32(ttl, 0)
		}
	}
	if stale {
		said = extra{code: dns.ExtendedErrorCodeStaleAnswer}
		if r.b[3]&maskRcode == dns.RcodeNameError {
			said.code = dns.ExtendedErrorCodeStaleNXDOMAINAnswer
		}
	}
	copy(r.b[headerSize:], q.asked[:q.size])
	r.an, r.ns = binary.BigEndian.Uint16(r.b[6:]), binary.BigEndian.Uint16(r.b[8:])
	return r.finish(int(r.b[3]&maskRcode), said, limit)
}

// newEntry packs m, which tidy has made.
func newEntry(m *dns.Msg, q *question) (*entry, error) {
	wire, ttls, err := packMessage(m)
	if err != nil {
		return nil, err
	}
	e := &entry{
		wire: wire, ttls: ttls,
		size: q.size, typ: q.typ, do: q.do, cd: q.flags&bitCD != 0, group: q.group, extra: noExtra(),
	}
	copy(e.wire[headerSize:], q.wire())
	return e, nil
}

// packMessage writes m, and where its TTLs stand.
func packMessage(m *dns.Msg) (wire []byte, ttls []uint16, err error) {
	if wire, ttls, ok := packPlain(m); ok {
		return wire, ttls, nil
	}
	m.Compress = true
	b, err := m.Pack()
	if err == nil {
		// Package dns reads data that ends too soon as if names were left
		// out, and writes it so that nobody can read it.
		err = new(dns.Msg).Unpack(b)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(b) > maxMessage {
		return nil, nil, errTooLong
	}
	ttls, err = findTTLs(b, len(m.Answer)+len(m.Ns))
	return append(make([]byte, 0, len(b)), b...), ttls, err
}

// findTTLs walks over the records of a message that package dns has packed.
func findTTLs(wire []byte, records int) ([]uint16, error) {
	at := headerSize + skipName(wire[headerSize:]) + 4
	ttls := make([]uint16, records)
	for i := range ttls {
		n := skipName(wire[min(at, len(wire)):])
		if n == 0 || at+n+10 > len(wire) {
			return nil, errTooLong
		}
		ttls[i] = uint16(at + n + 4)
		at += n + 10 + int(binary.BigEndian.Uint16(wire[at+n+8:]))
	}
	return ttls, nil
}
