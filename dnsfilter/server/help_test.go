package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/dnsfilter/upstream"
	"monban/gateway/run"
)

// A resolver is the outside: a zone of records by name, as package dns reads
// them, and what else may happen to a question.
type resolver struct {
	mu    sync.Mutex
	zone  map[string][]string // lower-case name with dot: records
	names map[string]int      // rcode for a name that is none
	soa   string              // goes along with negative answers
	dead  bool                // nobody answers
	wait  time.Duration       // before each answer
	asked []*dns.Msg
	down  atomic.Bool // what OK says
}

func newResolver() *resolver {
	return &resolver{zone: map[string][]string{}, names: map[string]int{},
		soa: "example. 900 IN SOA ns.example. who.example. 1 2 3 4 100"}
}

func (r *resolver) set(name string, records ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.zone[name] = records
}

func (r *resolver) kill(dead bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = dead
	r.down.Store(dead)
}

func (r *resolver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

func (r *resolver) last() *dns.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[len(r.asked)-1]
}

// reply answers q as a resolver does: the chain of aliases, then the type.
func (r *resolver) reply(q *dns.Msg) *dns.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q)
	if r.dead {
		return nil
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	name, typ := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	if code, ok := r.names[name]; ok {
		m.Rcode = code
	}
	found := false
	for range 8 {
		next := ""
		for _, text := range r.zone[name] {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			c, alias := rr.(*dns.CNAME)
			sig, signed := rr.(*dns.RRSIG)
			switch {
			case alias && typ != dns.TypeCNAME:
				next = strings.ToLower(c.Target)
			case signed && q.IsEdns0().Do() && sig.TypeCovered == typ:
			case rr.Header().Rrtype != typ:
				continue
			default:
				found = true
			}
			m.Answer = append(m.Answer, rr)
		}
		if next == "" {
			break
		}
		name = next
	}
	if !found && r.soa != "" {
		soa, _ := dns.NewRR(r.soa)
		m.Ns = append(m.Ns, soa)
	}
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
	}
	return m
}

// Exchange makes the resolver an Upstream without a network.
func (r *resolver) Exchange(ctx context.Context, q upstream.Question) (*dns.Msg, error) {
	var m dns.Msg
	m.SetQuestion(q.Name, q.Type)
	m.SetEdns0(1232, q.DO)
	m.CheckingDisabled = q.CD
	if r.wait > 0 {
		time.Sleep(r.wait)
	}
	if a := r.reply(&m); a != nil {
		packed, err := a.Pack()
		if err != nil {
			return nil, err
		}
		var out dns.Msg
		return &out, out.Unpack(packed)
	}
	<-ctx.Done()
	return nil, errors.Join(upstream.ErrNoAnswer, ctx.Err())
}

func (r *resolver) OK() bool { return !r.down.Load() }

// serve puts the resolver on loopback and returns a client for it.
func (r *resolver) serve(t testing.TB) *upstream.Client {
	t.Helper()
	conns, listeners, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	conn, l := conns[0], listeners[0]
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if r.wait > 0 {
			time.Sleep(r.wait)
		}
		m := r.reply(q)
		if m == nil {
			return
		}
		if _, tcp := w.RemoteAddr().(*net.TCPAddr); !tcp {
			m.Truncate(1232)
		}
		w.WriteMsg(m)
	})
	for _, s := range []*dns.Server{{PacketConn: conn, Handler: h}, {Listener: l, Handler: h}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	c, err := upstream.New(upstream.Options{Servers: []upstream.Server{{Addr: netip.MustParseAddrPort(conn.LocalAddr().String())}}, MixCase: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func policy(t testing.TB, refused ...string) *dnsfilter.Policy {
	t.Helper()
	b := list.NewBuilder(list.NewKey())
	var hosts strings.Builder
	for _, name := range refused {
		hosts.WriteString("0.0.0.0 " + name + "\n")
	}
	if _, err := b.AddHosts(list.Source{Name: "広告", Text: strings.NewReader(hosts.String())}); err != nil {
		t.Fatal(err)
	}
	p := &dnsfilter.Policy{List: b.Build()}
	p.AddLocal("monban.home.arpa", netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("fd00::1"))
	return p
}

// start runs a Server on loopback and returns where.
func start(t testing.TB, u Upstream, refused ...string) (*Server, string) {
	t.Helper()
	return startWith(t, Options{Upstream: u}, policy(t, refused...))
}

// startWith runs a Server with p and what o says beside the sockets.
func startWith(t testing.TB, o Options, p *dnsfilter.Policy) (*Server, string) {
	t.Helper()
	udp, tcp, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 2)
	if err != nil {
		t.Fatal(err)
	}
	o.UDP, o.TCP = udp, tcp
	if o.Report == nil {
		o.Report = func(err error) { t.Log(err) }
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Set(p)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, c := range udp {
			c.Close()
		}
		tcp[0].Close()
	})
	return s, udp[0].LocalAddr().String()
}

// bench returns a Server without sockets whose flights end with the test; it
// works in a synctest bubble.
func bench(t testing.TB, u Upstream, refused ...string) *Server {
	t.Helper()
	s := newServer(Options{Upstream: u, Cache: 1 << 20, Report: func(err error) { t.Log(err) }})
	s.Set(policy(t, refused...))
	g, _ := run.NewGroup(context.Background())
	s.group.Store(g)
	return s
}

// put asks s without a network and waits for the answer.
func put(t testing.TB, s *Server, q *dns.Msg) *dns.Msg {
	t.Helper()
	packed, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c := &tcpConn{out: make(chan []byte, 1)}
	var scratch question
	s.handle(nil, packed, &scratch, &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), conn: c})
	return parse(t, <-c.out)
}

func parse(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(b); err != nil {
		t.Fatalf("answer %x: %v", b, err)
	}
	return &m
}

func ask(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.SetEdns0(1232, false)
	return m
}

// over asks over a network and checks what every answer must be.
func over(t testing.TB, network, addr string, q *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: 4 * time.Second, UDPSize: 1232}
	m, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s %v: %v", network, q.Question, err)
	}
	if m.Id != q.Id || len(m.Question) != 1 || m.Question[0] != q.Question[0] || !m.RecursionAvailable {
		t.Errorf("answer %v\nto %v", m, q)
	}
	return m
}

func ede(m *dns.Msg) (code uint16, text string, ok bool) {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, is := o.(*dns.EDNS0_EDE); is {
				return e.InfoCode, e.ExtraText, true
			}
		}
	}
	return 0, "", false
}

func questionFor(name string) upstream.Question {
	return upstream.Question{Name: name, Type: dns.TypeA}
}
