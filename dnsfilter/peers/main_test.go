// Package peers_test measures the name filter beside unbound and dnsmasq and
// beside the least a Go program can do for a datagram: same machine, same run,
// same questions, in turns.
//
// It tests nothing of what the filter answers; the packages do that themselves.
package peers_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
)

// role makes the test program one of the harness's own servers.
const role = "MONBAN_PEERS_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "floor":
		fmt.Fprintln(os.Stderr, echo(os.Args[1]))
	case "upstream":
		fmt.Fprintln(os.Stderr, authority(os.Args[1]))
	}
	os.Exit(1)
}

func open(addr string) (*net.UDPConn, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(a))
	if err == nil {
		c.SetReadBuffer(1 << 20)
	}
	return c, err
}

// echo is the floor: one read, one write, nothing between them.
func echo(addr string) error {
	c, err := open(addr)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		if _, err := c.WriteToUDPAddrPort(buf[:n], from); err != nil {
			return err
		}
	}
}

// authority is the resolver that all servers ask: every name has one address,
// for an hour.
func authority(addr string) error {
	c, err := open(addr)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		if b := authorityAnswer(buf[:n]); b != nil {
			if _, err := c.WriteToUDPAddrPort(b, from); err != nil {
				return err
			}
		}
	}
}

// authorityAnswer makes b the answer to the question in it, letters as asked.
func authorityAnswer(b []byte) []byte {
	if len(b) < 17 {
		return nil
	}
	end := 12
	for end < len(b) && b[end] != 0 {
		end += 1 + int(b[end])
	}
	if end += 5; end > len(b) {
		return nil
	}
	edns := binary.BigEndian.Uint16(b[10:]) > 0
	binary.BigEndian.PutUint16(b[2:], 0x8580) // answer, authoritative, recursion as asked for
	address := binary.BigEndian.Uint16(b[end-4:]) == 1
	for i, n := range [...]bool{true, address, false, edns} {
		b[4+2*i], b[5+2*i] = 0, 0
		if n {
			b[5+2*i] = 1
		}
	}
	b = b[:end]
	if address {
		b = append(b, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xcb\x00\x71\x07"...)
	}
	if edns {
		b = append(b, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"...)
	}
	return b
}
