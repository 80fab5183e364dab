package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"monban/firewall"
	"monban/gateway"
)

// States of sockets in /proc/net that wait for somebody: a listening TCP
// socket, and an unconnected UDP one (TCP_LISTEN and TCP_CLOSE of
// include/net/tcp_states.h).
const (
	tcpListen = "0A"
	udpClose  = "07"
)

// listeners are the local ends anybody could talk to in this network
// namespace, whoever owns them.
func listeners() ([]gateway.Listener, error) {
	var out []gateway.Listener
	for _, table := range []struct {
		file, state string
		proto       firewall.Proto
	}{{"tcp", tcpListen, firewall.TCP}, {"tcp6", tcpListen, firewall.TCP}, {"udp", udpClose, firewall.UDP}, {"udp6", udpClose, firewall.UDP}} {
		f, err := os.Open("/proc/self/net/" + table.file)
		if errors.Is(err, os.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the listening sockets: %w", err)
		}
		found, err := parseSockets(f, table.state)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", table.file, err)
		}
		for _, at := range found {
			out = append(out, gateway.Listener{Proto: table.proto, At: at})
		}
	}
	return out, nil
}

// parseSockets reads the table proc(5) describes: a heading, then
// "sl local_address rem_address st …" with addresses in words of host order.
func parseSockets(r io.Reader, state string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	s := bufio.NewScanner(r)
	s.Scan() // the heading
	for s.Scan() {
		f := strings.Fields(s.Text())
		if len(f) < 4 {
			return nil, fmt.Errorf("short line %q", s.Text())
		}
		if f[3] != state {
			continue
		}
		a, err := parseSocket(f[1])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, s.Err()
}

func parseSocket(s string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("socket address %q", s)
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("socket port %q", s)
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}
