package querylog

import "math/bits"

// A tally adds records up: how often each device asked for each name in each
// hour, with each outcome. Its tables are used again.
type tally struct {
	names   *numbers
	devices *numbers
	results []result
	hours   []int64 // since 1970, UTC

	keys []uint64 // by hash: hour, device, name and result, by their numbers
	n    []uint32 // how often; 0: nothing is there
	used int
}

// A result is what a Count says of an outcome.
type result struct {
	verdict Verdict
	reason  string
}

// Bits of the numbers in a key. A batch adds at most slots of each, so that
// none overflows if it is emptied whenever it is full.
const (
	resultBits = 14
	deviceBits = 16
	nameBits   = 24
	hourBits   = 64 - resultBits - deviceBits - nameBits
)

func newTally() *tally {
	return &tally{names: newNumbers(), devices: newNumbers(), keys: make([]uint64, leastSlots), n: make([]uint32, leastSlots)}
}

// full says that t must be emptied before the next batch.
func (t *tally) full() bool {
	return t.names.len() > 1<<nameBits-2*slots || t.devices.len() > 1<<deviceBits-2*slots || len(t.results) > 1<<resultBits-slots-1
}

// result returns the number of an outcome: there are a few.
func (t *tally) result(v Verdict, reason string) uint64 {
	for i := range t.results {
		if r := &t.results[i]; r.verdict == v && r.reason == reason {
			return uint64(i)
		}
	}
	t.results = append(t.results, result{v, reason})
	return uint64(len(t.results) - 1)
}

// hour returns the number of an hour since 1970. There are one or two, unless
// the clock was set; if it was set all the time, the last holds the rest.
func (t *tally) hour(h int64) uint64 {
	for i := len(t.hours) - 1; i >= 0; i-- {
		if t.hours[i] == h {
			return uint64(i)
		}
	}
	if len(t.hours) < 1<<hourBits {
		t.hours = append(t.hours, h)
	}
	return uint64(len(t.hours) - 1)
}

// add counts one record, by the numbers of what it says.
func (t *tally) add(hour uint64, device, name uint32, result uint64) {
	key := hour<<(nameBits+deviceBits+resultBits) | uint64(name)<<(deviceBits+resultBits) | uint64(device)<<resultBits | result
	at := t.find(key)
	if t.n[at]++; t.n[at] > 1 {
		return
	}
	t.keys[at] = key
	if t.used++; 2*t.used > len(t.n) {
		t.grow()
	}
}

// find is key's place, or where it goes.
func (t *tally) find(key uint64) uint64 {
	mask := uint64(len(t.n) - 1)
	high, low := bits.Mul64(key, 0x9e3779b97f4a7c15) // 2⁶⁴ ÷ golden ratio
	at := (high ^ low>>32) & mask
	for t.n[at] != 0 && t.keys[at] != key {
		at = (at + 1) & mask
	}
	return at
}

func (t *tally) grow() {
	keys, n := t.keys, t.n
	t.keys, t.n = make([]uint64, 2*len(keys)), make([]uint32, 2*len(n))
	for i, k := range keys {
		if n[i] > 0 {
			at := t.find(k)
			t.keys[at], t.n[at] = k, n[i]
		}
	}
}

// record counts r.
func (t *tally) record(r *Record) {
	t.add(t.hour(r.At.UnixMilli()/hourMillis), t.devices.of([]byte(deviceOf(r.Owner, r.Client))), t.names.of([]byte(r.Name)), t.result(r.Verdict, r.Reason))
}

// counts returns the sums; next is the id after the last record in them.
func (t *tally) counts(next uint64) Counts {
	out := Counts{Next: next, All: make([]Count, 0, t.used)}
	devices := make([]string, t.devices.len())
	for i := range devices {
		devices[i] = string(t.devices.at(uint32(i)))
	}
	names := make([]string, t.names.len())
	for i := range names {
		names[i] = string(t.names.at(uint32(i)))
	}
	for i, k := range t.keys {
		if t.n[i] == 0 {
			continue
		}
		r := &t.results[k&(1<<resultBits-1)]
		out.All = append(out.All, Count{Hour: t.hours[k>>(64-hourBits)], Device: devices[k>>resultBits&(1<<deviceBits-1)],
			Name: names[k>>(deviceBits+resultBits)&(1<<nameBits-1)], Verdict: r.verdict, Reason: r.reason, N: uint64(t.n[i])})
	}
	return out
}

// reset forgets the sums; what a flood made big is given back.
func (t *tally) reset() {
	t.names.reset()
	t.devices.reset()
	clear(t.results) // so that no texts are kept alive
	t.results, t.hours, t.used = t.results[:0], t.hours[:0], 0
	if len(t.n) > leastSlots {
		t.keys, t.n = make([]uint64, leastSlots), make([]uint32, leastSlots)
	}
	clear(t.n)
}
