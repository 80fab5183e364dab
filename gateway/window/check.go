package window

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// What a request may hold at most: enough for every real maintenance, small
// enough to be read before it is approved.
const (
	maxPorts   = 16
	maxTargets = 16
	maxSources = 64
)

// How far from its recording a planned start may lie: forms are filled in
// slowly, and nobody remembers what he approved a year ago.
const (
	startPast = 5 * time.Minute
	startFar  = 92 * 24 * time.Hour
)

// A noter notes a fault about a field of a request.
type noter func(field, code string, kv ...any)

// check cleans the texts of a request and finds everything wrong with it.
func (w *Window) check() error {
	var faults []error
	on := func(field, code string, kv ...any) {
		faults = append(faults, text.NewFault(code, kv...).On(field))
	}
	if w.Kind == "" {
		w.Kind = Inbound
	}
	if w.Vendor == "" {
		on("vendor", "window.no_vendor")
	}
	if w.Device == 0 {
		on("device", "window.no_device")
	}
	w.checkSources(on)
	w.checkWays(on)
	switch {
	case w.Length == 0:
		w.Length = Default
	case w.Length > MaxLength:
		on("for", "window.too_long", "max", span(MaxLength))
	case w.Length < MinLength:
		on("for", "window.too_short", "min", span(MinLength))
	}
	w.checkStart(on)
	var err error
	if w.Reason, err = sentence("reason", "window.no_reason", w.Reason); err != nil {
		faults = append(faults, err)
	}
	if w.Requester, err = people.Clean(w.Requester); err != nil {
		on("requester", "window.no_requester")
	}
	return errors.Join(faults...)
}

func (w *Window) checkSources(on noter) {
	// A tool's packets come from its maker's servers, wherever those are.
	if n := len(w.Sources); n == 0 && w.Kind != Tool || n > maxSources {
		on("vendor", "window.no_sources", "vendor", w.Vendor)
	}
	for _, s := range w.Sources {
		if !s.IsValid() || s.Bits() == 0 || s != s.Masked() || s.Addr().Is4In6() {
			on("vendor", "window.bad_source", "source", fmt.Sprint(s))
		}
	}
}

// checkWays wants what the kind is about, and nothing else: what a window
// holds but does not open would deceive who approves it.
func (w *Window) checkWays(on noter) {
	unused := func(field string, given bool) {
		if given {
			on(field, "window.unused")
		}
	}
	switch w.Kind {
	case Inbound, WireGuard:
		w.checkPorts(on)
		unused("target", len(w.Targets) > 0)
		unused("tool", w.Tool != "")
	case Outbound:
		w.checkTargets(on)
		unused("port", len(w.Ports) > 0)
		unused("tool", w.Tool != "")
	case Tool:
		if w.Tool == "" {
			on("tool", "window.no_tool")
		}
		unused("port", len(w.Ports) > 0)
		unused("target", len(w.Targets) > 0)
	default:
		on("kind", "window.bad_kind")
	}
}

// checkPorts fills a port's WAN side in and refuses two that would collide.
func (w *Window) checkPorts(on noter) {
	if n := len(w.Ports); n == 0 || n > maxPorts {
		on("port", "window.no_ports", "max", maxPorts)
	}
	type end struct {
		Proto
		port uint16
		wan  bool
	}
	seen := map[end]bool{}
	for i := range w.Ports {
		p := &w.Ports[i]
		if p.WAN == 0 || w.Kind == WireGuard { // a tunnel leads to the device's own port
			p.WAN = p.Port
		}
		if (p.Proto != TCP && p.Proto != UDP) || p.Port == 0 {
			on("port", "window.bad_port", "port", fmt.Sprintf("%d/%s", p.Port, p.Proto))
			continue
		}
		in, out := end{p.Proto, p.Port, false}, end{p.Proto, p.WAN, true}
		if seen[in] || seen[out] {
			on("port", "window.twice", "port", fmt.Sprintf("%d/%s", p.Port, p.Proto))
		}
		seen[in], seen[out] = true, true
	}
}

// checkTargets wants single addresses within the vendor's own ranges: towards
// any other address the way out is no matter of windows.
func (w *Window) checkTargets(on noter) {
	if n := len(w.Targets); n == 0 || n > maxTargets {
		on("target", "window.no_targets", "max", maxTargets)
	}
	for i, t := range w.Targets {
		switch {
		case !t.valid():
			on("target", "window.bad_target", "target", t.String())
		case slices.Contains(w.Targets[:i], t):
			on("target", "window.target_twice", "target", t.String())
		case !within(w.Sources, t.Addr):
			on("target", "window.target_outside", "target", t.String())
		}
	}
}

// checkStart keeps a planned start as the UTC time it is.
func (w *Window) checkStart(on noter) {
	if w.NotBefore.IsZero() {
		return
	}
	w.NotBefore = w.NotBefore.Round(0).UTC() // without the monotonic clock
	switch {
	case w.NotBefore.Before(w.RequestedAt.Add(-startPast)), !w.over().After(w.RequestedAt):
		on("start", "window.start_past")
	case w.NotBefore.After(w.RequestedAt.Add(startFar)):
		on("start", "window.start_far", "days", int(startFar/(24*time.Hour)))
	}
}

// sentence cleans what a person wrote about a window; empty is the code of
// the fault if nothing is left.
func sentence(field, empty, s string) (string, error) {
	s, err := people.CleanText(s)
	var f *text.Fault
	switch {
	case err == nil:
		return s, nil
	case errors.As(err, &f) && f.Code == "people.text_long":
		return "", f.On(field)
	}
	return "", text.NewFault(empty).On(field)
}

// within reports whether one of the ranges holds a.
func within(ranges []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}

// span writes a length without its empty parts: 8h instead of 8h0m0s. It
// reads the same in both languages.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
