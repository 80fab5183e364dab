package netchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"monban/gateway/config"
	"monban/gateway/netconf"
	"monban/gateway/text"
)

// Patience is how long a change of the network waits for somebody who confirms
// that he still reaches the box.
const Patience = 180 * time.Second

// A Service changes the network of a box that runs. Its timer is its own: a
// change is taken back also when the daemon is dead.
type Service struct {
	Box      Box
	State    State
	Cores    int
	Patience time.Duration
	Warn     func(error) // told of what went wrong after the answer

	until time.Time // end of the trial; zero: there is none
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

// Serve answers requests one after the other until ctx ends, or until nobody
// asked for idle (0: for ever) and no change is on trial. A trial that an
// earlier run of the service left behind has its whole time again.
func (s *Service) Serve(ctx context.Context, l *net.UnixListener, idle time.Duration) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	if s.State.Has(before) {
		s.until = time.Now().Add(s.Patience)
	}
	for {
		var wait time.Time
		if idle > 0 {
			wait = time.Now().Add(idle)
		}
		if !s.until.IsZero() {
			wait = s.until
		}
		if err := l.SetDeadline(wait); err != nil && ctx.Err() == nil {
			return fmt.Errorf("waiting for requests: %w", err)
		}
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && s.until.IsZero():
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.warn(s.revert(ctx))
		case err != nil:
			return fmt.Errorf("waiting for requests: %w", err)
		default:
			s.answer(ctx, c)
		}
	}
}

func (s *Service) warn(err error) {
	if err != nil && s.Warn != nil {
		s.Warn(err)
	}
}

// answer serves one connection, and does what was asked for after the answer:
// whoever asks may be stopped by it.
func (s *Service) answer(ctx context.Context, c net.Conn) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(talk)); err != nil {
		return
	}
	var ans reply
	r, err := decode(io.LimitReader(c, maxAsk))
	var then func(context.Context) error
	if err == nil {
		then, err = s.do(r)
	}
	switch {
	case err == nil:
		ans.Change = &netconf.Change{Left: s.left()}
	case !errors.As(err, &ans.Fault):
		ans.Fault = text.NewFault("network.unreachable", "detail", err.Error())
	}
	_ = json.NewEncoder(c).Encode(ans)
	c.Close()
	if then == nil {
		return
	}
	if err := then(ctx); err != nil {
		s.warn(err)
		s.warn(s.revert(ctx))
	}
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

func (s *Service) left() time.Duration {
	if s.until.IsZero() {
		return 0
	}
	return max(time.Until(s.until), time.Second)
}

func (s *Service) do(r request) (then func(context.Context) error, err error) {
	switch {
	case r.Do == netconf.Apply:
		return s.apply()
	case r.Do == netconf.Confirm && s.until.IsZero():
		return nil, text.NewFault("network.no_trial")
	case r.Do == netconf.Confirm:
		return nil, s.end()
	}
	return nil, nil
}

// end ends the trial; site.toml is what it is.
func (s *Service) end() error {
	if err := s.State.remove(before); err != nil {
		return fmt.Errorf("ending the trial: %w", err)
	}
	s.until = time.Time{}
	return nil
}

// apply compares site.toml with what the network was made from and begins a
// trial if it differs. The first configuration of a box, and what was there
// before a trial, are on no trial: there is nothing to go back to.
func (s *Service) apply() (func(context.Context) error, error) {
	next, err := s.State.Read(Site)
	if err != nil {
		return nil, fmt.Errorf("reading site.toml: %w", err)
	}
	files, err := s.files(next)
	if err != nil {
		return nil, text.NewFault("network.site_broken").Because(err)
	}
	put := func(ctx context.Context) error { return s.put(ctx, next, files) }
	now, err := os.ReadFile(filepath.Join(s.Box.Run, inForce))
	if err != nil { // the box was in set-up mode
		return put, nil
	}
	if same(s.files(now))(files) {
		return nil, s.Box.keep(next)
	}
	old, err := s.State.Read(before)
	switch {
	case err != nil:
		if err := s.State.Write(before, now); err != nil {
			return nil, text.NewFault("store.read_only").Because(err)
		}
	case same(s.files(old))(files):
		return put, s.end()
	}
	s.until = time.Now().Add(s.Patience)
	return put, nil
}

func (s *Service) files(site []byte) (netconf.Files, error) {
	c, err := config.Parse(site)
	if err != nil {
		return nil, err
	}
	return s.Box.its(netconf.For(c, s.Cores)), nil
}

// same says whether files could be made at all and are those asked about.
func same(a netconf.Files, err error) func(netconf.Files) bool {
	return func(b netconf.Files) bool { return err == nil && a.String() == b.String() }
}

// put puts in force what was made of a site.toml.
func (s *Service) put(ctx context.Context, site []byte, f netconf.Files) error {
	return errors.Join(s.Box.keep(site), s.Box.Change(ctx, f))
}

// again is how long after a failure a change is tried to be taken back again.
const again = 10 * time.Second

// revert takes a change back that nobody confirmed. The network goes back also
// when site.toml cannot.
func (s *Service) revert(ctx context.Context) error {
	s.until = time.Time{}
	if !s.State.Has(before) {
		return nil
	}
	old, err := s.State.Read(before)
	if err != nil {
		return fmt.Errorf("reading what was in force: %w", err)
	}
	f, err := s.files(old)
	if err != nil {
		return fmt.Errorf("reading what was in force: %w", err)
	}
	_, err = s.State.TakeBack()
	if err = errors.Join(err, s.put(ctx, old, f)); err != nil && s.State.Has(before) {
		s.until = time.Now().Add(again)
	}
	return err
}
