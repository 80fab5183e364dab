package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/config"
	"monban/gateway/netconf"
	"monban/gateway/run"
	"monban/gateway/text"
	"monban/gateway/window"
)

// changed is the example with pairs of old and new text put in.
func changed(t *testing.T, pairs ...string) []byte {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(config.Example), pairs[i]) {
			t.Fatalf("the example has no %q", pairs[i])
		}
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(config.Example)))
}

// onDisk is site.toml as it lies there.
func (b *box) onDisk() string {
	b.t.Helper()
	s, err := os.ReadFile(b.o.Config)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(s)
}

// The director changes site.toml on the page: it is in force when the answer
// comes, windows of whoever is gone are closed, and the log says who and which
// file, without its content.
func TestChangeSite(t *testing.T) {
	b := running(t)
	gone := b.opened(time.Hour, 3389)
	f, err := b.SiteFile(t.Context(), b.director())
	if err != nil || string(f.Text) != string(config.Example) || f.Sum != hexHash(sha256.Sum256(config.Example)) || f.Mode != Guarding || f.Generation != 1 || f.Since.IsZero() || f.Shut != nil {
		t.Fatalf("%+v %v", f, err)
	}
	next := changed(t, `"rececom-hoshu"`, `"other"`)
	c, err := b.CheckSite(t.Context(), b.director(), bytes.ReplaceAll(next, []byte("\n"), []byte("\r\n")))
	if err != nil || c.Base != f.Sum || string(c.Text) != string(next) || string(c.Old) != string(config.Example) || c.First || c.Trial != 0 || c.Ports {
		t.Fatalf("%+v %v", c, err)
	}
	if b.onDisk() != string(config.Example) || b.lines("site.changed") != 0 {
		t.Fatal("checking changed something")
	}
	if _, err := b.ChangeSite(t.Context(), b.director(), c.Base, next); err != nil {
		t.Fatal(err)
	}
	s, _ := b.SiteFile(t.Context(), b.director())
	if b.onDisk() != string(next) || s.Mode != Guarding || s.Generation != 2 || !slices.ContainsFunc(b.Vendors(t.Context()), func(v Vendor) bool { return v.Name == "other" }) {
		t.Errorf("not in force: %+v", s)
	}
	if fi, err := os.Stat(b.o.Config); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi, err)
	}
	if left, _ := filepath.Glob(b.o.Config + ".*"); left != nil {
		t.Error(left)
	}
	b.on(gone.ID, window.Closed, window.Revoked)
	i := slices.IndexFunc(b.log(), func(l AuditLine) bool { return l.Code == "site.changed" })
	if i < 0 {
		t.Fatal("not on record")
	}
	l := b.log()[i]
	if l.Who != "院長" || len(l.Args) != 2 || l.Args["old"] != hexHash(sha256.Sum256(config.Example)) || l.Args["new"] != hexHash(sha256.Sum256(next)) {
		t.Errorf("%+v", l)
	}
	if b.lines("config.applied") != 1 {
		t.Error("put in force how often?", b.lines("config.applied"))
	}
}

