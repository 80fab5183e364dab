package text

import (
	"testing"
	"time"
)

func TestTimesInWords(t *testing.T) {
	at := time.Date(2027, 3, 2, 22, 0, 5, 6e8, time.FixedZone("JST", 9*3600))
	if ja, en := JA.When(at), EN.When(at); ja != "2027年3月2日(火) 22:00:05" || en != "Tue 2 Mar 2027 22:00:05" {
		t.Errorf("%q, %q", ja, en)
	}
	for d, want := range map[time.Duration][2]string{
		time.Hour: {"1時間", "1 h"}, 90 * time.Minute: {"1時間30分", "1 h 30 min"}, 8*time.Hour + 5*time.Second: {"8時間5秒", "8 h 5 s"},
		0: {"0秒", "0 s"}, -time.Minute: {"0秒", "0 s"}, 59*time.Minute + 59600*time.Millisecond: {"1時間", "1 h"}, time.Millisecond: {"0秒", "0 s"},
		100 * time.Hour: {"100時間", "100 h"},
	} {
		if ja, en := JA.Span(d), EN.Span(d); ja != want[0] || en != want[1] {
			t.Errorf("%v is %q, %q", d, ja, en)
		}
	}
}
