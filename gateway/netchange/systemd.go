package netchange

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
)

// jobLimit bounds one job that is waited for. The longest is the stop of
// monban.service, which its unit bounds to 10 s.
const jobLimit = 30 * time.Second

// systemd is the first process behind its private socket, which root alone may
// use and which is there without a message bus.
type systemd struct{ c *dbus.Conn }

// Dial connects to systemd.
func Dial(ctx context.Context) (Systemd, error) {
	c, err := dbus.NewSystemdConnectionContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to systemd: %w", err)
	}
	return systemd{c}, nil
}

func (s systemd) Close() { s.c.Close() }

func (s systemd) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, jobLimit)
	defer cancel()
	if err := s.c.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reloading the units: %w", err)
	}
	return nil
}

func (s systemd) Job(ctx context.Context, do Verb, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, jobLimit)
	defer cancel()
	done := make(chan string, 1)
	if err := s.ask(ctx, do, unit, done); err != nil {
		return err
	}
	select {
	case r := <-done:
		if r != "done" && r != "skipped" {
			return fmt.Errorf("%s of %s: %s", do, unit, r)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s of %s: %w", do, unit, ctx.Err())
	}
}

func (s systemd) Begin(ctx context.Context, do Verb, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, jobLimit)
	defer cancel()
	return s.ask(ctx, do, unit, nil)
}

// ask queues a job. Its result goes to done unless that is nil.
func (s systemd) ask(ctx context.Context, do Verb, unit string, done chan<- string) error {
	queue := map[Verb]func(context.Context, string, string, chan<- string) (int, error){
		Start: s.c.StartUnitContext, Stop: s.c.StopUnitContext, Renew: s.c.ReloadOrTryRestartUnitContext,
		Restart: s.c.TryRestartUnitContext, Reread: s.c.ReloadUnitContext,
	}[do]
	if _, err := queue(ctx, unit, "replace", done); err != nil {
		return fmt.Errorf("%s of %s: %w", do, unit, err)
	}
	return nil
}