// Nothing happens without a second factor, when the file has become another
// meanwhile, when it is the same, when it has faults, and when its record
// cannot be kept.
func TestChangeSiteRefused(t *testing.T) {
	b := running(t)
	next := changed(t, "レセコン保守(株)", "レセコン保守株式会社")
	base := hexHash(sha256.Sum256(config.Example))
	tired := b.director()
	tired.SteppedUp = time.Time{}
	broken := changed(t, `interface = "lan0"`, `interface = "wan0"`, "lists/lab.hosts", "lists/none.hosts")
	for _, x := range []struct {
		name, base string
		text       []byte
		codes      []string
	}{
		{"no second factor", base, next, []string{"people.step_up"}},
		{"overtaken", hexHash(sha256.Sum256(next)), next, []string{"site.overtaken"}},
		{"there was none", "", next, []string{"site.overtaken"}},
		{"the same", base, config.Example, []string{"site.same"}},
		{"faults", base, broken, []string{"config.same_interface", "config.list_missing"}},
		{"no TOML", base, []byte("version = "), []string{"config.syntax"}},
		{"nothing", base, nil, nil},
		{"a form that is not filled in", base, firstSite, nil},
		{"large", base, make([]byte, config.MaxSize+1), []string{"config.too_large"}},
	} {
		who := b.director()
		if x.name == "no second factor" {
			who = tired
		}
		_, err := b.ChangeSite(t.Context(), who, x.base, x.text)
		got := codes(err)
		slices.Sort(got)
		slices.Sort(x.codes)
		if err == nil || x.codes != nil && !slices.Equal(got, x.codes) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	_, err := b.CheckSite(t.Context(), b.director(), broken)
	var f *text.Fault
	if !errors.As(err, &f) || f.Field == "" || f.Args["line"] == nil {
		t.Errorf("without key and line: %v", err)
	}
	b.db().Close()
	if _, err := b.ChangeSite(t.Context(), b.director(), base, next); err == nil {
		t.Error("changed without a record")
	}
	if b.onDisk() != string(config.Example) || b.current().generation != 1 {
		t.Error("something was changed")
	}
}

// A file that cannot be written leaves the old one, and no line in the log.
func TestChangeSiteWholeOrNot(t *testing.T) {
	b := running(t)
	if err := os.Mkdir(b.o.Config+".new", 0o700); err != nil { // where WriteFile writes first
		t.Fatal(err)
	}
	_, err := b.ChangeSite(t.Context(), b.director(), hexHash(sha256.Sum256(config.Example)), changed(t, "レセコン保守(株)", "別の会社"))
	fails(t, err, "store.read_only")
	if b.onDisk() != string(config.Example) || b.lines("site.changed")+b.lines("config.applied") != 0 {
		t.Error("half of it was done")
	}
}

// While a change of the network or a version waits to be kept, site.toml stays:
// what goes back would take it along, or not know what it says.
func TestChangeSiteOnTrial(t *testing.T) {
	b := newBox(t)
	var left time.Duration
	asked := 0
	b.o.Network = func(_ context.Context, r netconf.Request) (netconf.Change, error) {
		if asked++; left > 0 { // as the service does before it answers
			b.write(netconf.BeforeFile, string(config.Example))
		}
		return netconf.Change{Left: left}, nil
	}
	b.start()
	base := hexHash(sha256.Sum256(config.Example))
	moved := changed(t, "192.168.10.1/24", "192.168.11.1/24")
	c, err := b.CheckSite(t.Context(), b.director(), moved)
	if err != nil || c.Trial != netconf.Patience || !c.Ports || len(c.LAN) == 0 || fmt.Sprint(c.LAN[0]) != "192.168.11.1/24" {
		t.Fatalf("%+v %v", c, err)
	}
	label, err := b.CheckSite(t.Context(), b.director(), changed(t, "レセコン保守(株)", "別の会社"))
	if err != nil || label.Trial != 0 || label.LAN != nil {
		t.Errorf("%+v %v", label, err)
	}
	left = netconf.Patience
	if _, err := b.ChangeSite(t.Context(), b.director(), base, moved); err != nil || asked == 0 {
		t.Fatal(err, asked)
	}
	_, err = b.ChangeSite(t.Context(), b.director(), hexHash(sha256.Sum256(moved)), config.Example)
	fails(t, err, "site.network_on_trial")
	// Confirmed at the console: what it would go back to is gone at once.
	os.Remove(filepath.Join(b.dir, netconf.BeforeFile))
	if _, err = b.CheckSite(t.Context(), b.director(), config.Example); err != nil || b.trialLeft() == 0 {
		t.Error("a confirmed change still shuts the file:", err)
	}
	left = 0
	if err := b.ConfirmNetwork(t.Context(), b.director()); err != nil {
		t.Fatal(err)
	}
	// After its time, until the service has taken it back.
	b.write(netconf.BeforeFile, string(config.Example))
	_, err = b.CheckSite(t.Context(), b.director(), config.Example)
	fails(t, err, "site.network_on_trial")
	if f, _ := b.SiteFile(t.Context(), b.director()); !is(f.Shut, "site.network_on_trial") {
		t.Error(f.Shut)
	}
	os.Remove(filepath.Join(b.dir, netconf.BeforeFile))
	b.firm.mu.Lock()
	b.firm.kept.Trial = &firmwareTrial{}
	b.firm.mu.Unlock()
	_, err = b.CheckSite(t.Context(), b.director(), config.Example)
	fails(t, err, "firmware.on_trial")
	if b.onDisk() != string(moved) {
		t.Error("changed all the same")
	}
}

// Where the network is its owner's, only where the sockets listen goes on
// trial, and nothing is said of what the owner sets up.
func TestCheckSiteSocketsOnly(t *testing.T) {
	b := newBox(t)
	b.o.SocketsOnly = true
	b.o.Network = func(context.Context, netconf.Request) (netconf.Change, error) { return netconf.Change{}, nil }
	b.start()
	for _, x := range []struct {
		name  string
		pairs []string
		trial bool
	}{
		{"whom it asks for names", []string{`"198.51.100.153:53"`, `"198.51.100.154:53"`}, false},
		{"the WAN", []string{`interface = "wan0"`, `interface = "wan9"`}, false},
		{"the address of the page", []string{"192.168.10.1/24", "192.168.11.1/24"}, true},
	} {
		next := changed(t, x.pairs...)
		b.Gateway.o.SocketsOnly = true
		if c, err := b.CheckSite(t.Context(), b.director(), next); err != nil || (c.Trial != 0) != x.trial || c.Ports {
			t.Errorf("%s: trial %s, ports %t, %v", x.name, c.Trial, c.Ports, err)
		}
		b.Gateway.o.SocketsOnly = false
		if c, err := b.CheckSite(t.Context(), b.director(), next); err != nil || c.Trial == 0 || !c.Ports {
			t.Errorf("%s on a box of its own: trial %s, ports %t, %v", x.name, c.Trial, c.Ports, err)
		}
	}
}

// Whoever watches the file leaves a change by the page to the page: it is put
// in force once, under its own number.
func TestChangeSiteWatched(t *testing.T) {
	b := running(t)
	next := changed(t, "レセコン保守(株)", "別の会社")
	director := b.director()
	both, _ := run.NewGroup(t.Context())
	b.acts.Lock() // nothing is in force before it is free
	both.Go("page", func(ctx context.Context) error {
		_, err := b.ChangeSite(ctx, director, hexHash(sha256.Sum256(config.Example)), next)
		return err
	})
	for b.onDisk() != string(next) {
		time.Sleep(time.Millisecond)
	}
	both.Go("watch", func(ctx context.Context) error {
		b.reloadChanged(ctx)
		return nil
	})
	time.Sleep(100 * time.Millisecond) // both are as far as they come
	b.acts.Unlock()
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	if s := b.current(); b.lines("config.applied") != 1 || s.generation != 2 || s.mode != Guarding {
		t.Errorf("in force %d times, generation %d, %s", b.lines("config.applied"), s.generation, s.mode)
	}
	b.write("site.toml", string(config.Example))
	b.reloadChanged(t.Context())
	if b.lines("config.applied") != 2 {
		t.Error("another file is not read")
	}
}

// A box without a site.toml gets its first one by the page; what it offers to
// fill in names what is missing. A broken file is replaced the same way, seen
// against what is in force.
func TestFirstSite(t *testing.T) {
	b := newBox(t)
	os.Remove(b.o.Config)
	b.start()
	f, err := b.SiteFile(t.Context(), b.director())
	if err != nil || f.Mode != SetUp || f.Sum != "" || string(f.Text) != string(firstSite) || f.Generation != 0 {
		t.Fatalf("%+v %v", f, err)
	}
	_, err = b.CheckSite(t.Context(), b.director(), f.Text)
	if got := codes(err); len(got) != 5 || slices.Contains(got, "config.unknown_key") || slices.Contains(got, "config.syntax") {
		t.Error(err)
	}
	c, err := b.CheckSite(t.Context(), b.director(), config.Example)
	if err != nil || !c.First || c.Trial != 0 || c.Base != "" || len(c.Old) != 0 {
		t.Fatalf("%+v %v", c, err)
	}
	if _, err := b.ChangeSite(t.Context(), b.director(), "", config.Example); err != nil || b.current().mode != Guarding {
		t.Fatal(err, b.current().mode)
	}
	bad := string(config.Example) + "\nnonsense"
	b.write("site.toml", bad)
	b.Reload(t.Context())
	f, err = b.SiteFile(t.Context(), b.director())
	if err != nil || f.Mode != Kept || string(f.Text) != bad || f.Fault == nil {
		t.Fatalf("%+v %v", f, err)
	}
	c, err = b.CheckSite(t.Context(), b.director(), config.Example)
	if err != nil || string(c.Old) != string(config.Example) || c.Base != hexHash(sha256.Sum256([]byte(bad))) {
		t.Fatalf("%+v %v", c, err)
	}
	if _, err := b.ChangeSite(t.Context(), b.director(), c.Base, config.Example); err != nil || b.current().mode != Guarding {
		t.Error(err, b.current().mode)
	}
}
