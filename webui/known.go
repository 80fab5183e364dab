package webui

import (
	"sync"

	"monban/gateway/people"
)

// known are the people who were here since the start. When the store cannot
// say who somebody is, they can still close what is open, and nothing else:
// whoever was taken away just then can do no harm by that.
type known struct {
	mu sync.Mutex
	of map[int64]people.Actor
}

func (k *known) put(a people.Actor) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[int64]people.Actor{}
	}
	k.of[a.ID] = a
}

func (k *known) get(id int64) (people.Actor, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.of[id]
	return a, ok
}

func (k *known) drop(id int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, id)
}
