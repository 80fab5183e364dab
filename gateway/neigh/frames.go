package neigh

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"monban/gateway/device"
)

// listen opens the frames of an interface, multicast ones included: an IPv6
// host that asks about its neighbour speaks to a group we are not in.
func listen(ifi *net.Interface) (*packet.Conn, error) {
	raw, err := filter()
	if err != nil {
		return nil, err
	}
	c, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: raw})
	if err != nil {
		return nil, fmt.Errorf("listening to frames of %s: %w", ifi.Name, err)
	}
	if err := allMulticast(c, ifi.Index); err != nil {
		c.Close()
		return nil, fmt.Errorf("listening to multicast of %s: %w", ifi.Name, err)
	}
	return c, nil
}

func allMulticast(c *packet.Conn, index int) error {
	sc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = sc.Control(func(fd uintptr) {
		set = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_ALLMULTI})
	})
	if err != nil {
		return err
	}
	return set
}

// frames reports the frames of one interface until ctx ends or the interface
// goes away.
func frames(ctx context.Context, c *packet.Conn, iface string, seen func(device.Sighting) error) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	b := make([]byte, frameLen)
	for {
		n, _, err := c.ReadFrom(b)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading frames of %s: %w", iface, err)
		}
		m, addr, source, ok := decode(b[:n])
		if !ok {
			continue
		}
		if err := seen(device.Sighting{At: time.Now(), MAC: m, Addr: addr, Iface: iface, Source: source}); err != nil {
			return nil
		}
	}
}
