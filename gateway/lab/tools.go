package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/gateway/run"
)

// Pipe connects and copies in to the peer and the peer to out, until both are
// done or ctx ends. local may be empty.
func Pipe(ctx context.Context, network, local, to string, in io.Reader, out io.Writer) error {
	c, err := dialFrom(ctx, network, local, to)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	g, gctx := run.NewGroup(ctx)
	g.Go("sending", func(context.Context) error {
		if _, err := io.Copy(c, in); err != nil {
			return err
		}
		if t, ok := c.(*net.TCPConn); ok {
			return t.CloseWrite()
		}
		return nil
	})
	_, err = io.Copy(out, c)
	c.Close()
	if err == nil || ctx.Err() != nil {
		return nil // what is left of in has nowhere to go
	}
	<-gctx.Done()
	return err
}

// Listen is an echo service at each of the addresses until ctx ends. It
// writes "listening ADDR" to out when one is there.
func Listen(ctx context.Context, network string, at []string, out io.Writer) error {
	var lc net.ListenConfig
	g, gctx := run.NewGroup(ctx)
	var failed error
	for _, addr := range at {
		var serve func(context.Context) error
		if network == "udp" {
			pc, err := lc.ListenPacket(ctx, network, addr)
			if failed = err; err != nil {
				break
			}
			fmt.Fprintln(out, "listening", pc.LocalAddr())
			serve = packets(pc.(*net.UDPConn), 0)
		} else {
			l, err := lc.Listen(ctx, network, addr)
			if failed = err; err != nil {
				break
			}
			fmt.Fprintln(out, "listening", l.Addr())
			serve = streams(l, 0)
		}
		g.Go(addr, func(context.Context) error { return serve(gctx) })
	}
	if failed != nil {
		g.Go("listening", func(context.Context) error { return fmt.Errorf("listening: %w", failed) })
	}
	return g.Wait()
}

// A Lookup is the answer to a question, for scripts.
type Lookup struct {
	Rcode     string   `json:"rcode"`
	Answer    []string `json:"answer"`        // records, one line each
	EDE       []string `json:"ede,omitempty"` // extended errors (RFC 8914): code and text
	Truncated bool     `json:"truncated,omitempty"`
	Micros    int64    `json:"micros"`
}

// Ask puts one question to server, an address with or without port, over udp
// or tcp, once.
func Ask(ctx context.Context, network, server, name, qtype string) (Lookup, error) {
	t, ok := dns.StringToType[strings.ToUpper(qtype)]
	if !ok {
		return Lookup{}, fmt.Errorf("unknown record type %q", qtype)
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), t)
	q.SetEdns0(1232, false)
	c := dns.Client{Net: network, Timeout: 3 * time.Second, UDPSize: 1232}
	m, took, err := c.ExchangeContext(ctx, q, server)
	if err != nil {
		return Lookup{}, fmt.Errorf("asking %s: %w", server, err)
	}
	l := Lookup{Rcode: dns.RcodeToString[m.Rcode], Answer: []string{}, Truncated: m.Truncated, Micros: took.Microseconds()}
	for _, rr := range m.Answer {
		l.Answer = append(l.Answer, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	if o := m.IsEdns0(); o != nil {
		for _, opt := range o.Option {
			if e, ok := opt.(*dns.EDNS0_EDE); ok {
				l.EDE = append(l.EDE, strings.TrimSpace(fmt.Sprintf("%d %s", e.InfoCode, e.ExtraText)))
			}
		}
	}
	return l, nil
}

// reuse lets a local port be taken again at once.
func reuse(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	return errors.Join(err, failed)
}

// dropped is how many packets the named interface lost on the way out.
func dropped(link string) (uint64, error) {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return 0, fmt.Errorf("reading the counters of %s: %w", link, err)
	}
	if s := l.Attrs().Statistics; s != nil {
		return s.TxDropped, nil
	}
	return 0, nil
}
