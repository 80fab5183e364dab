package gateway

import "time"

// A Clock is the time as the box has it. Wall is worth only what Synced says;
// Boot is CLOCK_BOOTTIME, which no NTP step moves and which the kernel's
// timers follow.
type Clock struct {
	Wall   func() time.Time
	Boot   func() time.Duration
	Synced func() bool
}
