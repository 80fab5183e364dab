package wg

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ours is the name of our interface.
const ours = "wg-test"

func newPrivate(t *testing.T) PrivateKey {
	t.Helper()
	k, err := LoadKey(t.TempDir())
	must(t, err)
	return k
}

func config(t *testing.T) Config {
	return Config{Name: ours, Key: newPrivate(t), Port: 51820,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.99.0.1/24"), netip.MustParsePrefix("fd00:99::1/64")}}
}

// Where the kernel has WireGuard a tunnel works; where it has none that is
// said, and nothing is left behind.
func TestKernel(t *testing.T) {
	if !alone(t) {
		return
	}
	before := links(t)
	err := Probe()
	if after := links(t); !slices.Equal(before, after) {
		t.Errorf("interfaces before Probe %v, after it %v", before, after)
	}
	c := config(t)
	if err != nil {
		if !errors.Is(err, ErrNone) {
			t.Fatal(err)
		}
		if _, err := Open(c); !errors.Is(err, ErrNone) {
			t.Errorf("Open: %v", err)
		}
		if after := links(t); !slices.Equal(before, after) {
			t.Errorf("interfaces before Open %v, after it %v", before, after)
		}
		t.Log("this kernel has no WireGuard; it was refused")
		return
	}
	must(t, netlink.LinkAdd(newLink("vendor0")))
	open := func(c Config) (*Device, error) { return Open(c) }
	tunnel(t, c, open, "vendor0")

	must(t, Remove(ours))
	must(t, Remove(ours)) // it is gone already
	c.Port = 53           // taken by ourselves
	s, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	must(t, err)
	defer unix.Close(s)
	must(t, unix.Bind(s, &unix.SockaddrInet6{Port: 53}))
	if _, err := Open(c); err == nil || slices.Contains(links(t), ours) {
		t.Errorf("a port that is taken: %v, %v", err, links(t))
	}
}

// What is there and not ours is neither used nor removed.
func TestForeignInterface(t *testing.T) {
	if !alone(t) {
		return
	}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: ours, TxQLen: 1}, PeerName: "peer"}))
	if _, err := Open(config(t)); err == nil || !strings.Contains(err.Error(), "not ours") {
		t.Errorf("Open: %v", err)
	}
	if err := Remove(ours); err == nil || !slices.Contains(links(t), ours) {
		t.Errorf("Remove: %v", err)
	}
}

// Addresses become what they should be, also if they change within a net.
func TestAddresses(t *testing.T) {
	if !alone(t) {
		return
	}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "x", TxQLen: 1}, PeerName: "y"}))
	l, err := netlink.LinkByName("x")
	must(t, err)
	must(t, netlink.LinkSetUp(l))
	for _, want := range [][]string{
		{"10.99.0.1/24", "fd00:99::1/64"}, {"10.99.0.1/24", "fd00:99::1/64"}, {"10.99.0.2/24", "10.99.0.3/24"}, {"10.99.0.3/24", "10.99.0.4/25"}, {},
	} {
		var ps []netip.Prefix
		for _, s := range want {
			ps = append(ps, netip.MustParsePrefix(s))
		}
		must(t, setAddrs(l, ps))
		got, err := addrs(l)
		must(t, err)
		less := func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }
		if slices.SortFunc(got, less); !slices.Equal(got, ps) {
			t.Errorf("addresses are %v, want %v", got, ps)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no name": func(c *Config) { c.Name = "" }, "long name": func(c *Config) { c.Name = "monban-wireguard" },
		"no key": func(c *Config) { c.Key = PrivateKey{} }, "no port": func(c *Config) { c.Port = 0 },
		"no address": func(c *Config) { c.Addresses = nil },
		"every net":  func(c *Config) { c.Addresses[0] = netip.MustParsePrefix("10.0.0.1/0") },
		"multicast":  func(c *Config) { c.Addresses[0] = netip.MustParsePrefix("224.0.0.1/4") },
	} {
		c := config(t)
		spoil(&c)
		if d, err := Open(c); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

func TestPeersAreChecked(t *testing.T) {
	a, b := newPrivate(t).Public(), newPrivate(t).Public()
	at := func(ss ...string) (as []netip.Addr) {
		for _, s := range ss {
			as = append(as, netip.MustParseAddr(s))
		}
		return as
	}
	d := &Device{addrs: config(t).Addresses}
	got, err := d.check([]Peer{{a, at("fd00:99::2", "10.99.0.2")}, {b, at("10.99.0.3")}})
	if err != nil || len(got) != 2 || got[0].Key.compare(got[1].Key) >= 0 {
		t.Errorf("%v, %v", got, err)
	}
	for name, bad := range map[string][]Peer{
		"no key":          {{Key{}, at("10.99.0.2")}},
		"one key twice":   {{a, at("10.99.0.2")}, {a, at("10.99.0.3")}},
		"no address":      {{a, nil}},
		"shared address":  {{a, at("10.99.0.2")}, {b, at("10.99.0.2")}},
		"our own address": {{a, at("10.99.0.1")}},
		"another net":     {{a, at("10.98.0.2")}},
		"invalid":         {{a, []netip.Addr{{}}}},
	} {
		if _, err := d.check(bad); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// The key is made once, for its owner's eyes, and never replaced.
func TestLoadKey(t *testing.T) {
	dir := t.TempDir()
	k, err := LoadKey(dir)
	must(t, err)
	file := filepath.Join(dir, KeyFile)
	i, err := os.Stat(file)
	must(t, err)
	if i.Mode().Perm() != 0o600 || i.Size() != 45 {
		t.Errorf("the file is %v with %d bytes", i.Mode(), i.Size())
	}
	if again, err := LoadKey(dir); err != nil || again != k {
		t.Errorf("read back: %v, %v", again == k, err)
	}
	if pub, err := ParseKey(k.Public().String()); err != nil || pub != k.Public() {
		t.Errorf("the public key reads back as %v, %v", pub, err)
	}
	b, err := os.ReadFile(file)
	must(t, err)
	for name, bad := range map[string]string{
		"empty": "", "cut": string(b[:20]), "two": string(b) + string(b), "zeros": strings.Repeat("A", 43) + "=",
		"another form": strings.Replace(string(b), "=", "\n=", 1),
	} {
		must(t, os.WriteFile(file, []byte(bad), 0o600))
		if _, err := LoadKey(dir); err == nil {
			t.Errorf("%s: taken as a key", name)
		}
		if now, _ := os.ReadFile(file); string(now) != bad {
			t.Errorf("%s: replaced", name)
		}
	}
	if _, err := LoadKey(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there")
	}
}

// A private key shows itself in no log.
func TestPrivateKeyHides(t *testing.T) {
	k := newPrivate(t)
	c := config(t)
	c.Key = k
	for _, s := range []string{sprint("%v", c), sprint("%+v", c), sprint("%#v", c), sprint("%s", k), sprint("%x", k)} {
		if strings.Contains(s, Key(k).String()) || strings.Contains(s, sprint("%d", k[:8])) || strings.Contains(s, sprint("%x", k[:8])) {
			t.Errorf("%q", s)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("4mNIJ0P1mFyWwhYQ4kYcUoEbRqkdE4NkTCmO7nZyZ3w=")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, in string) {
		if k, err := ParseKey(in); err == nil && k.String() != in {
			t.Errorf("%q reads as %s", in, k)
		}
	})
}

// soon is how long a packet that passes may take, and one that does not is
// waited for.
const soon = 500 * time.Millisecond
