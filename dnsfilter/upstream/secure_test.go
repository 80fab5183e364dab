package upstream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// An authority signs certificates for tests.
type authority struct {
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	roots *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{key: newKey(t), roots: x509.NewCertPool()}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(a.cert)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// leaf is a certificate for name, or for the loopback address if empty, whose
// validity ends after d, and the pin of its key.
func (a *authority) leaf(t testing.TB, name string, d time.Duration) (tls.Certificate, [32]byte) {
	t.Helper()
	key := newKey(t)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(d)}
	if tmpl.DNSNames = []string{name}; name == "" {
		tmpl.DNSNames, tmpl.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, sha256.Sum256(c.RawSubjectPublicKeyInfo)
}

// A secure is a resolver over TLS on loopback whose connections talk does.
type secure struct {
	Server
	conns atomic.Int32
	mu    sync.Mutex
	open  []net.Conn
	lis   net.Listener
}

func serveTLS(t testing.TB, cert tls.Certificate, talk func(n int32, c *dns.Conn)) *secure {
	t.Helper()
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s := &secure{Server: Server{Proto: TLS, Name: "dns.example", Addr: netip.MustParseAddrPort(l.Addr().String())}, lis: l}
	t.Cleanup(func() { l.Close(); s.cut() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := s.conns.Add(1)
			s.mu.Lock()
			s.open = append(s.open, c)
			s.mu.Unlock()
			go func() {
				defer c.Close()
				talk(n, &dns.Conn{Conn: c})
			}()
		}
	}()
	return s
}

// cut ends all connections.
func (s *secure) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		c.Close()
	}
	s.open = nil
}

// answerAll answers every question on its connection properly.
func answerAll(_ int32, c *dns.Conn) {
	for {
		q, err := c.ReadMsg()
		if err != nil {
			return
		}
		if c.WriteMsg(good(q)) != nil {
			return
		}
	}
}

func secureClient(t testing.TB, a *authority, servers ...Server) *Client {
	t.Helper()
	c, err := New(Options{Servers: servers, Roots: a.roots, MixCase: true, Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Many questions share one connection, one after the other and all at once.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	var padded atomic.Int32
	s := serveTLS(t, cert, func(_ int32, c *dns.Conn) {
		for {
			raw := make([]byte, dns.MaxMsgSize)
			n, err := c.Read(raw)
			var q dns.Msg
			if err != nil || q.Unpack(raw[:n]) != nil {
				return
			}
			if n%padTo == 0 {
				padded.Add(1)
			}
			c.WriteMsg(good(&q))
		}
	})
	c := secureClient(t, a, s.Server)
	for range 5 {
		mustAnswer(t, c)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if m, err := c.Exchange(context.Background(), question); err != nil || len(m.Answer) != 1 {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	wg.Wait()
	if n, p := s.conns.Load(), padded.Load(); n != 1 || p != 55 {
		t.Errorf("%d connections, %d of 55 questions padded", n, p)
	}
	if st := c.Servers()[0]; !st.OK || st.Latency == 0 || st.Asked != 55 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

// Who the server is, is settled before a question leaves.
func TestTLSIdentity(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	named, namedPin := a.leaf(t, "dns.example", time.Hour)
	other, otherPin := a.leaf(t, "other.example", time.Hour)
	numbered, _ := a.leaf(t, "", time.Hour)
	expired, expiredPin := a.leaf(t, "dns.example", -time.Hour)
	forged, forgedPin := stranger.leaf(t, "dns.example", time.Hour)
	type pins = [][32]byte
	for what, c := range map[string]struct {
		cert tls.Certificate
		name string
		pins pins
		good bool
	}{
		"the name":                   {named, "dns.example", nil, true},
		"another name":               {other, "dns.example", nil, false},
		"the address":                {numbered, "", nil, true},
		"not the address":            {named, "", nil, false},
		"too old":                    {expired, "dns.example", nil, false},
		"of a stranger":              {forged, "dns.example", nil, false},
		"the pin":                    {named, "dns.example", pins{namedPin}, true},
		"the second pin":             {named, "dns.example", pins{otherPin, namedPin}, true},
		"another pin":                {named, "dns.example", pins{otherPin}, false},
		"the pin, too old":           {expired, "dns.example", pins{expiredPin}, true},
		"the pin, of a stranger":     {forged, "", pins{forgedPin}, true},
		"another pin, of a stranger": {forged, "dns.example", pins{namedPin}, false},
	} {
		t.Run(what, func(t *testing.T) {
			var questions atomic.Int32
			s := serveTLS(t, c.cert, func(n int32, conn *dns.Conn) {
				for {
					q, err := conn.ReadMsg()
					if err != nil {
						return
					}
					questions.Add(1)
					conn.WriteMsg(good(q))
				}
			})
			s.Name, s.Pins = c.name, c.pins
			client := secureClient(t, a, s.Server)
			_, err := client.Exchange(context.Background(), question)
			if (err == nil) != c.good || !c.good && questions.Load() != 0 {
				t.Errorf("%v after %d questions", err, questions.Load())
			}
			if !c.good {
				return
			}
			s.cut() // a resumed session is checked, too
			mustAnswer(t, client)
		})
	}
}

// Answers come in any order; a slow one keeps no other waiting.
func TestTLSOutOfOrder(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	const many = 20
	s := serveTLS(t, cert, func(_ int32, c *dns.Conn) {
		var all []*dns.Msg
		ids := map[uint16]bool{}
		for len(all) < many {
			q, err := c.ReadMsg()
			if err != nil {
				return
			}
			all, ids[q.Id] = append(all, q), true
		}
		if len(ids) != many {
			return
		}
		stray := good(all[0]) // for nobody, and for somebody else
		stray.Question[0].Name = "evil.example."
		c.WriteMsg(stray)
		for i := many - 1; i >= 0; i-- {
			m := new(dns.Msg)
			m.SetReply(all[i])
			rr, _ := dns.NewRR(all[i].Question[0].Name + " 300 IN TXT " + all[i].Question[0].Name)
			m.Answer = append(m.Answer, rr)
			c.WriteMsg(m)
		}
	})
	c := secureClient(t, a, s.Server)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			name := string(rune('a'+i)) + ".example."
			m, err := c.Exchange(context.Background(), Question{Name: name, Type: dns.TypeTXT})
			if err != nil || m.Answer[0].(*dns.TXT).Txt[0] != name {
				t.Errorf("%s: %v, %v", name, m, err)
			}
		})
	}
	wg.Wait()
}

// A connection that was good and is dead is replaced within the question.
func TestTLSReconnects(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	for what, second := range map[string]func(c *dns.Conn, q *dns.Msg){
		"closed": func(c *dns.Conn, q *dns.Msg) {},
		"half an answer": func(c *dns.Conn, q *dns.Msg) {
			raw := pack(good(q))
			c.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw[:20]...))
		},
		"garbage": func(c *dns.Conn, q *dns.Msg) {
			for range maxStrange {
				c.Conn.Write([]byte{0, 3, 1, 2, 3})
			}
		},
		"silent": func(c *dns.Conn, q *dns.Msg) { io.Copy(io.Discard, c.Conn) },
	} {
		t.Run(what, func(t *testing.T) {
			s := serveTLS(t, cert, func(n int32, c *dns.Conn) {
				if n > 1 {
					answerAll(n, c)
					return
				}
				for i := range 2 {
					q, err := c.ReadMsg()
					if err != nil {
						return
					}
					if i == 1 {
						second(c, q)
						return
					}
					c.WriteMsg(good(q))
				}
			})
			c := secureClient(t, a, s.Server)
			mustAnswer(t, c)
			began := time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			if n := s.conns.Load(); n != 2 || c.Servers()[0].Failed != 0 {
				t.Errorf("%d connections, %+v", n, c.Servers()[0])
			}
		})
	}
	// Closed between two questions: nobody notices.
	s := serveTLS(t, cert, answerAll)
	c := secureClient(t, a, s.Server)
	for range 3 {
		mustAnswer(t, c)
		s.cut()
	}
}

