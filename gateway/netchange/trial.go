package netchange

import (
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

// do carries a request out but for making the change; begun says that a worker
// is to be started for it. A change waits for the worker from here on: what
// fails meanwhile must not go back past it.
func (s *Service) do(r request) (begun bool, err error) {
	switch {
	case s.stuck && r.Do != netconf.Look:
		return false, text.NewFault("store.read_only")
	case r.Do == netconf.Apply:
		c, err := s.apply()
		if c == nil || err != nil {
			return false, err
		}
		return s.queue(c), nil
	case s.owed != nil:
		return false, text.NewFault("network.not_applied")
	case r.Do == netconf.Look:
		return false, nil
	case s.until.IsZero():
		return false, text.NewFault("network.no_trial")
	case s.aim != nil: // nobody can have seen yet whether it works
		return false, text.NewFault("network.busy")
	}
	return false, s.end()
}

// left is how long a trial still waits; 0: there is none.
func (s *Service) left() time.Duration {
	if s.until.IsZero() || s.stuck || s.owed != nil {
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
// go back to. The same holds where what is in force cannot be read as a
// site.toml, or was never made whole.
func (s *Service) apply() (*change, error) {
	put, err := s.wanted()
	if err != nil {
		return nil, err
	}
	now, err := s.now()
	switch {
	case errors.Is(err, fs.ErrNotExist): // the box was in set-up mode
		return put, nil
	case err != nil:
		return nil, fmt.Errorf("reading what is in force: %w", err)
	}
	is, broken := s.files(now)
	if same(is, broken)(put.files) {
		return nil, s.asBefore(put.site)
	}
	old, err := s.State.Read(before)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (broken != nil || s.owed != nil && !s.owed.back):
		return put, nil
	case errors.Is(err, fs.ErrNotExist):
		if err := s.State.Write(before, now); err != nil {
			return nil, text.NewFault("store.read_only").Because(err)
		}
	case err != nil:
		return nil, fmt.Errorf("reading what was in force: %w", err)
	case same(s.files(old))(put.files):
		put.back = true
		return put, s.end()
	}
	s.until = time.Now().Add(s.Patience)
	return put, nil
}

// wanted is what site.toml says.
func (s *Service) wanted() (*change, error) {
	site, err := s.State.Read(Site)
	if err != nil {
		return nil, fmt.Errorf("reading site.toml: %w", err)
	}
	files, err := s.files(site)
	if err != nil {
		return nil, text.NewFault("network.site_broken").Because(err)
	}
	return &change{site: site, files: files}, nil
}

// now is the site.toml the network was made from, or is to be made from, with
// the error of os.ReadFile if there is none.
func (s *Service) now() ([]byte, error) {
	switch {
	case s.aim != nil:
		return s.aim.site, nil
	case s.owed != nil:
		return s.owed.site, nil
	}
	return os.ReadFile(filepath.Join(s.Box.Run, inForce))
}

// asBefore takes the text of a site.toml that asks for nothing new.
func (s *Service) asBefore(site []byte) error {
	if s.aim != nil {
		s.aim.site = site
	}
	if s.owed != nil {
		s.owed.site = site
		return text.NewFault("network.not_applied")
	}
	if s.aim != nil {
		return nil // remembered when it is made
	}
	return s.Box.keep(site)
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

// again is how long after a failure a change is tried to be taken back again.
const again = 10 * time.Second

// revert takes a change back that nobody confirmed. The network goes back also
// when site.toml cannot.
func (s *Service) revert() {
	s.until, s.stuck = time.Time{}, false
	if !s.State.Has(before) {
		return
	}
	old, err := s.State.Read(before)
	var f netconf.Files
	if err == nil {
		f, err = s.files(old)
	}
	if err != nil {
		// Still a trial, which somebody may end.
		s.until = time.Now().Add(again)
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
