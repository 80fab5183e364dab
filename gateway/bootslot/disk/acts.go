package disk

import (
	"encoding/json"
	"io"
	"path"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// Status tells how the slots stand.
func (s *Slots) Status() (bootslot.Status, error) {
	v, err := s.open(false)
	if err != nil {
		return bootslot.Status{}, err
	}
	defer v.files.Close()
	waiting, armed := v.Waiting()
	st := bootslot.Status{
		Release: s.Release, Slot: v.running, Trial: v.Trial(),
		Waiting: waiting, Armed: armed, Other: v.Other(), Failed: v.Failed(), Left: v.Left(),
	}
	if !waiting.IsZero() {
		st.Sum = bootslot.ParseSum(v.left(waiting, bootslot.Summed))
	}
	if !st.Failed.IsZero() {
		st.Why = bootslot.ParseWhy(v.left(st.Failed, bootslot.Why))
	}
	return st, nil
}

// Check tells whether an update with this manifest may be installed.
func (s *Slots) Check(manifest, signature []byte) (bootslot.Manifest, error) {
	m, err := bootslot.Trusted(manifest, signature, s.Keys)
	if err != nil {
		return m, err
	}
	return m, bootslot.Verdict(s.Release, m)
}

// Arm has the next start try what waits. On a Pi only Reboot is such a start.
func (s *Slots) Arm() error {
	return s.step(func(v *view) (bootslot.Rename, error) { return v.Arm() })
}

// Begin says that the running version was really started, if it is on trial:
// whatever becomes of it now is no matter of power that failed before.
func (s *Slots) Begin() error {
	return s.step(func(v *view) (bootslot.Rename, error) { return v.Begin() })
}

// Commit keeps the running version.
func (s *Slots) Commit() error {
	return s.step(func(v *view) (bootslot.Rename, error) {
		r, err := v.Commit()
		if err != nil || r == (bootslot.Rename{}) {
			return r, err
		}
		// A cut between the two leaves the firmware to be believed.
		if err := v.starts(v.running); err != nil {
			return r, broken(err)
		}
		return r, nil
	})
}

// Back makes the next start not the newest version: see bootslot.Slots. Of a
// version on trial it keeps why, as well as that goes.
func (s *Slots) Back(why []*text.Fault) error {
	return s.step(func(v *view) (bootslot.Rename, error) {
		r, err := v.Back()
		if err != nil {
			return r, err
		}
		if v.Trial() {
			v.keepWhy(why)
			return r, nil
		}
		if _, armed := v.Waiting(); armed || r == (bootslot.Rename{}) {
			return r, nil
		}
		// What cannot find its root would start again and again.
		if err := v.startable(v.Other()); err != nil {
			return r, err
		}
		if err := v.starts(v.idle); err != nil {
			return r, broken(err)
		}
		return r, nil
	})
}

// startable looks whether a kept version's root is there.
func (v *view) startable(version bootslot.Version) error {
	unfit := text.NewFault("slot.unfit", "version", version.String())
	c, err := v.content(bootslot.Name(version, bootslot.Kept, v.ext))
	if err != nil {
		return unfit.Because(err)
	}
	root, err := v.m.Raw("root-" + v.idle)
	if err != nil {
		return unfit.Because(err)
	}
	defer root.Close()
	if in, err := c.In(root); err != nil || !in {
		return unfit.Because(err)
	}
	return nil
}

// Reboot restarts the box, into what is armed if there is something. When a Pi
// was told of that and its restart cannot be begun, the next one tries it all
// the same, unless the power fails first: also if it is disarmed until then. It
// is on trial as ever.
func (s *Slots) Reboot() error {
	if s.pi() { // whose firmware does not look by itself
		if err := s.tryOther(); err != nil {
			return err
		}
	}
	if err := s.Machine.Reboot(); err != nil {
		return text.NewFault("slot.no_reboot").Because(err)
	}
	return nil
}

// tryOther tells the firmware if something is armed. The name stays as it is,
// since a restart takes minutes in which the power may fail: it is the new
// version that says it was started, by Begin.
func (s *Slots) tryOther() error {
	v, err := s.open(false)
	if err != nil {
		return err
	}
	defer v.files.Close()
	if _, armed := v.Waiting(); !armed {
		return nil
	}
	if err := s.Machine.TryOther(); err != nil {
		return text.NewFault("slot.tryboot").Because(err)
	}
	return nil
}

// step opens the boot partition, has decide say what to rename, and does it.
func (s *Slots) step(decide func(*view) (bootslot.Rename, error)) error {
	v, err := s.open(true)
	if err != nil {
		return err
	}
	defer v.files.Close()
	r, err := decide(v)
	if err != nil {
		return err
	}
	if err := v.do(r); err != nil {
		return broken(err)
	}
	return nil
}

const maxLeft = 8 << 10 // bytes of a file beside the loader that is no piece

// keepWhy leaves word of what is missing of the running version for the one
// that will run next. Without it the box goes back all the same.
func (v *view) keepWhy(why []*text.Fault) {
	b, err := json.Marshal(why[:min(len(why), bootslot.MaxWhy)])
	if err != nil || len(why) == 0 || len(b) > maxLeft {
		return
	}
	_ = v.leave(v.Running, bootslot.Why, b)
}

// leave writes a small file of a version.
func (v *view) leave(version bootslot.Version, m bootslot.Mark, b []byte) error {
	f, err := v.files.Create(path.Join(v.dir, bootslot.Name(version, m, v.ext)))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// left reads what was left of a version; nothing if it cannot be read.
func (v *view) left(version bootslot.Version, m bootslot.Mark) []byte {
	f, err := v.files.Open(path.Join(v.dir, bootslot.Name(version, m, v.ext)))
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxLeft))
	if err != nil {
		return nil
	}
	return b
}
