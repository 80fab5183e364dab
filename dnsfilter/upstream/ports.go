package upstream

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// A new socket for each question hides the port best, and costs two thirds of
// asking: it takes some seven system calls, where question and answer take
// three. So when much is asked, a socket serves a few questions, one after the
// other.
//
// A forger who sees neither side must guess what it had to before: the port
// (one of some 28,000, drawn by the kernel: 14.8 bits), the id (16 bits) and the
// letter case of the name. That a port is used again helps only who can find
// out in between that it is open. Against that, a port is used again only
//   - while portsOpen others are, too, one of which is drawn: until then, and
//     with less than some thirty cold names a second, each question has a port
//     of its own;
//   - for a name of minLetters letters, if the server keeps their case, or if it
//     is known to send a cookie (64 bits). Who knows one of the open ports still
//     has 16 + 5 + 10 bits to guess, which is what a blind forger had to for a
//     name without letters;
//   - portUses times within portAge. Probing for open ports by what a kernel
//     answers gets through a thousand a second at most: it finds a given one in
//     its time in one of thirty tries;
//   - until anything arrives that answers no question: a probe that hits a port
//     closes it, as does an answer that did not come in time;
//   - and never with two questions open, which one datagram could answer.
const (
	portUses   = 16
	portAge    = time.Second
	portsOpen  = 32
	minLetters = 10
	maxPorts   = 128 // that wait for the next question
)

// ports are the sockets to one server.
type ports struct {
	mu   sync.Mutex
	idle []*port
}

// take returns a port to addr; with keep, one that was used before may do.
func (s *ports) take(addr netip.AddrPort, keep bool) (*port, error) {
	if keep {
		s.mu.Lock()
		if n := len(s.idle); n >= portsOpen {
			i := rand.IntN(n)
			p := s.idle[i]
			s.idle[i] = s.idle[n-1]
			s.idle = s.idle[:n-1]
			s.mu.Unlock()
			return p, nil
		}
		s.mu.Unlock()
	}
	p, err := newPort(addr)
	if err != nil {
		return nil, err
	}
	if keep {
		p.life = time.AfterFunc(portAge, func() { s.expire(p) })
	}
	return p, nil
}

// give takes p back; clean says that it brought its question's answer and
// nothing else, and that nobody will touch it any more.
func (s *ports) give(p *port, clean bool) {
	p.uses++
	s.mu.Lock()
	if clean && p.life != nil && p.uses < portUses && !p.over && len(s.idle) < maxPorts {
		s.idle = append(s.idle, p)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	if p.life != nil {
		p.life.Stop()
	}
	p.conn.Close()
}

// expire ends p's time; in use it is closed once given back.
func (s *ports) expire(p *port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.over = true
	for i, q := range s.idle {
		if q == p {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			p.conn.Close()
			return
		}
	}
}

// letters counts the letters of a name, each a bit for who must guess their
// case.
func letters(name string) (n int) {
	for i := range len(name) {
		if c := name[i] | 0x20; c >= 'a' && c <= 'z' {
			n++
		}
	}
	return n
}
