package netchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/netconf"
	"monban/gateway/run"
	"monban/gateway/text"
)

// A Service changes the network of a box that runs. Its timer is its own: a
// change is taken back also when the daemon is dead.
type Service struct {
	Box      Box
	State    State
	Cores    int
	Patience time.Duration
	Warn     func(error) // told of what went wrong after the answer; not twice at once

	group *run.Group
	wake  func() // has Serve look again what it waits for

	mu    sync.Mutex    // not held while systemd is told
	until time.Time     // end of the trial, or when what failed is tried again; zero: neither
	stuck bool          // the change went back, but site.toml could not yet
	aim   *change       // the last that is being made or waits for it; nil: nobody is at it
	next  *change       // what is to be made after what is being made
	owed  *change       // what could not be made and has nothing to go back to; nil: nothing
	pause time.Duration // from the failure of owed to its next try; 0: none failed

	undone []string // paths of files the system was not told of yet; the worker's own
}

// reply is what is written back: either of the two.
type reply struct {
	Change *netconf.Change `json:"change,omitempty"`
	Fault  *text.Fault     `json:"fault,omitempty"`
}

type request struct {
	Do netconf.Request `json:"do"`
}

// Limits of one conversation.
const (
	talk   = 5 * time.Second
	maxAsk = 4 << 10
)

// Serve answers requests one after the other, also while the network changes,
// until ctx ends and what was begun is made, or until nobody asked for idle (0:
// for ever), no change is on trial, none is being made and none is owed. A trial
// that an earlier run of the service left behind has its whole time again; a
// change it died in counts as failed.
func (s *Service) Serve(ctx context.Context, l *net.UnixListener, idle time.Duration) error {
	group, ctx := run.NewGroup(ctx)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	s.mu.Lock()
	s.group, s.wake = group, func() { _ = l.SetDeadline(time.Now()) }
	s.resume()
	s.mu.Unlock()
	for {
		rest, err := s.await(l, idle)
		var c *net.UnixConn
		if err == nil {
			c, err = l.AcceptUnix()
		}
		switch {
		case ctx.Err() != nil:
			return group.Wait()
		case errors.Is(err, os.ErrDeadlineExceeded) && s.over(rest):
			return group.Wait()
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return errors.Join(fmt.Errorf("waiting for requests: %w", err), group.Wait())
		default:
			s.answer(ctx, c)
		}
	}
}

// await sets how long l waits for a request; s.wake ends it sooner. rest is
// when nobody has asked for idle; zero: that does not count now.
func (s *Service) await(l *net.UnixListener, idle time.Duration) (rest time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until.IsZero() {
		return rest, l.SetDeadline(s.until)
	}
	if idle > 0 && s.aim == nil {
		rest = time.Now().Add(idle)
	}
	return rest, l.SetDeadline(rest)
}

// over takes a change back whose time is over, or tries again what is owed, and
// says whether there is nothing left to wait for.
func (s *Service) over(rest time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.until.IsZero() {
		return !rest.IsZero() && !now.Before(rest)
	}
	switch {
	case now.Before(s.until):
	case s.owed != nil:
		s.until = time.Time{}
		s.begin(s.owed)
	default:
		s.revert()
	}
	return false
}

func (s *Service) warn(err error) {
	if err != nil && s.Warn != nil {
		s.Warn(err)
	}
}

// answer serves one connection, and has begun what was asked for after the
// answer: whoever asks may be stopped by it.
func (s *Service) answer(ctx context.Context, c *net.UnixConn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := c.SetDeadline(time.Now().Add(talk)); err != nil {
		return
	}
	var ans reply
	r, err := decode(io.LimitReader(c, maxAsk))
	if err == nil && gone(c) {
		return // it was told that nobody answers, and asks again
	}
	s.mu.Lock()
	var begun bool
	if err == nil {
		begun, err = s.do(r)
	}
	left := s.left()
	s.mu.Unlock()
	switch {
	case err == nil:
		ans.Change = &netconf.Change{Left: left}
	case !errors.As(err, &ans.Fault):
		ans.Fault = text.NewFault("network.unreachable", "detail", err.Error())
	}
	_ = json.NewEncoder(c).Encode(ans)
	c.Close()
	if begun {
		s.group.Go("change", s.work)
	}
}

// gone says whether whoever asked has hung up.
func gone(c *net.UnixConn) (hup bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, 0)
		hup = err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return hup || err != nil
}

// decode reads one request. Nothing unknown is taken.
func decode(from io.Reader) (r request, err error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return request{}, fmt.Errorf("reading request: %w", err)
	}
	switch r.Do {
	case netconf.Apply, netconf.Confirm, netconf.Look:
		return r, nil
	}
	return request{}, fmt.Errorf("unknown request %q", r.Do)
}