// A server that fails from the first byte on costs no second try of its own,
// and less than a second if there is another.
func TestTLSFailover(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	wrong, _ := a.leaf(t, "other.example", time.Hour)
	plain, err := net.Listen("tcp4", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	closed := netip.MustParseAddrPort(plain.Addr().String())
	gone, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	hang := func(_ int32, c *dns.Conn) { io.Copy(io.Discard, c.Conn) }
	for what, bad := range map[string]Server{
		"no handshake":      {Proto: TLS, Name: "dns.example", Addr: closed},
		"nobody there":      {Proto: TLS, Name: "dns.example", Addr: netip.MustParseAddrPort(gone.Addr().String())},
		"wrong certificate": serveTLS(t, wrong, answerAll).Server,
		"no answer":         serveTLS(t, cert, hang).Server,
		"closes":            serveTLS(t, cert, func(int32, *dns.Conn) {}).Server,
	} {
		t.Run(what, func(t *testing.T) {
			c := secureClient(t, a, bad, serveTLS(t, cert, answerAll).Server)
			began := time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > time.Second {
				t.Errorf("fail-over took %v", took)
			}
			began = time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > 200*time.Millisecond {
				t.Errorf("the second question took %v", took)
			}
			if s := c.Servers(); s[0].Failed == 0 || s[1].Failed != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// An unused connection ends by itself, and with it all that waits on it.
func TestTLSIdle(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.leaf(t, "dns.example", time.Hour)
	ended := make(chan struct{}, 1)
	s := serveTLS(t, cert, func(n int32, c *dns.Conn) { answerAll(n, c); ended <- struct{}{} })
	c := secureClient(t, a, s.Server)
	c.peers[0].via.(*stream).idle = 100 * time.Millisecond
	for range 3 {
		mustAnswer(t, c)
		time.Sleep(30 * time.Millisecond) // used again and again, it stays
	}
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
		t.Fatal("an idle connection stays")
	}
	mustAnswer(t, c)
	if n := s.conns.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}
