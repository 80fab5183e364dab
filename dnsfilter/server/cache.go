package server

import (
	"hash/maphash"
	"sync"
)

// A cache keeps answers within a number of bytes, those last used. It is
// split into shards so that sockets rarely wait for each other.
type cache struct {
	seed   maphash.Seed
	shards [cacheShards]shard
}

const cacheShards = 16

// A shard holds entries by hash; two names that share one push each other out.
type shard struct {
	mu    sync.Mutex
	m     map[uint64]*node
	head  node // of a ring: head.next was used last, head.prev longest ago
	bytes int
	limit int
}

type node struct {
	next, prev *node
	hash       uint64
	weight     int
	e          *entry
}

func newCache(limit int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = limit / cacheShards
		s.clear()
	}
	return c
}

// hash is keyed: nobody outside can choose names that fall together.
func (c *cache) hash(q *question) uint64 {
	var b [maxWire + 4]byte
	n := copy(b[:], q.wire())
	b[n], b[n+1] = byte(q.typ>>8), byte(q.typ)
	if q.do {
		b[n+2] = 1
	}
	if q.flags&bitCD != 0 {
		b[n+2] |= 2
	}
	b[n+3] = q.group
	return maphash.Bytes(c.seed, b[:n+4])
}

func (c *cache) shard(hash uint64) *shard { return &c.shards[hash%cacheShards] }

// get returns the entry that answers q, fresh or stale, or nil.
func (c *cache) get(q *question) *entry {
	hash := c.hash(q)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.m[hash]
	if n == nil || !n.e.is(q) {
		return nil
	}
	if !n.e.failed {
		n.unlink()
		n.linkAfter(&s.head)
	}
	return n.e
}

// put keeps e as the answer to q. A failure takes the place of what would be
// forgotten next, and is the first to be forgotten: the names that fail during
// an outage must not push out what bridges it.
func (c *cache) put(q *question, e *entry) {
	n := &node{hash: c.hash(q), weight: e.weight(), e: e}
	s := c.shard(n.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.m[n.hash]; old != nil {
		s.drop(old)
	}
	if n.weight > s.limit {
		return
	}
	for s.bytes+n.weight > s.limit {
		s.drop(s.head.prev)
	}
	s.m[n.hash] = n
	s.bytes += n.weight
	if e.failed {
		n.linkAfter(s.head.prev)
	} else {
		n.linkAfter(&s.head)
	}
}

// inherit takes over what old holds of group 0. Both have the same limit, and
// nobody else uses c yet. old goes on as it is for who still reads it.
func (c *cache) inherit(old *cache) {
	c.seed = old.seed
	for i := range old.shards {
		from, to := &old.shards[i], &c.shards[i]
		from.mu.Lock()
		for n := from.head.prev; n != &from.head; n = n.prev { // the last used comes last, as it was
			if n.e.group == 0 {
				copied := &node{hash: n.hash, weight: n.weight, e: n.e}
				to.m[n.hash] = copied
				to.bytes += n.weight
				copied.linkAfter(&to.head)
			}
		}
		from.mu.Unlock()
	}
}

// clear forgets everything.
func (c *cache) clear() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.clear()
		s.mu.Unlock()
	}
}

// size returns the number of entries and the bytes they take.
func (c *cache) size() (entries, bytes int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		entries += len(s.m)
		bytes += s.bytes
		s.mu.Unlock()
	}
	return entries, bytes
}

func (s *shard) clear() {
	s.m = make(map[uint64]*node)
	s.head.next, s.head.prev = &s.head, &s.head
	s.bytes = 0
}

func (s *shard) drop(n *node) {
	n.unlink()
	delete(s.m, n.hash)
	s.bytes -= n.weight
}

func (n *node) unlink() { n.prev.next, n.next.prev = n.next, n.prev }

func (n *node) linkAfter(p *node) {
	n.prev, n.next = p, p.next
	p.next.prev = n
	p.next = n
}
