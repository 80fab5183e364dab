package main

import (
	"bytes"
	"crypto/ed25519"
	"image/png"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"monban/gateway/request"
	"monban/gateway/window"
)

// engineer runs commands in a home directory of its own.
type engineer struct {
	t    *testing.T
	site string
}

func newEngineer(t *testing.T) *engineer {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	for _, name := range []string{"MONBAN_VENDOR", "MONBAN_SOURCE", "MONBAN_REQUESTER"} {
		t.Setenv(name, "") // as if not set
		os.Unsetenv(name)
	}
	return &engineer{t, request.SiteID(strings.Repeat("5E", 32))}
}

func (g *engineer) run(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = monban(g.t.Context(), append([]string{"--lang", "en", "request"}, args...), strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

// ok runs a command that must work and returns what it printed.
func (g *engineer) ok(args ...string) string {
	g.t.Helper()
	status, out, errs := g.run(args...)
	if status != 0 {
		g.t.Fatalf("%v: status %d, %s", args, status, errs)
	}
	return out
}

// made runs the command and reads the request it prints.
func (g *engineer) made(args ...string) request.Signed {
	g.t.Helper()
	s, err := request.Parse(g.ok(args...))
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// The engineer makes a key, once, and the clinic can verify what he signs.
func TestRequest(t *testing.T) {
	g := newEngineer(t)
	ask := []string{"--site", strings.ToLower(g.site), "--vendor", "imaging", "--device", "ct", "--ports", "3389,500/udp", "--source", "198.51.100.9",
		"--for", "2h", "--reason", "月次更新", "--requester", "山田 太郎"}
	if status, _, errs := g.run(ask...); status != 1 || !strings.Contains(errs, "key: There is no signing key") {
		t.Errorf("no key: status %d, %s", status, errs)
	}

	printed := g.ok("keygen")
	line := printed[strings.Index(printed, "MONBAN-KEY"):]
	pub, err := request.ParsePublic(line[:strings.Index(line, "\n")])
	if err != nil || !strings.Contains(printed, request.Fingerprint(pub)) {
		t.Fatalf("%v\n%s", err, printed)
	}
	if again := g.ok("key"); !strings.HasSuffix(printed, again) {
		t.Errorf("the key is printed again as %q", again)
	}
	file := filepath.Join(os.Getenv("HOME"), ".config", "monban", "request.key")
	if i, err := os.Stat(file); runtime.GOOS == "linux" && (err != nil || i.Mode().Perm() != 0o600) {
		t.Errorf("the key file: %v, %v", i, err)
	}
	before, _ := os.ReadFile(file)
	if status, _, errs := g.run("keygen"); status != 1 || !strings.Contains(errs, "out: ") {
		t.Errorf("a second key: status %d, %s", status, errs)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}

	began := time.Now().Truncate(time.Second)
	s := g.made(ask...)
	if !s.Verify(pub) || s.Fresh(time.Now()) != nil || s.MadeAt.Before(began) {
		t.Errorf("made at %v, signed by this key: %v", s.MadeAt, s.Verify(pub))
	}
	if s.Kind != window.Inbound || s.Site != g.site || s.Vendor != "imaging" || s.Device != "ct" || s.Length != 2*time.Hour ||
		s.Reason != "月次更新" || s.Requester != "山田 太郎" || !s.NotBefore.IsZero() ||
		len(s.Ports) != 2 || s.Ports[1] != (window.Port{Proto: window.UDP, Port: 500, WAN: 500}) ||
		len(s.Sources) != 1 || s.Sources[0] != netip.MustParsePrefix("198.51.100.9/32") {
		t.Errorf("asked for %+v", s.Request)
	}
	if twice := g.made(append([]string{"make"}, ask...)...); twice.Digest() == s.Digest() {
		t.Error("two requests are one")
	}

	// Another key, as a file, signs what only it verifies.
	other := filepath.Join(t.TempDir(), "other", "key.pem")
	g.ok("keygen", "--out", other)
	if s := g.made(append([]string{"--key", other}, ask...)...); s.Verify(pub) {
		t.Error("signed by the wrong key")
	}
	if err := os.WriteFile(other, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := g.run(append([]string{"--key", other}, ask...)...); status != 1 || !strings.Contains(errs, "key: The signing key cannot be read") {
		t.Errorf("a broken key: status %d, %s", status, errs)
	}
}

// Every kind of way in can be asked for, now or later; what is always the
// same can stand in the environment.
func TestRequestKinds(t *testing.T) {
	g := newEngineer(t)
	g.ok("keygen")
	t.Setenv("MONBAN_VENDOR", "pacs-co")
	t.Setenv("MONBAN_REQUESTER", "佐藤")
	t.Setenv("MONBAN_SOURCE", "198.51.100.8/29,2001:db8:8::/64")
	ask := func(more ...string) request.Signed {
		t.Helper()
		return g.made(append([]string{"--site", g.site, "--device", "受付PC", "--reason", "x"}, more...)...)
	}
	if s := ask("--ports", "22:2022"); s.Kind != window.Inbound || s.Vendor != "pacs-co" || s.Requester != "佐藤" || len(s.Sources) != 2 || s.Ports[0].WAN != 2022 || s.Length != time.Hour {
		t.Errorf("inbound: %+v", s.Request)
	}
	if s := ask("--wireguard", "--ports", "22", "--source", "203.0.113.1"); s.Kind != window.WireGuard || s.Sources[0].String() != "203.0.113.1/32" {
		t.Errorf("wireguard: %+v", s.Request)
	}
	if s := ask("--tool", "AnyDesk"); s.Kind != window.Tool || s.Tool != "AnyDesk" {
		t.Errorf("tool: %+v", s.Request)
	}
	at := time.Now().Add(48 * time.Hour).Truncate(time.Minute)
	s := ask("--target", "203.0.113.7:443", "--target", "[2001:db8::7]:500/udp", "--at", at.Format("2006-01-02 15:04"))
	if s.Kind != window.Outbound || len(s.Targets) != 2 || s.Targets[1].Proto != window.UDP || s.Targets[1].Addr.String() != "2001:db8::7" || !s.NotBefore.Equal(at) {
		t.Errorf("outbound: %+v", s.Request)
	}
}

// What is wrong is said with its flag, all of it at once; what kong refuses
// ends with its own status.
func TestRequestFaults(t *testing.T) {
	g := newEngineer(t)
	g.ok("keygen")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"site: "}},
		{[]string{"--site", g.site}, []string{"vendor: ", "device: ", "ports: ", "source: ", "reason: ", "requester: "}},
		{[]string{"--site", "ABCD-EFGH", "--ports", "0,99999/tcp", "--source", "vpn.example", "--target", "example.org:1", "--at", "2020-01-01 00:00"},
			[]string{"site: ABCD-EFGH is no id", "ports: The port 0 ", "ports: The port 99999/tcp ", "source: The source vpn.example", "target: The target example.org:1 ", "at: "}},
		{[]string{"--site", g.site, "--vendor", "v", "--device", "d", "--reason", "r", "--requester", "q", "--for", "9h", "--tool", "AnyDesk", "--ports", "1"},
			[]string{"kind: Choose one way only", "for: This is too long"}},
		{[]string{"--site", g.site, "--vendor", "v", "--device", "d", "--reason", strings.Repeat("長", 120), "--requester", "q", "--tool", "AnyDesk"},
			[]string{"The request is too long"}},
	} {
		status, out, errs := g.run(c.args...)
		if status != 1 || out != "" {
			t.Errorf("%q: status %d, printed %q", c.args, status, out)
		}
		for _, want := range c.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%q: %q is not in\n%s", c.args, want, errs)
			}
		}
	}
	if status, _, _ := g.run("--for", "soon"); status != 2 {
		t.Errorf("a flag that is no duration: status %d", status)
	}
}

