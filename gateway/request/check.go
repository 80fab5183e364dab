package request

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// maxWays bounds ports, targets and sources alike; the length of the whole
// bounds them further.
const maxWays = 16

// normal returns r in the one form it is encoded in. What cannot be cleaned is
// left for check to refuse.
func (r Request) normal() Request {
	name := func(s string) string {
		if clean, err := people.Clean(s); err == nil {
			return clean
		}
		return s
	}
	r.Vendor, r.Device, r.Tool, r.Requester = name(r.Vendor), name(r.Device), name(r.Tool), name(r.Requester)
	if clean, err := people.CleanText(r.Reason); err == nil {
		r.Reason = clean
	}
	r.Ports = slices.Clone(r.Ports)
	for i := range r.Ports {
		if p := &r.Ports[i]; p.WAN == 0 {
			p.WAN = p.Port
		}
	}
	r.Length = r.Length.Truncate(time.Second)
	r.MadeAt = r.MadeAt.UTC().Truncate(time.Second)
	if !r.NotBefore.IsZero() {
		r.NotBefore = r.NotBefore.UTC().Truncate(time.Second)
	}
	return r
}

// check finds everything wrong with a normal r. What is encoded must pass it,
// and so must what was decoded.
func (r Request) check() error {
	var faults []error
	on := func(field, code string, kv ...any) {
		faults = append(faults, text.NewFault(code, kv...).On(field))
	}
	if site, err := ParseSite(r.Site); err != nil || site != r.Site {
		on("site", "request.bad_site", "site", r.Site)
	}
	if !clean(r.Vendor, people.Clean) {
		on("vendor", "window.no_vendor")
	}
	if !clean(r.Device, people.Clean) {
		on("device", "window.no_device")
	}
	r.checkWays(on)
	switch {
	case r.Length > window.MaxLength:
		on("for", "window.too_long", "max", "8h")
	case r.Length < window.MinLength || r.Length%time.Second != 0:
		on("for", "window.too_short", "min", "1s")
	}
	if !r.NotBefore.IsZero() && !onWire(r.NotBefore) {
		on("at", "request.bad_time")
	}
	if !clean(r.Reason, people.CleanText) {
		on("reason", "window.no_reason")
	}
	if !clean(r.Requester, people.Clean) {
		on("requester", "window.no_requester")
	}
	if !onWire(r.MadeAt) {
		faults = append(faults, fmt.Errorf("a request cannot be made at %v", r.MadeAt))
	}
	return errors.Join(faults...)
}

// checkWays checks what is to open and from where.
func (r Request) checkWays(on func(field, code string, kv ...any)) {
	ports := r.Kind == window.Inbound || r.Kind == window.WireGuard
	targets, tool := r.Kind == window.Outbound, r.Kind == window.Tool
	if !ports && !targets && !tool ||
		!ports && len(r.Ports) > 0 || !targets && len(r.Targets) > 0 || !tool && r.Tool != "" {
		on("kind", "request.mixed")
	}
	if n := len(r.Ports); ports && n == 0 || n > maxWays {
		on("ports", "window.no_ports", "max", maxWays)
	}
	for _, p := range r.Ports {
		if !known(p.Proto) || p.Port == 0 || p.WAN == 0 {
			on("ports", "window.bad_port", "port", p.String())
		}
	}
	if n := len(r.Targets); targets && n == 0 || n > maxWays {
		on("target", "request.no_target", "max", maxWays)
	}
	for _, t := range r.Targets {
		if !known(t.Proto) || t.Port == 0 || !plain(t.Addr) {
			on("target", "request.bad_target", "target", fmt.Sprintf("%s:%d/%s", t.Addr, t.Port, t.Proto))
		}
	}
	if tool && !clean(r.Tool, people.Clean) {
		on("tool", "request.no_tool")
	}
	if n := len(r.Sources); ports && n == 0 || n > maxWays {
		on("source", "request.no_source", "max", maxWays)
	}
	for _, s := range r.Sources {
		if !s.IsValid() || s.Bits() == 0 || s != s.Masked() || !plain(s.Addr()) {
			on("source", "request.bad_source", "source", s.String())
		}
	}
}

// clean reports whether s is as by leaves it. To change it in silence would
// show another text than the one that was signed.
func clean(s string, by func(string) (string, error)) bool {
	left, err := by(s)
	return err == nil && left == s
}

func known(p window.Proto) bool { return p == window.TCP || p == window.UDP }

// plain is an address of one form only: no zone, not IPv4 dressed as IPv6.
func plain(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && a.Zone() == "" && !a.Is4In6()
}

// onWire reports whether t is UTC, in whole seconds, and fits 32 bits (2106).
func onWire(t time.Time) bool {
	s := t.Unix()
	return s > 0 && s <= 1<<32-1 && t.Equal(time.Unix(s, 0)) && t.Location() == time.UTC
}
