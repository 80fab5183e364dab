package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"github.com/ti-mo/netfilter"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// WatchFlows calls seen for each flow of a window that begins, and again with
// Gone and its final counts when conntrack forgets it, until ctx is done (then
// it returns nil). When events were lost it returns an error: the caller
// starts it anew and takes Flows to see what it missed. Flows that exist
// already are not told. seen must not block long: what it delays, the socket
// must hold.
func (k *Kernel) WatchFlows(ctx context.Context, seen func(firewall.Flow)) error {
	groups := []uint32{uint32(netfilter.GroupCTNew), uint32(netfilter.GroupCTDestroy)}
	err := listen(ctx, groups, func(m netlink.Message) error {
		var ev conntrack.Event
		if err := ev.Unmarshal(m); err != nil {
			return fmt.Errorf("reading event: %w", err)
		}
		if ev.Flow == nil || ev.Flow.Mark&firewall.Governed == 0 {
			return nil
		}
		f := flowOf(*ev.Flow)
		f.Gone = ev.Type == conntrack.EventDestroy
		if f.Gone && f.End.IsZero() {
			f.End = time.Now()
		}
		seen(f)
		return nil
	})
	if err != nil {
		return fmt.Errorf("watching flows: %w", err)
	}
	return nil
}

// WatchForeign calls changed whenever somebody else changed the rules of the
// kernel, whatever the table, or when that may have happened (events were
// lost), until ctx is done. It is called once more at the start, for what
// happened before. Our own changes are known by their socket.
func (k *Kernel) WatchForeign(ctx context.Context, changed func()) error {
	const newGen = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN)
	foreign := func() {
		k.told.forgetAll()
		changed()
	}
	for {
		err := listenThen(ctx, []uint32{unix.NFNLGRP_NFTABLES}, foreign, func(m netlink.Message) error {
			if m.Header.Type == newGen && !k.isOurs(m.Header.PID) {
				foreign()
			}
			return nil
		})
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("watching for foreign changes: %w", err)
		}
	}
}

// listen reads a multicast socket of netfilter until ctx is done or reading
// fails.
func listen(ctx context.Context, groups []uint32, each func(netlink.Message) error) error {
	return listenThen(ctx, groups, func() {}, each)
}

// listenThen calls ready when the socket has joined, before the first message.
func listenThen(ctx context.Context, groups []uint32, ready func(), each func(netlink.Message) error) (err error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := buffers(c, bufferSize); err != nil {
		return err
	}
	for _, g := range groups {
		if err := c.JoinGroup(g); err != nil {
			return fmt.Errorf("joining group %d: %w", g, err)
		}
	}
	stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(wakeUp) })
	defer stop()
	ready()
	for {
		msgs, err := c.Receive()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if err := each(m); err != nil {
				return err
			}
		}
	}
}
