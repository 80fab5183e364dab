package webui

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"monban/gateway/text"
	"monban/gateway/window"
)

// presets are the lengths to pick from. The domain allows 1 s to 8 h; what is
// not here is typed into the field beside them.
var presets = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

var lengthPart = regexp.MustCompile(`^(\d{1,6})(時間|分|秒|hours?|hr?s?|minutes?|mins?|m|seconds?|secs?|s|h)?`)

// parseLength reads a length as people write it: 20s, 45m, 1h30m, 90分,
// 1時間30分, full-width or not. A number alone is minutes, as a receptionist
// would mean it. The error is a Fault on "length_other".
func parseLength(s string) (time.Duration, error) {
	rest := strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(s)), ""))
	bad := text.NewFault("page.length.unreadable", "text", plain(s)).On("length_other")
	var sum time.Duration
	last := 24 * time.Hour
	for first := true; rest != ""; first = false {
		m := lengthPart.FindStringSubmatch(rest)
		if m == nil || (m[2] == "" && (!first || len(m[0]) != len(rest))) {
			return 0, bad
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, bad
		}
		unit := unitOf(m[2])
		if unit >= last { // 30m1h, 5m5m
			return 0, bad
		}
		sum, last, rest = sum+time.Duration(n)*unit, unit, rest[len(m[0]):]
	}
	switch {
	case last == 24*time.Hour:
		return 0, bad
	case sum < window.MinLength || sum > window.MaxLength:
		return 0, text.NewFault("page.length.range").On("length_other")
	}
	return sum, nil
}

func unitOf(s string) time.Duration {
	switch {
	case s == "時間" || strings.HasPrefix(s, "h"):
		return time.Hour
	case s == "秒" || strings.HasPrefix(s, "s"):
		return time.Second
	}
	return time.Minute
}

// parsePorts reads ports as people list them: "3389, 500/udp".
func parsePorts(s string) ([]window.Port, error) {
	var all []window.Port
	for _, one := range listed(s) {
		p, err := window.ParsePort(one)
		if err != nil {
			return nil, text.NewFault("page.port.unreadable", "text", plain(one)).On("ports")
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, text.NewFault("page.port.none").On("ports")
	}
	return all, nil
}

// parseTargets reads addresses to dial as people list them:
// "203.0.113.5:4500/udp, 203.0.113.6:443".
func parseTargets(s string) ([]window.Target, error) {
	var all []window.Target
	for _, one := range listed(s) {
		t, err := window.ParseTarget(one)
		if err != nil {
			return nil, text.NewFault("page.target.unreadable", "text", plain(one)).On("targets")
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, text.NewFault("page.target.none").On("targets")
	}
	return all, nil
}

// listed splits what people separate by commas or spaces, full-width or not.
func listed(s string) []string {
	return strings.FieldsFunc(norm.NFKC.String(s), func(r rune) bool { return strings.ContainsRune(",、;\t\r\n ", r) })
}

// starts are the ways people write a moment. A year or a day that is left out
// is the next that fits.
var starts = []struct {
	layout string
	lacks  string // "year", "day" or nothing
}{
	{"2006-1-2T15:4", ""}, {"2006-1-2T15:4:5", ""}, {"2006-1-2 15:4", ""}, {"2006/1/2 15:4", ""}, {"2006年1月2日 15:4", ""}, {"2006年1月2日 15時4分", ""},
	{"2006年1月2日 15時", ""}, {"1-2 15:4", "year"}, {"1/2 15:4", "year"}, {"1月2日 15:4", "year"}, {"1月2日 15時4分", "year"}, {"1月2日 15時", "year"},
	{"15:4", "day"}, {"15時4分", "day"}, {"15時", "day"},
}

// parseStart reads when a window is to open, in the zone of now; empty is the
// zero time, on approval. The error is a Fault on "start".
func parseStart(s string, now time.Time) (time.Time, error) {
	s = strings.Join(strings.Fields(strings.ReplaceAll(norm.NFKC.String(s), "日", "日 ")), " ")
	if s == "" {
		return time.Time{}, nil
	}
	for _, f := range starts {
		t, err := time.ParseInLocation(f.layout, s, now.Location())
		if err != nil {
			continue
		}
		switch f.lacks {
		case "year":
			t = time.Date(now.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
			if t.Before(now.AddDate(0, -6, 0)) { // in December, 1/7 is in the next year
				t = t.AddDate(1, 0, 0)
			}
		case "day":
			t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
			if t.Before(now) {
				t = t.AddDate(0, 0, 1)
			}
		}
		if !t.After(now) {
			return time.Time{}, text.NewFault("page.start.past").On("start")
		}
		return t, nil
	}
	return time.Time{}, text.NewFault("page.start.unreadable", "text", plain(s)).On("start")
}
