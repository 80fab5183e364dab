package window

import (
	"time"

	"monban/gateway/people"
)

// A Plan is a regular appointment (第2火曜 22:00). It makes a request ahead of
// each, for somebody to approve; by itself it never opens anything.
type Plan struct {
	ID        int64         `json:"id"`
	Kind      Kind          `json:"kind"`
	Vendor    string        `json:"vendor"`
	Device    int64         `json:"device"`
	Ports     []Port        `json:"ports"`
	Targets   []Target      `json:"targets,omitempty"`
	Tool      string        `json:"tool,omitempty"`
	Length    time.Duration `json:"length"`
	Reason    string        `json:"reason"`
	Requester string        `json:"requester"`
	Recorder  people.Actor  `json:"recorder"`
	Made      time.Time     `json:"made"`

	Week   int          `json:"week"` // 0: every week; 1…4: the nth of the month; -1: the last
	Day    time.Weekday `json:"day"`
	Hour   int          `json:"hour"`
	Minute int          `json:"minute"`
}
