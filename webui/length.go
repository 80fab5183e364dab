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
	for _, one := range strings.FieldsFunc(norm.NFKC.String(s), func(r rune) bool {
		return strings.ContainsRune(",、;\t\r\n ", r)
	}) {
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
