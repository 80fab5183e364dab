package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter/bypass"
	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

var (
	noon    = time.Date(2027, 3, 2, 3, 0, 0, 0, time.UTC)
	outside = netip.MustParseAddr("198.51.100.10") // an engineer of the vendor
	inside  = netip.MustParseAddr("192.168.10.21") // the reception PC

	staff     = people.Actor{ID: 3, Name: "受付", Role: people.Staff, Via: "page"}
	inspector = people.Actor{ID: 5, Name: "検査員", Role: people.Inspector, Via: "page"}
	console   = people.Actor{Name: "root", Role: people.Console, Via: "socket"}

	rececom = device.MAC{0x00, 0x1b, 0x8b, 0, 0, 0x31} // as the shipped example has it
	ehr     = device.MAC{0x00, 0x0b, 0x5d, 0, 0, 0x32}

	ways = bypass.NewSet()
)

// A box is a gateway on a pretend machine.
type box struct {
	*Gateway
	t    testing.TB
	o    Options
	dir  string
	time *fakeTime
	fw   *fakeKernel
	dns  *fakeResolver
}

// newBox makes a machine with the shipped example as its configuration.
// Nothing runs on it yet.
func newBox(t *testing.T) *box {
	t.Parallel()
	return newBoxIn(t, t.TempDir())
}

func newBoxIn(t testing.TB, dir string) *box {
	t.Helper()
	b := &box{t: t, dir: dir, dns: &fakeResolver{counts: DNSCounts{UpstreamOK: true}},
		time: &fakeTime{wall: noon, boot: time.Hour, synced: true}}
	clock := b.time.clock()
	b.fw = &fakeKernel{boot: clock.Boot, live: map[firewall.Mark]fakeLive{}, fail: map[string]error{},
		counts: kernel.Counts{Passed: map[firewall.Mark]firewall.Count{}, Dead: map[firewall.Mark]firewall.Count{}, Named: map[string]firewall.Count{}}}
	b.o = Options{
		Config: filepath.Join(dir, "site.toml"), State: dir, SetUpLAN: "lan0",
		Firewall: b.fw, Resolver: b.dns,
		Watch: func(ctx context.Context, _ []string, _ func(device.Sighting)) error {
			<-ctx.Done()
			return nil
		},
		Store: func() (*store.DB, error) { return store.Open(filepath.Join(dir, "monban.db"), store.Options{}) },
		LocalAddrs: func(iface string) ([]netip.Addr, error) {
			if iface == "wan0" {
				return []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8:0:1::10")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("192.168.10.1")}, nil
		},
		Clock: clock, BootID: "boot-1", Version: "test", Log: slog.New(slog.DiscardHandler),
	}
	b.write("lists/lab.hosts", "0.0.0.0 ads.lab.example\n")
	b.write("site.toml", string(config.Example))
	return b
}

// write puts a file beside site.toml.
func (b *box) write(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// edit changes site.toml, which must be the example.
func (b *box) edit(pairs ...string) {
	b.t.Helper()
	s := string(config.Example)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			b.t.Fatalf("the example has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	b.write("site.toml", s)
}

// start begins as Run does, but leaves the loops out: a test takes their turns.
func (b *box) start() *box {
	b.t.Helper()
	var err error
	if b.Gateway, err = New(b.o); err != nil {
		b.t.Fatal(err)
	}
	g := b.Gateway
	g.start()
	if err := g.guardOnce(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	g.loadLists()
	g.noteStart(b.t.Context())
	g.keepOnce(b.t.Context())
	if err := g.guardOnce(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if db := g.db(); db != nil {
			db.Close()
		}
	})
	return b
}

// kill ends the gateway as kill -9 does, apart from giving the file back.
func (b *box) kill() *box {
	if db := b.db(); db != nil {
		db.Close()
	}
	b.Gateway = nil
	return b
}

// seen makes a device show itself.
func (b *box) seen(mac device.MAC, addrs ...string) {
	for _, a := range addrs {
		b.see(device.Sighting{At: b.o.Clock.Wall(), MAC: mac, Addr: netip.MustParseAddr(a), Iface: "lan0", Source: device.FromARP})
	}
}

// running is a started box with the receipt computer on its LAN.
func running(t *testing.T) *box {
	b := newBox(t).start()
	b.seen(rececom, "192.168.10.31", "fdc1:1c:10::31", "2001:db8:10::31")
	return b
}

// director is somebody who has just given a second factor.
func (b *box) director() people.Actor {
	return people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page", SteppedUp: b.o.Clock.Wall()}
}

// want is a request for the receipt computer.
func want(length time.Duration, ports ...uint16) Ask {
	a := Ask{Vendor: "rececom-hoshu", Device: "rececom", Length: length, Reason: "月例点検", Requester: "山田"}
	for _, p := range ports {
		a.Ports = append(a.Ports, window.Port{Proto: window.TCP, Port: p})
	}
	return a
}

// opened asks for a window and approves it.
func (b *box) opened(length time.Duration, port uint16) Window {
	b.t.Helper()
	b.reported()
	w, err := b.AskWindow(b.t.Context(), staff, want(length, port))
	if err != nil {
		b.t.Fatal(err)
	}
	if w, err = b.ApproveWindow(b.t.Context(), b.director(), w.ID, 0, false); err != nil {
		b.t.Fatal(err)
	}
	return w
}

// reported pays every report that is owed, so that the vendor may ask again.
func (b *box) reported() {
	b.t.Helper()
	ws, err := b.db().Windows(b.t.Context(), store.Filter{Owing: true})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, w := range ws {
		if slices.Contains(w.Owes(), window.DebtReport) {
			if _, err := b.ReportWindow(b.t.Context(), staff, w.ID, "点検しました"); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// on checks what is on record of a window.
func (b *box) on(id int64, state window.State, how window.How) window.Window {
	b.t.Helper()
	w, err := b.db().Window(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	if w.State != state || w.How != how {
		b.t.Errorf("window %d on record: %s %q, want %s %q", id, w.State, w.How, state, how)
	}
	return w
}

// lines counts the audit lines of a code, and checks the chain.
func (b *box) lines(code string) (n int) {
	b.t.Helper()
	for _, l := range b.log() {
		if l.Code == code {
			n++
		}
	}
	return n
}

// log is the whole audit log, oldest first; it must verify.
func (b *box) log() []AuditLine {
	b.t.Helper()
	if c, err := b.CheckAudit(b.t.Context(), console); err != nil || c.Bad != 0 {
		b.t.Fatalf("the log does not verify: %+v, %v", c, err)
	}
	all, err := b.Audit(b.t.Context(), console, 0, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// note finds a note of the status.
func (b *box) note(code string) (Note, bool) {
	b.t.Helper()
	s, err := b.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	i := slices.IndexFunc(s.Notes, func(n Note) bool { return n.Code == code })
	if i < 0 {
		return Note{}, false
	}
	return s.Notes[i], true
}

// codes are the codes of all Faults in err; what is none shows as "error".
func codes(err error) (all []string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, codes(e)...)
		}
		return all
	}
	var f *text.Fault
	switch {
	case errors.As(err, &f):
		return []string{f.Code}
	case err != nil:
		return []string{"error"}
	}
	return nil
}

// fails checks that err is the one Fault of that code.
func fails(t *testing.T, err error, code string) {
	t.Helper()
	if got := codes(err); !slices.Equal(got, []string{code}) {
		t.Errorf("%v, want %s", err, code)
	}
}
