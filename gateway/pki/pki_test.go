package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// box is an authority on a clock one can set.
type box struct {
	dir    string
	now    time.Time
	synced bool
	names  []string
	told   []error
}

func newBox(t testing.TB) *box {
	return &box{dir: filepath.Join(t.TempDir(), "pki"), now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), synced: true,
		names: []string{"192.168.10.1", "fd00:10::1", "127.0.0.1"}}
}

func (b *box) open(t testing.TB) *Authority {
	t.Helper()
	a, err := Open(Options{Dir: b.dir, Now: func() time.Time { return b.now }, Synced: func() bool { return b.synced },
		Names: func() []string { return b.names }, Report: func(err error) { b.told = append(b.told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leafOf(t testing.TB, a *Authority) *x509.Certificate {
	t.Helper()
	c, err := a.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

// trusts says whether a PC that trusts a's CA alone takes the certificate for
// that name at that time.
func trusts(a *Authority, c *x509.Certificate, name string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	_, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

func TestLeafIsTakenForEveryName(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	leaf := leafOf(t, a)
	for _, name := range append([]string{Name}, b.names...) {
		if err := trusts(a, leaf, name, b.now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := leaf.NotAfter.Sub(leaf.NotBefore); d > 397*24*time.Hour {
		t.Errorf("leaf lasts %s", d)
	}
	if got := len(strings.Split(a.Fingerprint(), ":")); got != 32 {
		t.Errorf("fingerprint has %d pairs", got)
	}
	if got := a.Uncovered(); got != nil {
		t.Errorf("uncovered: %v", got)
	}
}

// A stolen CA key must not make a bank.
func TestConstraintHoldsAgainstTheKeyItself(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	if !a.ca.cert.PermittedDNSDomainsCritical {
		t.Error("the constraint is not critical")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bank.example", "home.arpa", "evilmonban.home.arpa", "8.8.8.8", "2001:db8::1", "192.0.2.1", "172.32.0.1"} {
		rogue := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: b.now, NotAfter: b.now.Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		if ip := net.ParseIP(name); ip != nil {
			rogue.IPAddresses = []net.IP{ip}
		} else {
			rogue.DNSNames = []string{name}
		}
		p, err := sign(rogue, a.ca.cert, key, a.ca.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := trusts(a, p.cert, name, b.now.Add(time.Minute)); err == nil {
			t.Errorf("a certificate for %s is trusted", name)
		}
	}
	// Nor another CA below it.
	sub := &x509.Certificate{SerialNumber: big.NewInt(8), NotBefore: b.now, NotAfter: b.now.Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	p, err := sign(sub, a.ca.cert, key, a.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := p.newLeaf(nil, b.now)
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.ca.cert)
	between.AddCert(p.cert)
	if _, err := leaf.cert.Verify(x509.VerifyOptions{DNSName: Name, Roots: roots, Intermediates: between, CurrentTime: b.now.Add(time.Minute)}); err == nil {
		t.Error("a CA below ours is trusted")
	}
}

func TestKeysAreTheOwnersOnly(t *testing.T) {
	b := newBox(t)
	b.open(t)
	for name, want := range map[string]os.FileMode{caKeyFile: 0o600, leafKeyFile: 0o600, CAFile: 0o644, leafFile: 0o644} {
		fi, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o", name, fi.Mode().Perm())
		}
	}
}

func TestReopeningKeepsBoth(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	again := b.open(t)
	if a.Fingerprint() != again.Fingerprint() || !leafOf(t, a).Equal(leafOf(t, again)) {
		t.Error("a restart changed the certificates")
	}
}

func TestRenewal(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	first := leafOf(t, a)
	b.now = b.now.Add(300 * 24 * time.Hour)
	if !leafOf(t, a).Equal(first) {
		t.Error("renewed too early")
	}
	b.now = b.now.Add(80 * 24 * time.Hour)
	second := leafOf(t, a)
	if second.Equal(first) {
		t.Error("not renewed before its end")
	}
	if err := trusts(a, second, Name, b.now); err != nil {
		t.Error(err)
	}
	b.names = []string{"10.0.0.1"}
	third := leafOf(t, a)
	if err := trusts(a, third, "10.0.0.1", b.now); err != nil {
		t.Error(err)
	}
	if err := trusts(a, third, "192.168.10.1", b.now); err == nil {
		t.Error("an address that is gone is still in the certificate")
	}
}

// A name that came after the CA cannot be signed, and is said.
func TestNameAfterTheCA(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	b.names = append(b.names, "gate.clinic.example", "203.0.113.9")
	if err := trusts(a, leafOf(t, a), Name, b.now); err != nil {
		t.Errorf("the other names suffer: %v", err)
	}
	if got := a.Uncovered(); !slices.Equal(got, []string{"gate.clinic.example", "203.0.113.9"}) {
		t.Errorf("uncovered: %v", got)
	}
}

// A box without a clock battery starts in 1970 and must still be reachable,
// before and after its clock is set.
func TestClockOf1970(t *testing.T) {
	b := newBox(t)
	real := b.now
	b.now, b.synced = time.Unix(30, 0), false
	a := b.open(t)
	if err := trusts(a, leafOf(t, a), Name, real); err != nil {
		t.Errorf("before the clock is set: %v", err)
	}
	b.now, b.synced = real, true
	set := leafOf(t, a)
	if err := trusts(a, set, Name, real); err != nil {
		t.Errorf("after: %v", err)
	}
	// Power cut a year on: the clock is back in 1970, the certificate stays.
	b.now = real.AddDate(2, 0, 0)
	last := leafOf(t, a)
	b.now, b.synced = time.Unix(30, 0), false
	if !leafOf(t, b.open(t)).Equal(last) {
		t.Error("an unset clock made a new certificate")
	}
	// With a new address meanwhile, the new one is no older than the last.
	b.names = []string{"10.1.1.1"}
	if c := leafOf(t, b.open(t)); c.NotBefore.Before(last.NotBefore) {
		t.Errorf("new certificate is from %s, the last from %s", c.NotBefore, last.NotBefore)
	}
}

// A clock that was wrong ahead and is put right must not leave a certificate
// of the future.
func TestClockPutBack(t *testing.T) {
	b := newBox(t)
	real := b.now
	b.now = real.AddDate(5, 0, 0)
	a := b.open(t)
	leafOf(t, a)
	b.now = real
	if err := trusts(a, leafOf(t, a), Name, real); err != nil {
		t.Error(err)
	}
}

func TestBrokenFiles(t *testing.T) {
	t.Run("a broken leaf is made anew", func(t *testing.T) {
		b := newBox(t)
		b.open(t)
		if err := os.WriteFile(filepath.Join(b.dir, leafFile), []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		a := b.open(t)
		if err := trusts(a, leafOf(t, a), Name, b.now); err != nil {
			t.Error(err)
		}
		if len(b.told) != 1 {
			t.Errorf("told %v", b.told)
		}
	})
	t.Run("a leaf of another CA is made anew", func(t *testing.T) {
		b, c := newBox(t), newBox(t)
		b.open(t)
		c.open(t)
		for _, f := range []string{leafFile, leafKeyFile} {
			data, err := os.ReadFile(filepath.Join(c.dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(b.dir, f), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a := b.open(t)
		if err := trusts(a, leafOf(t, a), Name, b.now); err != nil {
			t.Error(err)
		}
	})
	for _, f := range []string{CAFile, caKeyFile} {
		t.Run("a broken CA is never replaced: "+f, func(t *testing.T) {
			b := newBox(t)
			b.open(t)
			if err := os.WriteFile(filepath.Join(b.dir, f), []byte("rubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Options{Dir: b.dir}); err == nil {
				t.Error("no error")
			}
			if data, err := os.ReadFile(filepath.Join(b.dir, f)); err != nil || string(data) != "rubbish" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	t.Run("a crash between key and certificate", func(t *testing.T) {
		b := newBox(t)
		b.open(t)
		if err := os.Remove(filepath.Join(b.dir, CAFile)); err != nil {
			t.Fatal(err)
		}
		a := b.open(t)
		if err := trusts(a, leafOf(t, a), Name, b.now); err != nil {
			t.Error(err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if _, err := Open(Options{}); err == nil {
			t.Error("no error")
		}
	})
}

// A disk that takes nothing costs no handshake.
func TestFullDisk(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.AddDate(2, 0, 0)
	if err := trusts(a, leafOf(t, a), Name, b.now); err != nil {
		t.Error(err)
	}
	if len(b.told) == 0 {
		t.Error("nobody was told")
	}
}

func TestOnlyTLS13(t *testing.T) {
	b := newBox(t)
	b.now = time.Now()
	a := b.open(t)
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = a.TLSConfig()
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	for _, max := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: Name, MaxVersion: max})
		if (err == nil) != (max == tls.VersionTLS13) {
			t.Errorf("version %x: %v", max, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// Whatever the names are, the certificate is taken for Name.
func TestAnyNames(t *testing.T) {
	b := newBox(t)
	a := b.open(t)
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9.-]{0,70}`), rapid.SampledFrom([]string{"10.0.0.1", "[fd00::1]", "fe80::1%eth0", "::", "*.home.arpa"})), 0, 5).Draw(r, "names")
		p, err := a.ca.newLeaf(names, b.now)
		if err != nil {
			r.Fatal(err)
		}
		if err := trusts(a, p.cert, Name, b.now); err != nil {
			r.Fatalf("%q: %v", names, err)
		}
	})
}
