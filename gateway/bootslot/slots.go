package bootslot

import (
	"errors"

	"monban/gateway/text"
)

// Slots is how the versions of a box stand with the loader: the running one and
// what lies in the other slot. It decides in names of files; who does it makes
// each step last before the next.
//
// FAT has no rename that a power cut cannot split: both names may stay, with one
// content. So no file is renamed over another, none of the running version is
// removed, and all names of another version are removed together.
type Slots struct {
	Running Version
	files   []File
	ext     string
}

// Look takes the listing of the directory that the loader looks at. ext is its
// extension, as in ".efi".
func Look(running Version, names []string, ext string) Slots {
	return Slots{running, ParseNames(names, ext), ext}
}

// A Rename is a step; the zero Rename is none. Without From it makes an empty
// file.
type Rename struct{ From, To string }

func (s Slots) find(v Version, marks ...Mark) (File, bool) {
	for _, m := range marks {
		for _, f := range s.files {
			if f.Version == v && f.Mark == m {
				return f, true
			}
		}
	}
	return File{}, false
}

func (s Slots) has(v Version, marks ...Mark) bool {
	_, ok := s.find(v, marks...)
	return ok
}

// to renames f to the first of marks whose name is free.
func (s Slots) to(f File, marks ...Mark) (Rename, error) {
	for _, m := range marks {
		if !s.has(f.Version, m) {
			return Rename{f.Name, Name(f.Version, m, s.ext)}, nil
		}
	}
	return Rename{}, errors.New("there are too many files of version " + f.Version.String() + " beside the loader")
}

// newest is the newest version that is not running and for which ok says so.
func (s Slots) newest(ok func(Version) bool) (v Version) {
	for _, f := range s.files {
		if f.Version != s.Running && f.Version.Compare(v) > 0 && ok(f.Version) {
			v = f.Version
		}
	}
	return v
}

// Trial says whether the running version is not kept yet. If what the loader
// started could not count its try, the try is still to be seen in the name.
func (s Slots) Trial() bool { return !s.has(s.Running, Kept) && s.has(s.Running, Tried, Armed) }

// lost says whether the loader has no file of the running version.
func (s Slots) lost() bool { return !s.has(s.Running, Kept, Tried, Armed, GivenUp) }

// leaving says whether a person has given up the running version, so that the
// next start is another.
func (s Slots) leaving() bool { return !s.has(s.Running, Kept) && !s.Trial() && !s.lost() }

// Other is the version to which the box can go back; none if there is none.
func (s Slots) Other() Version {
	return s.newest(func(v Version) bool { return s.has(v, Kept) })
}

// Waiting is a version that is written whole and was not tried, and whether the
// next start tries it.
func (s Slots) Waiting() (v Version, armed bool) {
	v = s.newest(func(v Version) bool { return !s.has(v, Kept) && s.has(v, Ready, Armed) })
	return v, s.has(v, Armed)
}

// Failed is a newer version than the running one that was tried and did not
// stay.
func (s Slots) Failed() Version {
	return s.newest(func(v Version) bool {
		return v.Compare(s.Running) > 0 && !s.has(v, Kept, Ready, Armed) && s.has(v, Tried)
	})
}

// Left is a version that a person has given up.
func (s Slots) Left() Version {
	if s.leaving() {
		return s.Running
	}
	return s.newest(func(v Version) bool { return !s.has(v, Kept, Ready, Armed, Tried) && s.has(v, GivenUp) })
}

// MayInstall says why the other slot may not be written now; nil if it may. On
// trial it holds what the box falls back to.
func (s Slots) MayInstall() error {
	switch {
	case s.lost():
		return text.NewFault("slot.lost", "version", s.Running.String())
	case s.Trial():
		return text.NewFault("slot.on_trial", "version", s.Running.String())
	case s.leaving():
		return text.NewFault("slot.leaving", "version", s.Running.String())
	}
	return nil
}

// Clear names what goes before the other slot is written: every file of another
// version, since the root it belongs to is about to go.
func (s Slots) Clear() (names []string) {
	for _, f := range s.files {
		if f.Version != s.Running {
			names = append(names, f.Name)
		}
	}
	return names
}

// Arm has the next start try the version that waits.
func (s Slots) Arm() (Rename, error) {
	v, armed := s.Waiting()
	switch f, _ := s.find(v, Ready); {
	case v.IsZero():
		return Rename{}, text.NewFault("slot.nothing_waiting")
	case armed:
		return Rename{}, nil
	default:
		return s.to(f, Armed)
	}
}

// Begin says that the running version, if it is on trial, was really started:
// its name counts the try where the loader did not. Until then the version
// before takes it for one that is still to be started, and so does a loader that
// cannot write.
func (s Slots) Begin() (Rename, error) {
	if f, ok := s.find(s.Running, Armed); ok && s.Trial() {
		return s.to(f, Tried, GivenUp)
	}
	return Rename{}, nil
}

// Commit keeps the running version.
func (s Slots) Commit() (Rename, error) {
	if s.has(s.Running, Kept) {
		return Rename{}, nil
	}
	f, ok := s.find(s.Running, Tried, Armed, GivenUp)
	if !ok {
		return Rename{}, text.NewFault("slot.lost", "version", s.Running.String())
	}
	return s.to(f, Kept)
}

// Back makes the next start not the newest version: it disarms one that waits,
// or else gives up the running one for Other. One on trial needs no step, unless
// its try was not counted yet.
func (s Slots) Back() (Rename, error) {
	if v, armed := s.Waiting(); armed {
		f, _ := s.find(v, Armed)
		return s.to(f, Ready, GivenUp)
	}
	if s.Other().IsZero() {
		return Rename{}, text.NewFault("slot.no_other")
	}
	if f, ok := s.find(s.Running, Kept); ok {
		return s.to(f, GivenUp, Tried)
	}
	return s.Begin()
}

// Agree makes the running version's name say whether it is kept, where that is
// known from elsewhere. What is not kept and has no name that says more is on
// trial: it was disarmed after the loader was told to try it.
func (s Slots) Agree(kept bool) (Rename, error) {
	switch has := s.has(s.Running, Kept); {
	case kept && !has:
		f, _ := s.find(s.Running, Tried, Armed, GivenUp)
		return s.to(File{f.Name, s.Running, f.Mark}, Kept)
	case !kept && (has || s.lost()):
		f, _ := s.find(s.Running, Kept, Ready)
		return s.to(File{f.Name, s.Running, f.Mark}, Tried, GivenUp)
	}
	return Rename{}, nil
}
