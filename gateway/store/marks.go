package store

import (
	"time"

	"monban/gateway/text"
)

// The serials of windows; 65535 is the self-test's canary.
const (
	firstMark = 1
	lastMark  = 65534
)

// markRest is how long a mark is not given again, so that what the kernel
// still remembers of a window is never taken for another's.
const markRest = 24 * time.Hour

// NextMark gives the next serial, 1…65534 in turn, in the transaction that
// says opening. It skips live, the marks the kernel still knows, and those
// given less than markRest before now; one given after now (the clock was set
// back) counts as just given. If none is left the Fault is store.no_mark.
func (tx *Tx) NextMark(now time.Time, live []uint32) (uint16, error) {
	resting, err := collect(tx.ctx, tx.tx, "reading marks", func(row scanner) (uint32, error) {
		var m uint32
		return m, row.Scan(&m)
	}, "SELECT mark FROM mark WHERE given > ?", now.Add(-markRest).UnixMilli())
	if err != nil {
		return 0, err
	}
	taken := make(map[uint32]bool, len(resting)+len(live))
	for _, m := range append(resting, live...) {
		taken[m] = true
	}
	var last uint32
	if err := tx.tx.QueryRowContext(tx.ctx, "SELECT value FROM counter WHERE name = 'mark'").Scan(&last); err != nil {
		return 0, err
	}
	for range lastMark {
		if last++; last > lastMark {
			last = firstMark
		}
		if taken[last] {
			continue
		}
		if _, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO mark (mark, given) VALUES (?, ?)
			ON CONFLICT (mark) DO UPDATE SET given = excluded.given`, last, now.UnixMilli()); err != nil {
			return 0, err
		}
		_, err := tx.tx.ExecContext(tx.ctx, "UPDATE counter SET value = ? WHERE name = 'mark'", last)
		return uint16(last), err
	}
	return 0, text.NewFault("store.no_mark")
}
