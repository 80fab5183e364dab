package selftest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"monban/gateway/text"
	"monban/gateway/window"
)

// serve starts a service on a socket and returns its path and how it ended.
func serve(t *testing.T, ctx context.Context, idle time.Duration, run func(context.Context, Request) (Result, error)) (string, chan error) {
	t.Helper()
	path := t.TempDir() + "/s"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, idle, run) }()
	return path, done
}

func fault(err error) string {
	var f *text.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestAskAndServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	want := Result{State: OK, At: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Sent: 3, Counted: 3, Passed: true, Cut: true,
		Probes: []Probe{{Target: netip.MustParseAddrPort("[2001:db8::1]:443"), Proto: window.TCP, Expect: Refused, Got: Refused}}}
	req := Request{WAN: []netip.Addr{netip.MustParseAddr("203.0.113.2")}, Ports: []window.Port{{Proto: window.UDP, Port: 500, WAN: 501}}, Pages: []uint16{443}}
	path, done := serve(t, ctx, 0, func(_ context.Context, r Request) (Result, error) {
		switch {
		case len(r.Pages) == 0:
			return Result{}, text.NewFault("selftest.busy")
		case r.Pages[0] == 1:
			return Result{}, io.ErrUnexpectedEOF
		case !reflect.DeepEqual(r, req):
			t.Errorf("got %+v", r)
		}
		return want, nil
	})
	for range 2 {
		if got, err := Ask(ctx, path, req); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := Ask(ctx, path, Request{}); fault(err) != "selftest.busy" {
		t.Errorf("busy: %v", err)
	}
	if _, err := Ask(ctx, path, Request{Pages: []uint16{1}}); fault(err) != "selftest.unreachable" {
		t.Errorf("broken: %v", err)
	}
	if _, err := Ask(ctx, path, Request{WAN: make([]netip.Addr, MaxTargets+1)}); fault(err) != "selftest.too_much" {
		t.Errorf("too much: %v", err)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Serve does not end")
	}
	if _, err := Ask(t.Context(), path, req); fault(err) != "selftest.unreachable" {
		t.Errorf("nobody there: %v", err)
	}
}

// A service nobody asks ends by itself; its caller may go away at any time.
func TestIdleServiceEnds(t *testing.T) {
	path, done := serve(t, t.Context(), 200*time.Millisecond, func(ctx context.Context, r Request) (Result, error) {
		return Result{State: OK}, nil
	})
	for _, s := range []string{"", "{", "{}\n", `{"shell":"sh"}` + "\n", strings.Repeat(" ", maxRequest+1)} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(s))
		c.Close()
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Serve does not end")
	}
}

func TestAskGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	path, _ := serve(t, t.Context(), 0, func(ctx context.Context, r Request) (Result, error) {
		time.Sleep(300 * time.Millisecond)
		return Result{State: OK}, nil
	})
	if _, err := Ask(ctx, path, Request{}); fault(err) != "selftest.out_of_time" {
		t.Errorf("%v", err)
	}
}

// Whatever is asked: no panic, and nothing above the limits.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(bytes.NewReader(b))
		if err == nil && r.check() != nil {
			t.Fatalf("%+v", r)
		}
	})
}

func TestDecode(t *testing.T) {
	for s, ok := range map[string]bool{
		`{}`:                            true,
		`{"wan":["203.0.113.2"]}`:       true,
		`{"wan":["203.0.113.300"]}`:     false,
		`{"pages":[65536]}`:             false,
		`{"nonsense":1}`:                false,
		`[]`:                            false,
		``:                              false,
		`{"pages":[` + many(65) + `]}`:  false,
		`{"devices":["fe80::1%veth0"]}`: true, // no way leads there
	} {
		if _, err := decode(strings.NewReader(s)); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func many(n int) string { return strings.TrimSuffix(strings.Repeat("1,", n), ",") }
