package subscribe

import (
	"io"
	"sync/atomic"
	"time"
)

// paced is a reader that ends its transfer when too little comes. A server
// that sends a byte now and then would otherwise hold us for ever.
type paced struct {
	r     io.Reader
	came  atomic.Int64 // in this window
	watch *time.Timer
}

func newPaced(r io.Reader, t *transfer) *paced {
	p := &paced{r: r}
	p.watch = time.AfterFunc(time.Hour, func() {
		if p.came.Swap(0) < t.o.Pace.Bytes {
			t.stop(t.fault("list.fetch_slow"))
			return
		}
		p.watch.Reset(t.o.Pace.Window)
	})
	p.watch.Reset(t.o.Pace.Window) // not before watch is set
	return p
}

// Read ends the watch with what it reads.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.came.Add(int64(n))
	if err != nil {
		p.watch.Stop()
	}
	return n, err
}
