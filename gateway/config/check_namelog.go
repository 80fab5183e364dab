package config

// A RefuseWith is how names that lists and people refuse are answered.
type RefuseWith string

// The ways to refuse a name. None is ever empty.
const (
	WithZero   RefuseWith = "zero"     // 0.0.0.0 and ::
	WithNoName RefuseWith = "nxdomain" // there is no such name
	WithPage   RefuseWith = "page"     // our own LAN address, where a page says why
)

// A NameLog is what is kept of who asked for which name.
type NameLog struct {
	Days int  // 0: nothing is kept
	Mask bool // names are kept so that nobody can read them
}

const mostLogDays = 395 // as long as the statistics

func (f *faults) refuseWith(path, s string) RefuseWith {
	switch w := RefuseWith(s); w {
	case WithZero, WithNoName, WithPage:
		return w
	}
	f.add(path, "config.refuse_with", "value", show(s))
	return WithZero
}

func (f *faults) nameLog(path string, w fileNameLog) NameLog {
	if w.Days < 0 || w.Days > mostLogDays {
		f.add(join(path, "days"), "config.log_days", "value", w.Days, "max", mostLogDays)
	}
	return NameLog{Days: int(w.Days), Mask: w.Mask}
}
