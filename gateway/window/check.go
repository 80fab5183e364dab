package window

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// What a request may hold at most: enough for every real maintenance, small
// enough to be read before it is approved.
const (
	maxPorts   = 16
	maxSources = 64
)

// check cleans the texts of a request and finds everything wrong with it.
func (w *Window) check() error {
	var faults []error
	on := func(field, code string, kv ...any) {
		faults = append(faults, text.NewFault(code, kv...).On(field))
	}
	if w.Vendor == "" {
		on("vendor", "window.no_vendor")
	}
	if w.Device == 0 {
		on("device", "window.no_device")
	}
	if n := len(w.Sources); n == 0 || n > maxSources {
		on("vendor", "window.no_sources", "vendor", w.Vendor)
	}
	for _, s := range w.Sources {
		if !s.IsValid() || s.Bits() == 0 || s != s.Masked() || s.Addr().Is4In6() {
			on("vendor", "window.bad_source", "source", fmt.Sprint(s))
		}
	}
	w.checkPorts(on)
	switch {
	case w.Length == 0:
		w.Length = Default
	case w.Length > MaxLength:
		on("for", "window.too_long", "max", span(MaxLength))
	case w.Length < MinLength:
		on("for", "window.too_short", "min", span(MinLength))
	}
	var err error
	if w.Reason, err = sentence("reason", w.Reason); err != nil {
		faults = append(faults, err)
	}
	if w.Requester, err = people.Clean(w.Requester); err != nil {
		on("requester", "window.no_requester")
	}
	return errors.Join(faults...)
}

// checkPorts fills a port's WAN side in and refuses two that would collide.
func (w *Window) checkPorts(on func(field, code string, kv ...any)) {
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
		if p.WAN == 0 {
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

// sentence cleans what a person wrote about a window.
func sentence(field, s string) (string, error) {
	s, err := people.CleanText(s)
	var f *text.Fault
	switch {
	case err == nil:
		return s, nil
	case errors.As(err, &f) && f.Code == "people.text_long":
		return "", f.On(field)
	}
	if field == "answer" {
		return "", text.NewFault("window.no_answer").On(field)
	}
	return "", text.NewFault("window.no_reason").On(field)
}

// Collides reports the first WAN end, source included, that both windows
// would use: two open ones cannot, since a packet must know its way. IPv6
// is never translated and collides only on the same device.
func (w Window) Collides(o Window) (Port, bool) {
	for _, p := range w.Ports {
		for _, q := range o.Ports {
			if p.Proto != q.Proto {
				continue
			}
			sameWAN := p.WAN == q.WAN && overlap(w.Sources, o.Sources, true)
			sameDevice := w.Device == o.Device && p.Port == q.Port && overlap(w.Sources, o.Sources, false)
			if sameWAN || sameDevice {
				return p, true
			}
		}
	}
	return Port{}, false
}

// overlap reports whether any two ranges share an address, in IPv4 alone or in
// either family.
func overlap(a, b []netip.Prefix, only4 bool) bool {
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) && (!only4 || p.Addr().Is4()) {
				return true
			}
		}
	}
	return false
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
