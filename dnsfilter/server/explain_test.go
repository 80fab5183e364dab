package server

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/upstream"
)

// slowly answers after a second, and counts.
type slowly struct {
	everything
	asked *atomic.Int32
}

func (u slowly) Exchange(ctx context.Context, q upstream.Question) (*dns.Msg, error) {
	u.asked.Add(1)
	time.Sleep(time.Second)
	return u.everything.Exchange(ctx, q)
}

// Anybody in the house can have a name explained, so what that asks outside at
// a time is bounded; beyond that what is known without is told at once.
func TestExplainingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		s := bench(t, slowly{asked: &asked})
		var all sync.WaitGroup
		for i := range 100 {
			client := netip.AddrFrom4([4]byte{192, 168, 10, byte(10 + i%10)})
			all.Go(func() {
				if d, err := s.Explain(t.Context(), fmt.Sprintf("n%d.example", i), client); err != nil || d.Action != dnsfilter.Forward {
					t.Errorf("%+v, %v", d, err)
				}
			})
		}
		synctest.Wait()
		if n := asked.Load(); n != maxCurious {
			t.Errorf("%d asked outside at a time", n)
		}
		all.Wait()
		asked.Store(0)
		for range 10 {
			all.Go(func() { s.Explain(t.Context(), "one.example", loopback) })
		}
		synctest.Wait()
		if n := asked.Load(); n != maxCuriousEach {
			t.Errorf("%d asked outside at a time for one client", n)
		}
		all.Wait()
		if n := s.curious.size(); n != 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}
