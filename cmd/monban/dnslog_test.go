package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/querylog"
	"monban/gateway/text"
)

// With --log, what was asked is in the directory once the command has ended; a
// directory that takes no log is said at once.
func TestServeKeepsALog(t *testing.T) {
	dir := t.TempDir()
	names := filepath.Join(dir, "names")
	if err := os.WriteFile(names, []byte("0.0.0.0 ads.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	e := &env{ctx: ctx, stdout: in, stderr: io.Discard, lang: text.EN}
	c := &dnsServeCmd{Listen: "127.0.0.1:0", Upstream: []string{"127.0.0.1:9"}, List: []string{names}, Sockets: 1, Cache: 1, Log: filepath.Join(dir, "log")}
	done := make(chan error, 1)
	go func() { done <- c.Run(e); in.Close() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, <-done)
	}
	addr, _, _ := strings.Cut(strings.TrimPrefix(line, "dns: ready "), ",")
	if _, _, err := net.SplitHostPort(addr); err != nil {
		t.Fatal(line)
	}
	m := new(dns.Msg).SetQuestion("ads.example.", dns.TypeA)
	if _, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(m, addr); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	l, err := querylog.Open(querylog.Options{Dir: c.Log})
	if err != nil {
		t.Fatal(err)
	}
	page, err := l.Read(t.Context(), querylog.Query{})
	if err != nil || len(page.Records) != 1 || page.Records[0].Name != "ads.example" || page.Records[0].Verdict != querylog.Refused {
		t.Errorf("%+v, %v", page.Records, err)
	}

	c.Log = names // a file
	var f *text.Fault
	if err := c.Run(&env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, lang: text.EN}); !errors.As(err, &f) || f.Code != "dns.bad_log" {
		t.Error(err)
	}
}
