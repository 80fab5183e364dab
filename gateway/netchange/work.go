package netchange

import (
	"context"
	"errors"
	"time"
)

// mostPause bounds the pause between two tries of what is owed: each may stop
// the service for a moment.
const mostPause = time.Hour

// resume takes up what an earlier run of the service left behind.
func (s *Service) resume() {
	s.until, s.pause, s.stuck = time.Time{}, 0, false
	s.aim, s.next, s.owed, s.undone = nil, nil, nil, nil
	trial := s.State.Has(before)
	switch {
	case s.Box.unfinished():
		s.undone = s.Box.paths()
		if trial {
			s.revert()
		} else if c, err := s.wanted(); err != nil {
			s.warn(err)
		} else {
			s.owed = c
			s.begin(c)
		}
	case trial:
		s.until = time.Now().Add(s.Patience)
	}
}

// queue has c made after what is being made, and says whether a worker is to be
// started for it. What waited for that is given up, and what was owed.
func (s *Service) queue(c *change) (idle bool) {
	if s.owed != nil && s.owed != c {
		s.owed, s.pause = nil, 0
		if !s.State.Has(before) {
			s.until = time.Time{}
		}
	}
	idle = s.aim == nil
	s.aim, s.next = c, c
	return idle
}

func (s *Service) begin(c *change) {
	if s.queue(c) {
		s.group.Go("change", s.work)
	}
}

// work makes one change after the other until none waits. What was begun is
// finished: a network changed by half may reach nobody. Without s.mu.
func (s *Service) work(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	for c := s.turn(nil, nil); c != nil; c = s.turn(c, err) {
		// Whoever finds the copy empty knows that a change was not finished.
		kept := s.Box.keep(nil)
		s.undone, err = s.Box.Change(ctx, c.files, s.undone)
		err = errors.Join(kept, err)
	}
	return nil
}

// turn settles what came of c, if that is not nil, and returns what is to be
// made next, nil if nothing is. Without s.mu.
func (s *Service) turn(c *change, err error) *change {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c != nil {
		s.settle(c, err)
	}
	c, s.next = s.next, nil
	if c == nil {
		s.aim = nil
		s.wake()
	}
	return c
}

// settle remembers what the network was made from, or takes a change back that
// could not be made, unless another waits already. What has nothing to go back
// to is owed.
func (s *Service) settle(c *change, err error) {
	if err == nil {
		err = s.Box.keep(c.site)
	}
	if err == nil {
		if s.owed == c {
			s.owed, s.pause = nil, 0
		}
		return
	}
	s.warn(err)
	if s.next != nil {
		return
	}
	if !c.back {
		s.revert()
	}
	if s.next == nil && s.until.IsZero() {
		s.owed, s.pause = c, min(max(2*s.pause, again), mostPause)
		s.until = time.Now().Add(s.pause)
	}
}
