package webui

import (
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// mostKept bounds what a disk that takes nothing can cost in memory.
const mostKept = 256

// spare stands before the session store and keeps in memory what the store
// would not take: with a full disk the director must still be able to close a
// window, and a sign-out must still end a session.
type spare struct {
	scs.Store
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	kept map[[sha256.Size]byte]keptSession // by hash of the token
}

type keptSession struct {
	b      []byte // nil: the session was ended
	expiry time.Time
}

// Find is scs.Store's. Memory is newer than the store.
func (s *spare) Find(token string) ([]byte, bool, error) {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	k, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return k.b, k.b != nil && s.now().Before(k.expiry), nil
	}
	return s.Store.Find(token)
}

// Commit is scs.Store's.
func (s *spare) Commit(token string, b []byte, expiry time.Time) error {
	err := s.Store.Commit(token, b, expiry)
	return s.settle(token, keptSession{b, expiry}, err)
}

// Delete is scs.Store's.
func (s *spare) Delete(token string) error {
	err := s.Store.Delete(token)
	return s.settle(token, keptSession{nil, s.now().Add(longestTime)}, err)
}

// settle keeps k in memory if the store failed, and forgets what the store
// has taken by now.
func (s *spare) settle(token string, k keptSession, err error) error {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.kept, key)
		return nil
	}
	now := s.now()
	for old, o := range s.kept {
		if !now.Before(o.expiry) {
			delete(s.kept, old)
		}
	}
	if _, ok := s.kept[key]; !ok && len(s.kept) >= mostKept {
		return err
	}
	if s.kept == nil {
		s.kept = map[[sha256.Size]byte]keptSession{}
	}
	s.kept[key] = k
	s.log.Warn("session kept in memory only", "err", err)
	return nil
}
