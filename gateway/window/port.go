package window

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"monban/gateway/people"
	"monban/gateway/text"
)

// ParsePort reads a port as people write it: 3389, 3389/tcp, 500/udp, or with
// the port on the WAN address after a colon, 3389:13389/tcp. TCP is meant
// unless said otherwise. The error is a Fault for the field "port".
func ParsePort(s string) (Port, error) {
	bad := text.NewFault("window.bad_port", "port", shown(s)).On("port")
	ports, proto, given := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "/")
	p := Port{Proto: TCP}
	if given {
		p.Proto = Proto(proto)
	}
	inside, wan, both := strings.Cut(ports, ":")
	if !both {
		wan = inside
	}
	var ok1, ok2 bool
	p.Port, ok1 = number(inside)
	p.WAN, ok2 = number(wan)
	if !ok1 || !ok2 || p.Proto != TCP && p.Proto != UDP {
		return Port{}, bad
	}
	return p, nil
}

func number(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n != 0
}

// String is the form ParsePort reads.
func (p Port) String() string {
	if p.WAN != 0 && p.WAN != p.Port {
		return fmt.Sprintf("%d:%d/%s", p.Port, p.WAN, p.Proto)
	}
	return fmt.Sprintf("%d/%s", p.Port, p.Proto)
}

// ParseTarget reads a target as people write it: 203.0.113.5:4500/udp,
// [2001:db8::5]:443. TCP is meant unless said otherwise. The error is a Fault
// for the field "target".
func ParseTarget(s string) (Target, error) {
	end, proto, given := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "/")
	t := Target{Proto: TCP}
	if given {
		t.Proto = Proto(proto)
	}
	ap, err := netip.ParseAddrPort(end)
	t.Addr, t.Port = ap.Addr(), ap.Port()
	if err != nil || !t.valid() {
		return Target{}, text.NewFault("window.bad_target", "target", shown(s)).On("target")
	}
	return t, nil
}

// valid reports whether t can be a port of one host on the internet.
func (t Target) valid() bool {
	return t.Addr.IsGlobalUnicast() && t.Addr.Zone() == "" && !t.Addr.Is4In6() &&
		(t.Proto == TCP || t.Proto == UDP) && t.Port != 0
}

// String is the form ParseTarget reads.
func (t Target) String() string {
	return fmt.Sprintf("%s/%s", netip.AddrPortFrom(t.Addr, t.Port), t.Proto)
}

// shown is what was typed, fit for a sentence.
func shown(s string) string {
	if s, err := people.Clean(s); err == nil {
		return s
	}
	return "…"
}
