package dnsfilter

import "net/netip"

// A Refusal is how refused names are answered. The zero Refusal, like none at
// all: 0.0.0.0 and ::, no data for other types.
type Refusal struct {
	NoName bool // there is no such name, for all types
	// Page4 and Page6 are addresses of ours, with a page that says why. They are
	// for what people have chosen to refuse; programs that try what nobody may
	// get nowhere at once. Type A or AAAA without such an address is no data, so
	// that a browser takes the other one.
	Page4, Page6 netip.Addr
}

// Page says whether d leads to a page that says why.
func (d *Decision) Page() bool {
	return d.As != nil && !d.As.NoName && (d.As.Page4.IsValid() || d.As.Page6.IsValid()) && (d.Reason == Listed || d.Reason == Denied)
}

// NoSuchName says whether d is answered as if there were no such name.
func (d *Decision) NoSuchName() bool { return d.As != nil && d.As.NoName }