// The QR code, as a picture and as text, holds the request.
func TestRequestQR(t *testing.T) {
	g := newEngineer(t)
	g.ok("keygen")
	file := filepath.Join(t.TempDir(), "request.png")
	out := g.ok("--site", g.site, "--vendor", "imaging", "--device", "ct", "--ports", "3389", "--source", "198.51.100.9", "--reason", "月次更新",
		"--requester", "山田", "--qr", file, "--qr-text")
	said, drawn, ok := strings.Cut(out, "\n\n")
	s, err := request.Parse(said)
	if err != nil || !ok {
		t.Fatalf("%v in\n%s", err, out)
	}
	code, err := qr.Encode(s.QR(), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	if drawn != halfBlocks(code, false) {
		t.Error("the text shows another code")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	scale := img.Bounds().Dx() / (code.Size + 8)
	for y := range code.Size + 8 {
		for x, r := range []rune(rows[y/2]) {
			white := strings.ContainsRune("█▀", r)
			if y%2 == 1 {
				white = strings.ContainsRune("█▄", r)
			}
			if red, _, _, _ := img.At(x*scale+scale/2, y*scale+scale/2).RGBA(); white != (red > 0x8000) || white == code.Black(x-4, y-4) {
				t.Fatalf("module %d,%d: text %v, code %v", x, y, white, code.Black(x-4, y-4))
			}
		}
	}
	if coloured := halfBlocks(code, true); strings.Count(coloured, "\x1b[0m") != len(rows) {
		t.Errorf("colour does not end on every line:\n%q", coloured)
	}
	var pub ed25519.PublicKey
	if s.Verify(pub) {
		t.Error("verified by no key")
	}
}
