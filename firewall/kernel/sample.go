package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/florianl/go-nflog/v2"
	"github.com/mdlayher/netlink"

	"monban/firewall"
)

// sampleBytes is how much of a packet is looked at: its headers.
const sampleBytes = 256

// WatchAttempts calls seen for samples of refused attempts, a few a second at
// most, until ctx is done (then it returns nil). It is for the log alone: the
// kernel drops samples when it is busy. What is exact are Attempts.
func (k *Kernel) WatchAttempts(ctx context.Context, seen func(firewall.Sample)) error {
	if err := watchLog(ctx, seen); err != nil {
		return fmt.Errorf("watching attempts: %w", err)
	}
	return nil
}

// A heard sample still has the number of its interface: the library calls on
// a thread of its own, which may be in another network namespace.
type heard struct {
	firewall.Sample
	in uint32
}

func watchLog(ctx context.Context, seen func(firewall.Sample)) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	log, err := nflog.Open(&nflog.Config{Group: firewall.LogGroup, Copymode: nflog.CopyPacket, Bufsize: sampleBytes, QThresh: 1})
	if err != nil {
		return err
	}
	// Closing waits for the library's goroutine, which waits for stop.
	defer func() { stop(); err = errors.Join(err, log.Close()) }()
	// A flood must not end the watching: lost samples are no error.
	if err := log.SetOption(netlink.NoENOBUFS, true); err != nil {
		return err
	}
	samples, failed := make(chan heard, 64), make(chan error, 1)
	hear := func(a nflog.Attribute) int {
		if a.Payload == nil || a.Prefix == nil || *a.Prefix != firewall.LogPrefix {
			return 0
		}
		h := heard{Sample: firewall.Sample{At: time.Now()}}
		var ok bool
		if h.Proto, h.Source, h.Target, ok = decodePacket(*a.Payload); !ok {
			return 0
		}
		if a.InDev != nil {
			h.in = *a.InDev
		}
		select {
		case samples <- h:
		default: // the log is behind
		}
		return 0
	}
	fail := func(err error) int {
		if ctx.Err() != nil {
			return 1
		}
		select {
		case failed <- err:
		default:
		}
		return 1
	}
	if err := log.RegisterWithErrorFunc(ctx, hear, fail); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case h := <-samples:
			if i, err := net.InterfaceByIndex(int(h.in)); err == nil {
				h.In = i.Name
			}
			seen(h.Sample)
		}
	}
}

// The headers of IPv6 that stand before the transport's (RFC 8200, 4.1).
const (
	extHops     = 0
	extRoute    = 43
	extFragment = 44
	extTarget   = 60
)

// decodePacket reads the ends of an IP packet, or of the beginning of one.
func decodePacket(b []byte) (p firewall.Proto, from, to netip.AddrPort, ok bool) {
	if len(b) < 1 {
		return
	}
	var src, dst netip.Addr
	var body []byte
	switch b[0] >> 4 {
	case 4:
		n := int(b[0]&15) * 4
		if n < 20 || len(b) < n {
			return
		}
		src, dst, p = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), firewall.Proto(b[9])
		if binary.BigEndian.Uint16(b[6:])&0x1fff == 0 { // a later fragment has no ports
			body = b[n:]
		}
	case 6:
		if len(b) < 40 {
			return
		}
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		p, body = transport(firewall.Proto(b[6]), b[40:])
	default:
		return
	}
	var sport, port uint16
	if (p == firewall.TCP || p == firewall.UDP) && len(body) >= 4 {
		sport, port = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
	}
	return p, netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, port), true
}

// transport goes through the headers of IPv6 to the transport's, as far as
// the bytes reach.
func transport(next firewall.Proto, b []byte) (firewall.Proto, []byte) {
	for {
		n := 8
		switch next {
		case extHops, extRoute, extTarget:
			if len(b) < 2 {
				return next, nil
			}
			n += 8 * int(b[1])
		case extFragment:
			if len(b) < 8 {
				return next, nil
			}
			if binary.BigEndian.Uint16(b[2:])&^7 != 0 {
				return firewall.Proto(b[0]), nil // a later fragment
			}
		default:
			return next, b
		}
		if len(b) < n {
			return next, nil
		}
		next, b = firewall.Proto(b[0]), b[n:]
	}
}
