package main

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/dnsfilter/querylog"
	"monban/dnsfilter/server"
	"monban/dnsfilter/upstream"
	"monban/gateway/run"
	"monban/gateway/text"
)

// dnsCmd are the commands about the name filter.
type dnsCmd struct {
	Serve   dnsServeCmd   `cmd:"" help:"Run the name filter alone: no database, no firewall."`
	Compile dnsCompileCmd `cmd:"" help:"Make one compiled file of lists, for dns serve."`
	Explain explainCmd    `cmd:"" help:"Say why the running daemon answers a name as it does."`
}

type dnsServeCmd struct {
	Listen   string   `required:"" placeholder:"ADDR" help:"Address and port to answer on, UDP and TCP."`
	Upstream []string `required:"" placeholder:"ADDR" help:"Resolver to ask: ADDR, tls://NAME@ADDR or https://NAME/PATH@ADDR; may be repeated."`
	List     []string `type:"path" placeholder:"FILE" help:"Names to refuse: hosts, plain names, AdBlock rules, an RPZ zone or dnsmasq lines; may be repeated. Or one file made by monban dns compile."`
	Sockets  int      `default:"0" help:"UDP sockets that share the port; 0: one per processor."`
	Cache    int      `default:"8" help:"MiB of answers to remember."`
	Log      string   `type:"path" placeholder:"DIR" help:"Keep a record of the questions there."`
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
	defer func() {
		for _, c := range udp {
			c.Close()
		}
		tcp[0].Close()
	}()
	report := func(err error) { fmt.Fprintln(e.stderr, "monban:", err) }
	var log *querylog.Log
	if c.Log != "" {
		if log, err = querylog.Open(querylog.Options{Dir: c.Log, Report: report}); err != nil {
			return text.NewFault("dns.bad_log", "dir", c.Log).On("--log").Because(err)
		}
	}
	s, err := server.New(server.Options{UDP: udp, TCP: tcp, Upstream: up, Cache: c.Cache << 20, Report: report, Log: log})
	if err != nil {
		return err
	}
	s.Set(&dnsfilter.Policy{List: names})
	// Twice what lives at a time would be too much for a small box.
	debug.SetMemoryLimit(int64(names.Bytes()) + int64(c.Cache)<<20 + roomToWork)
	fmt.Fprintf(e.stdout, "dns: ready %s, %d names refused\n", tcp[0].Addr(), names.Len())
	return serveNames(e.ctx, s, log)
}

// roomToWork is the memory for all but the list and the remembered answers:
// questions under way, the query log's minute, and what waits to be collected.
const roomToWork = 46 << 20

// serveNames runs s, and the writer of its log until nothing more is answered.
func serveNames(ctx context.Context, s *server.Server, log *querylog.Log) error {
	until, stop := context.WithCancel(context.WithoutCancel(ctx))
	g, _ := run.NewGroup(until)
	g.Go("writing the query log", func(ctx context.Context) error { return log.Run(ctx, querylog.Sink{}) })
	err := s.Run(ctx)
	stop()
	g.Wait()
	return err
}

func (c *dnsServeCmd) upstream() (*upstream.Client, error) {
	o := upstream.Options{MixCase: true, Cookies: true}
	for _, s := range c.Upstream {
		v, err := upstream.Parse(s)
		if err != nil {
			return nil, text.NewFault("dns.bad_upstream", "address", s).On("--upstream").Because(err)
		}
		o.Servers = append(o.Servers, v)
	}
	return upstream.New(o)
}

// readLists reads the lists and says what is wrong with their lines. A single
// file may be a compiled one.
func readLists(files []string, e *env) (*list.List, error) {
	b := list.NewBuilder(list.NewKey())
	for _, name := range files {
		compiled, err := readList(b, name, len(files) == 1, e)
		if err != nil || compiled != nil {
			return compiled, err
		}
	}
	l := b.Build()
	debug.FreeOSMemory() // the build's scratch space, at once
	return l, nil
}

// readList reads one list into b; a compiled one, which must be alone, is
// returned instead.
func readList(b *list.Builder, name string, alone bool, e *env) (*list.List, error) {
	base := filepath.Base(name)
	f, err := os.Open(name)
	if err != nil {
		return nil, text.NewFault("dns.list_unreadable", "list", base).On("--list").Because(err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	if head, _ := in.Peek(8); list.IsCompiled(head) {
		if !alone {
			return nil, text.NewFault("list.compiled_alone", "list", base).On("--list")
		}
		// All that is read here stays: collecting meanwhile finds nothing, and
		// every millisecond counts until the first answer.
		defer debug.SetGCPercent(debug.SetGCPercent(400))
		return list.Load(in)
	}
	r, err := b.Add(list.Source{Name: base, Text: in})
	if err != nil {
		return nil, err
	}
	if r.Bad > 0 {
		fmt.Fprintln(e.stderr, "monban:", e.lang.Say("dns.list_bad_lines",
			text.Args{"list": r.Name, "lines": r.Lines, "bad": r.Bad, "first": r.First[0]}))
	}
	if r.Unusable > 0 {
		fmt.Fprintln(e.stderr, "monban:", e.lang.Say("list.unusable_lines",
			text.Args{"list": r.Name, "lines": r.Lines, "unusable": r.Unusable, "first": r.FirstUnusable[0]}))
	}
	return nil, nil
}
