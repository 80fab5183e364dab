package netchange

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"monban/gateway/config"
	"monban/gateway/netconf"
	"monban/gateway/text"
)

// A change is what is to be put in force. s.mu is held wherever one is decided
// on, here in all that is not said to be without it.
type change struct {
	site  []byte
	files netconf.Files
	back  bool // what was there before a trial: nothing is left to go back to
}

func (s *Service) do(r request) (then *change, err error) {
	switch {
	case r.Do == netconf.Look:
		return nil, nil
	case s.stuck:
		return nil, text.NewFault("store.read_only")
	case r.Do == netconf.Apply:
		return s.apply()
	case s.until.IsZero():
		return nil, text.NewFault("network.no_trial")
	case s.aim != nil: // nobody can have seen yet whether it works
		return nil, text.NewFault("network.busy")
	}
	return nil, s.end()
}

// left is how long a trial still waits; 0: there is none.
func (s *Service) left() time.Duration {
	if s.until.IsZero() || s.stuck {
		return 0
	}
	return max(time.Until(s.until), time.Second)
}

// end ends the trial; site.toml is what it is.
func (s *Service) end() error {
	if err := s.State.remove(before); err != nil {
		return fmt.Errorf("ending the trial: %w", err)
	}
	s.until = time.Time{}
	return nil
}

// apply compares site.toml with what the network was made from, or is being
// made from, and begins a trial if it differs. The first configuration of a
// box, and what was there before a trial, are on no trial: there is nothing to
// go back to.
func (s *Service) apply() (*change, error) {
	next, err := s.State.Read(Site)
	if err != nil {
		return nil, fmt.Errorf("reading site.toml: %w", err)
	}
	files, err := s.files(next)
	if err != nil {
		return nil, text.NewFault("network.site_broken").Because(err)
	}
	put := &change{site: next, files: files}
	now := s.aim
	if now == nil {
		now, err = os.ReadFile(filepath.Join(s.Box.Run, inForce))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // the box was in set-up mode
		return put, nil
	case err != nil:
		return nil, fmt.Errorf("reading what is in force: %w", err)
	case same(s.files(now))(files):
		if s.aim != nil {
			s.aim = next
		}
		return nil, s.Box.keep(next)
	}
	old, err := s.State.Read(before)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := s.State.Write(before, now); err != nil {
			return nil, text.NewFault("store.read_only").Because(err)
		}
	case err != nil:
		return nil, fmt.Errorf("reading what was in force: %w", err)
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

// begin has c made, after what is being made. What waited for that is given
// up; nil changes nothing.
func (s *Service) begin(c *change) {
	if c == nil {
		return
	}
	idle := s.aim == nil
	s.aim, s.next = c.site, c
	if idle {
		s.group.Go("change", s.work)
	}
}

// work makes one change after the other until none waits. Without s.mu.
func (s *Service) work(ctx context.Context) error {
	for c, err := s.take(); c != nil && ctx.Err() == nil; c, err = s.take() {
		if err := errors.Join(err, s.Box.Change(ctx, c.files)); err != nil {
			s.failed(ctx, c, err)
		}
	}
	return nil
}

// take returns what is to be made next, nil if nothing is, and remembers what
// the network is made from. Without s.mu.
func (s *Service) take() (*change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.next
	s.next = nil
	if c == nil {
		s.aim = nil
		s.wake()
		return nil, nil
	}
	return c, s.Box.keep(s.aim)
}

// failed takes a change back that could not be made, unless another waits
// already, or the service ends: the trial is the next one's then. Without s.mu.
func (s *Service) failed(ctx context.Context, c *change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warn(err)
	if !c.back && s.next == nil && ctx.Err() == nil {
		s.revert()
	}
}

// again is how long after a failure a change is tried to be taken back again.
const again = 10 * time.Second

// revert takes a change back that nobody confirmed. The network goes back also
// when site.toml cannot.
func (s *Service) revert() {
	s.until = time.Time{}
	if !s.State.Has(before) {
		return
	}
	old, err := s.State.Read(before)
	if err != nil {
		s.until = time.Now().Add(again)
		s.warn(fmt.Errorf("reading what was in force: %w", err))
		return
	}
	f, err := s.files(old)
	if err != nil {
		s.warn(fmt.Errorf("reading what was in force: %w", err))
		return
	}
	_, err = s.State.TakeBack()
	s.warn(err)
	if s.stuck = s.State.Has(before); s.stuck {
		s.until = time.Now().Add(again)
	}
	s.begin(&change{site: old, files: f, back: true})
}
