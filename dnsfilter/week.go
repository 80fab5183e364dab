package dnsfilter

import "time"

// A Zone is a time zone made ready for many look-ups: its shifts are listed
// once, so that a question costs no walk through the zone's rules. It holds
// for all times, and no clock has a say in it: whatever time it is asked
// about, it answers for that one. A nil Zone is UTC.
type Zone struct {
	place  *time.Location
	shifts []shift // in order; the first begins at listedFrom
}

// A shift is an offset from UTC and since when it holds.
type shift struct {
	from   int64 // seconds since 1970
	offset int64 // seconds
}

// The shifts of these years are listed; other times are looked up in place.
const (
	listedFrom = 1577836800 // 2020
	listedTo   = 3155760000 // 2070
)

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

// NewZone returns place as a Zone.
func NewZone(place *time.Location) *Zone {
	z := &Zone{place: place}
	for t := time.Unix(listedFrom, 0).In(place); t.Unix() < listedTo; {
		_, offset := t.Zone()
		if n := len(z.shifts); n == 0 || z.shifts[n-1].offset != int64(offset) {
			z.shifts = append(z.shifts, shift{t.Unix(), int64(offset)})
		}
		switch _, end := t.ZoneBounds(); {
		case end.IsZero():
			return z
		case end.After(t):
			t = end
		default:
			t = t.Add(24 * time.Hour) // at the end of some leap years ZoneBounds stands still
		}
	}
	return z
}

// offset is how many seconds the clocks of z are ahead of UTC at that time.
func (z *Zone) offset(at time.Time) int64 {
	if z == nil {
		return 0
	}
	sec := at.Unix()
	if sec < listedFrom || sec >= listedTo || len(z.shifts) == 0 {
		if z.place == nil {
			return 0
		}
		_, offset := at.In(z.place).Zone()
		return int64(offset)
	}
	lo, hi := 0, len(z.shifts) // the last that is not later than sec is in [lo, hi)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; z.shifts[mid].from <= sec {
			lo = mid
		} else {
			hi = mid
		}
	}
	return z.shifts[lo].offset
}

// Minute is the minute of the week the clocks of z show, from 0 (Sunday 0:00)
// on.
func (z *Zone) Minute(at time.Time) int {
	const thursday = 4 * minutesOfDay // 1970 began on one
	m := (floorDiv(at.Unix()+z.offset(at), 60) + thursday) % minutesOfWeek
	if m < 0 {
		m += minutesOfWeek
	}
	return int(m)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Days are days of the week; bit i is that of time.Weekday(i).
type Days uint8

// EveryDay is all of them.
const EveryDay Days = 1<<7 - 1

// Has says whether d holds day.
func (d Days) Has(day time.Weekday) bool { return d>>day&1 != 0 }

// Hours are some hours of a week, by the clocks of a place. An hour that the
// clocks go through twice holds twice, one they leave out does not come.
type Hours struct {
	Days Days // on which they begin
	// From and To are minutes of the day, 0 to 1440. To is no part of the
	// hours; unless it is greater than From it is of the day after.
	From, To int
}

// Hold says whether a minute of the week (see Zone.Minute) is one of them.
func (h Hours) Hold(minute int) bool {
	day, m := minute/minutesOfDay, minute%minutesOfDay
	if h.From < h.To {
		return h.From <= m && m < h.To && h.Days>>day&1 != 0
	}
	return m >= h.From && h.Days>>day&1 != 0 || m < h.To && h.Days>>((day+6)%7)&1 != 0
}
