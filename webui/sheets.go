package webui

import (
	"sync"
	"time"
)

// sheetTime is how long a fresh sheet of recovery codes can be looked at.
const sheetTime = 15 * time.Minute

// A sheet is recovery codes between being made and being on paper. They are in
// memory only: on disk there are hashes.
type sheet struct {
	codes []string
	at    time.Time
	anew  bool // in the place of older ones, not at set-up
}

// sheets are those of the people who have not put theirs away yet.
type sheets struct {
	mu sync.Mutex
	of map[int64]sheet
}

func (s *sheets) put(person int64, sh sheet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[int64]sheet{}
	}
	s.of[person] = sh
}

func (s *sheets) get(person int64, now time.Time) (sheet, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, ok := s.of[person]
	if ok && now.Sub(sh.at).Abs() > sheetTime {
		delete(s.of, person)
		return sheet{}, false
	}
	return sh, ok
}

func (s *sheets) drop(person int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, person)
}
