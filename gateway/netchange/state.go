package netchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"monban/gateway/config"
	"monban/gateway/netconf"
)

// Names in the state directory.
const (
	Site     = "site.toml"
	before   = netconf.BeforeFile
	reverted = netconf.RevertedFile
)

// A State is the service's state directory, which is not root's: nothing in it
// may lead elsewhere, and what is made there belongs to who owns it.
type State struct{ root *os.Root }

// OpenState opens the state directory.
func OpenState(dir string) (State, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return State{}, fmt.Errorf("opening the state directory: %w", err)
	}
	return State{r}, nil
}

// Close ends the use of the directory.
func (s State) Close() error { return s.root.Close() }

// Read returns a file, which must be no longer than a site.toml may be.
func (s State) Read(name string) ([]byte, error) {
	// A pipe instead of a file would hold whoever opens it.
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no file", name), err)
	}
	return io.ReadAll(io.LimitReader(f, config.MaxSize+1))
}

// Has says whether there is a file of that name.
func (s State) Has(name string) bool {
	_, err := s.root.Lstat(name)
	return err == nil
}

// Write puts a file in place as a whole; when it returns it is on the disk.
func (s State) Write(name string, b []byte) (err error) {
	owner, err := s.root.Stat(".")
	if err != nil {
		return err
	}
	next := name + ".new"
	if err := s.root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if st, ok := owner.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		err = f.Chown(int(st.Uid), int(st.Gid))
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		// On a full disk its room is wanted.
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), s.root.Remove(next))
	}
	return s.rename(next, name)
}

func (s State) rename(from, to string) error {
	if err := s.root.Rename(from, to); err != nil {
		return err
	}
	return s.sync()
}

// remove takes a file away if it is there.
func (s State) remove(name string) error {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.sync()
}

func (s State) sync() error {
	d, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// TakeBack puts site.toml back as it was before a change that nobody has
// confirmed, and says whether there was one. The change itself is kept beside
// it if the disk takes it; the error says so if not. At each moment, power cuts
// included, one of the two is site.toml.
func (s State) TakeBack() (bool, error) {
	if !s.Has(before) {
		return false, nil
	}
	var errs []error
	if tried, err := s.Read(Site); err == nil {
		if err := s.Write(reverted, tried); err != nil {
			errs = append(errs, fmt.Errorf("keeping the change: %w", err))
		}
	}
	if err := s.rename(before, Site); err != nil {
		errs = append(errs, fmt.Errorf("taking the change back: %w", err))
	}
	return true, errors.Join(errs...)
}
