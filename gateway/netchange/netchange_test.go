package netchange

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"monban/gateway/config"
	"monban/gateway/netconf"
	"monban/gateway/text"
)

// told is a systemd that writes down what it is asked for. It calls at without
// its lock, so that at may wait.
type told struct {
	mu   sync.Mutex
	asks []string
	fail string
	at   func(string)
}

func (s *told) note(ctx context.Context, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	s.asks = append(s.asks, what)
	at := s.at
	s.mu.Unlock()
	if at != nil {
		at(what)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == s.fail {
		s.fail = "" // once
		return errors.New("failed")
	}
	return nil
}

func (s *told) Reload(ctx context.Context) error { return s.note(ctx, "reload") }
func (s *told) Job(ctx context.Context, do Verb, unit string) error {
	return s.note(ctx, string(do)+" "+unit)
}
func (s *told) Begin(ctx context.Context, do Verb, unit string) error {
	return s.note(ctx, "begin "+string(do)+" "+unit)
}
func (s *told) Close() {}
func (s *told) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.asks, "\n")
	s.asks = nil
	return all
}

const (
	one   = "version = 1\nclinic = \"c\"\nwan.interface = \"wan0\"\nlan = { interface = \"lan0\", addresses = [\"192.168.10.1/24\"] }\ndns.upstreams = [\"198.51.100.153\"]\n"
	label = "clinic = \"c\""
)

var (
	two   = strings.ReplaceAll(one, "192.168.10.1", "192.168.20.1")
	three = strings.ReplaceAll(one, "192.168.10.1", "192.168.30.1")
)

// A bench is a service with its directories, in a test.
type bench struct {
	*Service
	dir, socket string
	sd          *told
}

func newBench(t *testing.T, patience time.Duration) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{dir: dir, sd: &told{}, socket: filepath.Join(dir, "net.sock")}
	for _, d := range []string{"state", "run", "sys"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	state, err := OpenState(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	b.Service = &Service{
		Box: Box{Run: filepath.Join(dir, "run"), Sys: filepath.Join(dir, "sys"),
			Dial: func(context.Context) (Systemd, error) { return b.sd, nil }},
		State: state, Cores: 1, Patience: patience, Warn: func(err error) { t.Log("warned:", err) },
	}
	return b
}

// boot starts with the network of site, and serves until the test ends or the
// returned function is called.
func (b *bench) serve(t *testing.T) (stop func()) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, l, 0) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (b *bench) boot(t *testing.T, site string) {
	t.Helper()
	b.site(t, site)
	c, err := config.Parse([]byte(site))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Box.Boot(t.Context(), []byte(site), netconf.For(c, 1)); err != nil {
		t.Fatal(err)
	}
	b.sd.take()
}

func (b *bench) site(t *testing.T, site string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "state", Site), []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) ask(t *testing.T, do netconf.Request) (netconf.Change, string) {
	t.Helper()
	c, err := Ask(t.Context(), b.socket, do)
	var f *text.Fault
	if errors.As(err, &f) {
		return c, f.Code
	}
	return c, ""
}

func (b *bench) file(name string) string {
	c, _ := os.ReadFile(filepath.Join(b.dir, name))
	return string(c)
}

// listens is where the page listens, as systemd was told.
func (b *bench) listens() string {
	all := strings.Split(strings.TrimSpace(b.file("run/systemd/system/monban-page.socket.d/10-monban.conf")), "\n")
	return all[len(all)-1]
}

// until waits for something that is bound to come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// made waits until no change is being made.
func (b *bench) made(t *testing.T) {
	t.Helper()
	until(t, "made", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.aim == nil })
}

const (
	stops = "StopUnit monban-dns-udp.socket\nStopUnit monban-dns-tcp.socket\nStopUnit monban-page.socket\nStopUnit monban-http.socket\nStopUnit monban.service\n" +
		"reload\n"
	starts = "StartUnit monban-dns-udp.socket\nStartUnit monban-dns-tcp.socket\nStartUnit monban-page.socket\nStartUnit monban-http.socket\nbegin StartUnit monban.service"
	all    = stops + "ReloadOrTryRestartUnit systemd-networkd.service\n" + starts
)

// What somebody confirms stays.
func TestConfirm(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" || b.sd.take() != "" {
		t.Fatal("nothing changed, but:", c, fault)
	}
	b.site(t, two)
	if c, fault := b.ask(t, netconf.Apply); c.Left < 50*time.Second || fault != "" {
		t.Fatal(c, fault)
	}
	until(t, "in force", func() bool { b.sd.mu.Lock(); defer b.sd.mu.Unlock(); return len(b.sd.asks) == 12 })
	if got := b.sd.take(); got != all {
		t.Error(got)
	}
	if got := b.listens(); got != "ListenStream=192.168.20.1:443" {
		t.Error(got)
	}
	if c, fault := b.ask(t, netconf.Apply); c.Left == 0 || fault != "" || b.sd.take() != "" {
		t.Error("asked again:", c, fault)
	}
	b.made(t)
	if c, fault := b.ask(t, netconf.Confirm); c.Left != 0 || fault != "" {
		t.Error(c, fault)
	}
	if _, fault := b.ask(t, netconf.Confirm); fault != "network.no_trial" {
		t.Error(fault)
	}
	if b.State.Has(before) || b.file("state/site.toml") != two {
		t.Error("what was confirmed is still on trial")
	}
}

