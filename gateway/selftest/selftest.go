// Package selftest proves with real packets that nothing gets in: it plugs a
// stranger into the box's WAN side and lets it try every way in.
//
// It opens nothing but its own canary window, from its own address to its own
// sink, and decides nothing: the caller records the Result.
package selftest

import (
	"net/netip"
	"time"

	"monban/gateway/text"
	"monban/gateway/window"
)

// A State is what a run showed.
type State string

// The states. A run whose positive control did not behave proves nothing.
const (
	OK         State = "ok"
	Failed     State = "failed"
	Unmeasured State = "unmeasured"
)

// Limits of a Request. The service is root and its caller is not.
const (
	MaxTargets = 256 // addresses of each kind
	MaxPorts   = 64  // of each kind
)

// A Request says what to try; the run adds ports of its own that are commonly
// attacked.
type Request struct {
	WAN     []netip.Addr  `json:"wan"`     // the box's own addresses outside
	LAN     []netip.Addr  `json:"lan"`     // the box's own addresses inside
	Devices []netip.Addr  `json:"devices"` // devices on the LAN
	Ports   []window.Port `json:"ports"`   // every port a window could open
	Pages   []uint16      `json:"pages"`   // ports of the page
}

// check refuses what is too much.
func (r Request) check() error {
	if max(len(r.WAN), len(r.LAN), len(r.Devices)) > MaxTargets || max(len(r.Ports), len(r.Pages)) > MaxPorts {
		return text.NewFault("selftest.too_much")
	}
	return nil
}

// What a probe is expected to come to, and what came.
const (
	Refused  = "refused"  // dropped, and counted by the rule that did it
	Answered = "answered" // something came back
	Missing  = "missing"  // neither: it passed, or was lost on the way
	Unclear  = "unclear"  // strangers' packets were counted with it
	Passed   = "passed"
	Cut      = "cut"
)

// ICMP is the protocol of an echo request; its port is 0.
const ICMP window.Proto = "icmp"

// A Probe is one thing tried and what came of it.
type Probe struct {
	Target netip.AddrPort `json:"target"`
	Proto  window.Proto   `json:"proto"`
	Expect string         `json:"expect"`
	Got    string         `json:"got"`
}

// A Result is what a run showed. Why is a code of the catalogue, empty when OK.
type Result struct {
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"`
	State   State         `json:"state"`
	Why     string        `json:"why,omitempty"`
	Detail  string        `json:"detail,omitempty"` // for the log
	Sent    int           `json:"sent"`             // packets that must not pass, each sent twice
	Counted int           `json:"counted"`          // of these, such that the kernel refused both times
	Skipped int           `json:"skipped"`          // targets the box has no way to
	Passed  bool          `json:"control_passed"`   // positive control: the canary let traffic through
	Cut     bool          `json:"control_cut"`      // and stopped it when closed
	// Probes are the control's, and of the shots up to maxShown for each way
	// one can come out.
	Probes []Probe `json:"probes"`
}

const maxShown = 100
