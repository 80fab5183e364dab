package window

import (
	"fmt"
	"strconv"
	"strings"

	"monban/gateway/text"
)

// ParsePort reads a port as people write it: 3389, 3389/tcp, 500/udp, or with
// the port on the WAN address after a colon, 3389:13389/tcp. TCP is meant
// unless said otherwise. The error is a Fault for the field "port".
func ParsePort(s string) (Port, error) {
	bad := text.NewFault("window.bad_port", "port", s).On("port")
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
