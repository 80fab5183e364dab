package neigh

import (
	"context"
	"fmt"
	"net"

	"monban/gateway/device"
	"monban/gateway/run"
)

// Watch reports who is on the interfaces until ctx ends, then returns nil. It
// begins with everybody in the neighbour table. seen is called by one
// goroutine at a time; what arrives while it is slow waits, and if too much
// does the kernel drops frames and the table is read anew.
//
// An interface that is not there or goes away is an error; the caller starts
// Watch again. It needs CAP_NET_RAW for the frames.
func Watch(ctx context.Context, ifaces []string, seen func(device.Sighting)) error {
	g, ctx := run.NewGroup(ctx)
	out := make(chan device.Sighting, 256)
	hand := func(s device.Sighting) error {
		select {
		case out <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, name := range ifaces {
		g.Go("frames", func(ctx context.Context) error {
			ifi, err := net.InterfaceByName(name)
			if err != nil {
				return fmt.Errorf("looking up interface %s: %w", name, err)
			}
			c, err := listen(ifi)
			if err != nil {
				return err
			}
			defer c.Close()
			return frames(ctx, c, name, hand)
		})
	}
	t := &table{ifaces: ifaces, seen: hand}
	g.Go("neighbour table", t.run)
	g.Go("sightings", func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case s := <-out:
				seen(s)
			}
		}
	})
	return g.Wait()
}
