package text

import (
	"fmt"
	"strings"
	"time"
)

var weekdays = [...]string{"日", "月", "火", "水", "木", "金", "土"}

// When writes a moment in the zone t is in: 2026年11月21日(土) 18:40:05, or the
// same in English.
func (l Lang) When(t time.Time) string {
	if l == EN {
		return t.Format("Mon 2 Jan 2006 15:04:05")
	}
	return fmt.Sprintf("%d年%d月%d日(%s) %s", t.Year(), t.Month(), t.Day(), weekdays[t.Weekday()], t.Format("15:04:05"))
}

// Span writes a length in words, to the second and without its empty parts.
func (l Lang) Span(d time.Duration) string {
	d = d.Round(time.Second)
	var parts []string
	for _, u := range []struct {
		of     time.Duration
		ja, en string
	}{{time.Hour, "時間", " h"}, {time.Minute, "分", " min"}, {time.Second, "秒", " s"}} {
		n := d / u.of
		if n <= 0 && (u.of != time.Second || len(parts) > 0) {
			continue
		}
		n = max(n, 0)
		d -= n * u.of
		if l == EN {
			parts = append(parts, fmt.Sprint(int64(n), u.en))
		} else {
			parts = append(parts, fmt.Sprint(int64(n), u.ja))
		}
	}
	if l == EN {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, "")
}
