package server

import (
	"net/netip"
	"sync"
)

// A quota shares a number of places among clients, so that one of them cannot
// take all.
type quota struct {
	most, each int // places in all, and of one client

	mu    sync.Mutex
	taken int
	of    map[netip.Addr]int
}

func newQuota(most, each int) *quota {
	return &quota{most: most, each: each, of: map[netip.Addr]int{}}
}

// enter takes a place for a; false if there is none.
func (q *quota) enter(a netip.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken >= q.most || q.of[a] >= q.each {
		return false
	}
	q.taken++
	q.of[a]++
	return true
}

// leave gives a's place back.
func (q *quota) leave(a netip.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	if q.of[a]--; q.of[a] == 0 {
		delete(q.of, a)
	}
}

func (q *quota) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken
}
