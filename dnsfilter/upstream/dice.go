package upstream

import (
	crypto "crypto/rand"
	"math/rand/v2"
	"sync"
)

// dice are the random bits that a forger has to guess. They come from ChaCha8
// under a key of the system's: asking the system for each question costs as much
// as all else of writing it.
type dice struct {
	mu sync.Mutex
	c  *rand.ChaCha8
}

func newDice() *dice {
	var key [32]byte
	crypto.Read(key[:])
	return &dice{c: rand.NewChaCha8(key)}
}

// read fills b.
func (d *dice) read(b []byte) {
	d.mu.Lock()
	d.c.Read(b)
	d.mu.Unlock()
}
