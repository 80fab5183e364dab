package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/dnsfilter/server"
	"monban/dnsfilter/upstream"
	"monban/gateway/text"
)

// dnsCmd are the commands about the name filter.
type dnsCmd struct {
	Serve   dnsServeCmd `cmd:"" help:"Run the name filter alone: no database, no firewall."`
	Explain explainCmd  `cmd:"" help:"Say why the running daemon answers a name as it does."`
}

type dnsServeCmd struct {
	Listen   string   `required:"" placeholder:"ADDR" help:"Address and port to answer on, UDP and TCP."`
	Upstream []string `required:"" placeholder:"ADDR" help:"Resolver to ask, with port unless it is 53; may be repeated."`
	List     []string `type:"path" placeholder:"FILE" help:"Names to refuse, in hosts format; may be repeated."`
	Sockets  int      `default:"0" help:"UDP sockets that share the port; 0: one per processor."`
	Cache    int      `default:"8" help:"MiB of answers to remember."`
}

// Run serves until the context ends.
func (c *dnsServeCmd) Run(e *env) error {
	listen, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return text.NewFault("dns.bad_listen", "address", c.Listen).On("--listen").Because(err)
	}
	up, err := c.upstream()
	if err != nil {
		return err
	}
	names, err := readLists(c.List, e)
	if err != nil {
		return err
	}
	if c.Sockets <= 0 {
		c.Sockets = runtime.GOMAXPROCS(0)
	}
	udp, tcp, err := server.Listen(e.ctx, listen, c.Sockets)
	if err != nil {
		return err
	}
	s, err := server.New(server.Options{
		UDP: udp, TCP: tcp, Upstream: up, Cache: c.Cache << 20,
		Report: func(err error) { fmt.Fprintln(e.stderr, "monban:", err) },
	})
	if err != nil {
		return err
	}
	s.Set(&dnsfilter.Policy{List: names})
	fmt.Fprintf(e.stdout, "dns: ready %s, %d names refused\n", tcp[0].Addr(), names.Len())
	defer func() {
		for _, c := range udp {
			c.Close()
		}
		tcp[0].Close()
	}()
	return s.Run(e.ctx)
}

func (c *dnsServeCmd) upstream() (*upstream.Client, error) {
	var o upstream.Options
	for _, s := range c.Upstream {
		a, err := netip.ParseAddrPort(s)
		if err != nil {
			alone, alsoBad := netip.ParseAddr(s)
			if alsoBad != nil {
				return nil, text.NewFault("dns.bad_upstream", "address", s).On("--upstream").Because(err)
			}
			a = netip.AddrPortFrom(alone, 53)
		}
		o.Servers = append(o.Servers, a)
	}
	return upstream.New(o)
}

// readLists reads the lists and says what is wrong with their lines.
func readLists(files []string, e *env) (*list.List, error) {
	b := list.NewBuilder(list.NewKey())
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, text.NewFault("dns.list_unreadable", "list", filepath.Base(name)).On("--list").Because(err)
		}
		r, err := b.AddHosts(list.Source{Name: filepath.Base(name), Text: f})
		f.Close()
		if err != nil {
			return nil, err
		}
		if r.Bad > 0 {
			fmt.Fprintln(e.stderr, "monban:", e.lang.Say("dns.list_bad_lines",
				text.Args{"list": r.Name, "lines": r.Lines, "bad": r.Bad, "first": r.First[0]}))
		}
	}
	l := b.Build()
	debug.FreeOSMemory() // the build's scratch space, at once
	return l, nil
}
