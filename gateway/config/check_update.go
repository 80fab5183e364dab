package config

import (
	"strings"

	"monban/dnsfilter/subscribe"
)

// Update is where new versions of the box's own software come from, and when
// it may restart into one that was approved.
type Update struct {
	Address  string // https, without a slash at its end; empty: nobody is asked
	From, To int    // minutes of the day, as of Schedule
}

func (f *faults) update(w fileUpdate) Update {
	u := Update{Address: strings.TrimRight(w.Address, "/"), From: f.clock("update.from", w.From), To: f.clock("update.to", w.To)}
	// A name of a file is put to its end.
	if w.Address != "" && (!subscribe.CheckURL(w.Address) || strings.Contains(w.Address, "?")) {
		f.add("update.address", "config.update_address", "value", show(w.Address))
	}
	if u.From == 24*60 {
		f.add("update.from", "config.clock", "value", w.From)
	} else if u.From == u.To {
		f.add("update.to", "config.schedule_empty")
	}
	return u
}
