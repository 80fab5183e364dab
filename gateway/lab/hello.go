package lab

import (
	"context"
	"encoding/binary"
	"net"
	"time"
)

// greet sends an echo request (RFC 792, RFC 4443) for each of hs now and then
// every period, as a device that is switched on is never quite silent. It is
// how the gateway comes to know it.
func greet(ctx context.Context, hs []hello, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		for _, h := range hs {
			// An unreachable gateway is what the lab may be showing.
			_ = ping(h, seq)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func ping(h hello, seq uint16) error {
	msg := []byte{8, 0, 0, 0, 0x6d, 0x62, 0, 0}
	network := "ip4:icmp"
	if h.To.Is6() {
		network, msg[0] = "ip6:ipv6-icmp", 128 // the kernel adds ICMPv6's sum
	}
	binary.BigEndian.PutUint16(msg[6:], seq)
	if h.To.Is4() {
		binary.BigEndian.PutUint16(msg[2:], checksum(msg))
	}
	c, err := net.DialIP(network, &net.IPAddr{IP: h.From.AsSlice()}, &net.IPAddr{IP: h.To.AsSlice()})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write(msg)
	return err
}

// checksum is the Internet checksum (RFC 1071) of the joined parts, of which
// all but the last have an even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