// What nobody confirms goes back: the network, and site.toml, which the rules
// are made from.
func TestRevert(t *testing.T) {
	b := newBench(t, 300*time.Millisecond)
	b.boot(t, one)
	b.serve(t)
	b.site(t, two)
	if c, fault := b.ask(t, netconf.Apply); c.Left == 0 || fault != "" {
		t.Fatal(c, fault)
	}
	until(t, "back", func() bool { return b.file("state/site.toml") == one && b.listens() == "ListenStream=192.168.10.1:443" })
	if got := b.file("state/site.reverted.toml"); got != two {
		t.Error("the change was lost:", got)
	}
	if c, fault := b.ask(t, netconf.Look); c.Left != 0 || fault != "" || b.State.Has(before) {
		t.Error(c, fault)
	}
}

// Two changes in a row go back to what was there before the first; putting the
// first back by hand ends the trial.
func TestChangeOnTrialChanges(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	for _, s := range []string{two, three} {
		b.site(t, s)
		if c, fault := b.ask(t, netconf.Apply); c.Left == 0 || fault != "" {
			t.Fatal(c, fault)
		}
	}
	if got := b.file("state/" + before); got != one {
		t.Error("goes back to", got)
	}
	b.site(t, strings.Replace(one, label, `clinic = "d"`, 1))
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" || b.State.Has(before) {
		t.Error(c, fault)
	}
	until(t, "back", func() bool { return b.listens() == "ListenStream=192.168.10.1:443" })
}

// The service dies in a trial: the next one takes the change back, or the next
// boot does.
func TestRevertAfterDeath(t *testing.T) {
	for _, boot := range []bool{false, true} {
		b := newBench(t, time.Minute)
		b.boot(t, one)
		stop := b.serve(t)
		b.site(t, two)
		b.ask(t, netconf.Apply)
		until(t, "in force", func() bool { return b.listens() == "ListenStream=192.168.20.1:443" })
		stop()
		b.until, b.Patience = time.Time{}, 100*time.Millisecond
		if boot {
			if had, err := b.State.TakeBack(); !had || err != nil {
				t.Error(had, err)
			}
		} else {
			b.serve(t)
		}
		until(t, "back", func() bool { return b.file("state/site.toml") == one && b.file("state/site.reverted.toml") == two })
	}
}

// Where systemd refuses, the old network comes back at once.
func TestFailedChangeGoesBack(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.sd.fail = "reload"
	b.serve(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	until(t, "back", func() bool { return b.file("state/site.toml") == one && b.listens() == "ListenStream=192.168.10.1:443" })
}

// The first site.toml of a box has nothing to go back to; a broken one changes
// nothing.
func TestFirstAndBroken(t *testing.T) {
	b := newBench(t, time.Minute)
	if err := b.Box.Boot(t.Context(), nil, netconf.SetUp("end0", 1)); err != nil {
		t.Fatal(err)
	}
	b.serve(t)
	b.site(t, "version = 2")
	if _, fault := b.ask(t, netconf.Apply); fault != "network.site_broken" || b.listens() != "ListenStream=192.168.100.1:443" {
		t.Error(fault)
	}
	b.site(t, one)
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" {
		t.Error(c, fault)
	}
	until(t, "in force", func() bool { return b.listens() == "ListenStream=192.168.10.1:443" })
	if b.file("run/monban-net/setup.env") != "" {
		t.Error("still in set-up mode")
	}
}

// A port that has another name than its MAC address says is announced again,
// after udev has read the new file.
func TestNames(t *testing.T) {
	b := newBench(t, time.Minute)
	mac := "00:00:5e:00:53:02"
	port := func(name string) string { return filepath.Join(b.dir, "sys/class/net", name) }
	for _, name := range []string{"enp1s0", "enp2s0", "vlan5"} {
		if err := os.MkdirAll(port(name), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string]string{"address": mac, "uevent": "", "device": ""} {
			if name == "enp2s0" && file == "address" {
				content = "00:00:5e:00:53:01"
			}
			if name == "vlan5" && file == "device" {
				continue
			}
			if err := os.WriteFile(filepath.Join(port(name), file), []byte(content+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.sd.at = func(what string) {
		if what != "ReloadUnit systemd-udevd.service" {
			return
		}
		if got := b.file("run/systemd/network/10-monban-lan.link"); !strings.Contains(got, mac) {
			t.Errorf("udev reads %q", got)
		}
	}
	c, err := config.Parse([]byte(strings.Replace(one, `interface = "lan0"`, `interface = "lan0", mac = "`+mac+`"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- b.Box.Boot(t.Context(), nil, netconf.For(c, 1)) }()
	until(t, "announced", func() bool { return b.file("sys/class/net/enp1s0/uevent") == "add" })
	if err := os.Rename(port("enp1s0"), port("lan0")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, other := range []string{"enp2s0", "vlan5"} {
		if got := b.file("sys/class/net/" + other + "/uevent"); got == "add" {
			t.Errorf("%s was announced too", other)
		}
	}
	if got := PortOf(filepath.Join(b.dir, "sys"), strings.ToUpper(mac)); got != "lan0" {
		t.Error(got)
	}
}

// Files of the state directory are read and written there, whatever lies there.
func TestStateLeadsNowhere(t *testing.T) {
	b := newBench(t, time.Minute)
	secret := filepath.Join(b.dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Site, before, reverted, Site + ".new", before + ".new"} {
		if err := os.Symlink(secret, filepath.Join(b.dir, "state", name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.State.Read(Site); err == nil {
		t.Errorf("read %q", got)
	}
	if err := b.State.Write(before, []byte("x")); err != nil {
		t.Error(err)
	}
	if b.file("secret") != "secret" || b.file("state/"+before) != "x" {
		t.Error("written elsewhere")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"do":"apply"}`, `{"do":"confirm"}`, `{"do":1}`, `{}`, `[`, `{"do":"apply","x":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := decode(strings.NewReader(s))
		if known := []netconf.Request{netconf.Apply, netconf.Confirm, netconf.Look}; err == nil && !slices.Contains(known, r.Do) {
			t.Errorf("%q is a request", s)
		}
	})
}
