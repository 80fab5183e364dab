package request

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
	"rsc.io/qr"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

var (
	made  = time.Date(2026, 12, 7, 5, 30, 0, 0, time.UTC)
	exact = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}), cmpopts.EquateEmpty()}
)

func prefixes(ss ...string) (all []netip.Prefix) {
	for _, s := range ss {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// seeded is a key that is the same in every run.
func seeded(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string('a'+n), ed25519.SeedSize)))
}

// usual is what most requests look like: one port, one source, a reason of 20
// characters.
func usual() Request {
	return Request{
		Kind: window.Inbound, Site: SiteID(strings.Repeat("A7", 32)), Vendor: "imaging", Device: "ct",
		Ports:   []window.Port{{Proto: window.TCP, Port: 3389, WAN: 3389}},
		Sources: prefixes("198.51.100.9/32"), Length: 2 * time.Hour,
		Reason: "画像サーバーの月次更新と動作確認のため", Requester: "山田 太郎", MadeAt: made,
		Nonce: [8]byte{1, 2, 3, 4, 5, 6, 7, 8},
	}
}

func sign1(t testing.TB, r Request) string {
	t.Helper()
	s, err := Sign(seeded(0), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// code returns the code and the arguments of the one Fault err is.
func code(err error) (string, text.Args) {
	var f *text.Fault
	if !errors.As(err, &f) {
		return "", nil
	}
	return f.Code, f.Args
}

// The text is what others keep and what newer programs must read: it does not
// change by accident.
func TestTextStaysTheSame(t *testing.T) {
	for name, r := range map[string]Request{
		"inbound": usual(),
		"outbound": {Kind: window.Outbound, Site: usual().Site, Vendor: "pacs-co", Device: "b8:27:eb:00:00:01",
			Targets: []window.Target{{Addr: netip.MustParseAddr("203.0.113.7"), Proto: window.UDP, Port: 500},
				{Addr: netip.MustParseAddr("2001:db8::7"), Proto: window.TCP, Port: 443}},
			Length: time.Hour, NotBefore: made.Add(6 * 24 * time.Hour), Reason: "quarterly check", Requester: "T. Yamada", MadeAt: made},
		"tool": {Kind: window.Tool, Site: usual().Site, Vendor: "pacs-co", Device: "受付PC", Tool: "TeamViewer",
			Length: 30 * time.Minute, Reason: "画面が出ない", Requester: "佐藤", MadeAt: made},
		"wireguard": {Kind: window.WireGuard, Site: usual().Site, Vendor: "pacs-co", Device: "192.168.10.21",
			Ports:   []window.Port{{Proto: window.TCP, Port: 22, WAN: 2022}, {Proto: window.UDP, Port: 5000, WAN: 5000}},
			Sources: prefixes("198.51.100.8/29", "2001:db8:8000::/33"), Length: 8 * time.Hour, Reason: "𠮷野家の更新", Requester: "佐藤", MadeAt: made},
	} {
		got := sign1(t, r)
		file := filepath.Join("testdata", name+".txt")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwas\n%s", name, got, want)
		}
		s, err := Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r.normal(), s.Request, exact); d != "" {
			t.Errorf("%s reads back as something else:\n%s", name, d)
		}
		if s.Text() != got || !s.Verify(seeded(0).Public().(ed25519.PublicKey)) || s.Verify(seeded(1).Public().(ed25519.PublicKey)) || s.Verify(nil) {
			t.Errorf("%s: text or signature is not what was signed", name)
		}
		if again, err := Parse(s.QR()); err != nil || again.Digest() != s.Digest() {
			t.Errorf("%s: its QR code is not read: %v", name, err)
		}
	}
}

// A request is short enough to be read out, and the longest fits a QR code of
// 77 modules, which a telephone reads off paper.
func TestLength(t *testing.T) {
	s, err := Parse(sign1(t, usual()))
	if err != nil {
		t.Fatal(err)
	}
	signs := 0
	for _, l := range s.lines() {
		signs += len(l)
	}
	c, err := qr.Encode(s.QR(), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a usual request: %d signs in %d lines, QR version %d", signs, len(s.lines()), (c.Size-17)/4)
	if signs > 300 {
		t.Errorf("a usual request has %d signs", signs)
	}

	long := usual()
	for long.Reason = ""; ; {
		more := long
		more.Reason += "更"
		if _, err := Sign(seeded(0), more); err != nil {
			if c, _ := code(err); c != "request.too_long" {
				t.Error(err)
			}
			break
		}
		long = more
	}
	s, err = Parse(sign1(t, long))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = qr.Encode(s.QR(), qr.M); err != nil {
		t.Fatal(err)
	}
	n := len([]rune(long.Reason))
	t.Logf("the longest: %d bytes, a reason of %d characters, QR version %d", len(s.body), n, (c.Size-17)/4)
	if len(s.body) < maxBody-1 || n < 80 || c.Size > 17+4*15 {
		t.Errorf("the longest has %d bytes, a reason of %d characters, %d modules", len(s.body), n, c.Size)
	}
}

func TestFresh(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0: "", MaxAge: "", -MaxAhead: "", MaxAge + time.Second: "request.too_old", -MaxAhead - time.Second: "request.from_future",
		1 << 62: "request.too_old", -1 << 62: "request.from_future",
	} {
		if got, _ := code(usual().Fresh(made.Add(after))); got != want {
			t.Errorf("%v after: %q, want %q", after, got, want)
		}
	}
}

// Every fault of a request is named, with the field it is about.
func TestSignRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Request){
		"site request.bad_site":         func(r *Request) { r.Site = "ABCD-EFGH" },
		"vendor window.no_vendor":       func(r *Request) { r.Vendor = " \u202e" },
		"device window.no_device":       func(r *Request) { r.Device = "" },
		"ports window.no_ports":         func(r *Request) { r.Ports = nil },
		"ports window.bad_port":         func(r *Request) { r.Ports[0].Proto = "sctp" },
		"kind request.mixed":            func(r *Request) { r.Tool = "AnyDesk" },
		"target request.no_target":      func(r *Request) { r.Kind, r.Ports = window.Outbound, nil },
		"tool request.no_tool":          func(r *Request) { r.Kind, r.Ports = window.Tool, nil },
		"source request.no_source":      func(r *Request) { r.Sources = nil },
		"source request.bad_source":     func(r *Request) { r.Sources = prefixes("198.51.100.9/24") },
		"for window.too_long":           func(r *Request) { r.Length = window.MaxLength + time.Second },
		"for window.too_short":          func(r *Request) { r.Length = time.Millisecond },
		"at request.bad_time":           func(r *Request) { r.NotBefore = time.Unix(1<<33, 0) },
		"reason window.no_reason":       func(r *Request) { r.Reason = "\n" },
		"requester window.no_requester": func(r *Request) { r.Requester = strings.Repeat("あ", 65) },
		" request.too_long":             func(r *Request) { r.Reason = strings.Repeat("a", 200) },
		"target request.bad_target": func(r *Request) {
			r.Kind, r.Ports = window.Outbound, nil
			r.Targets = []window.Target{{Addr: netip.MustParseAddr("fe80::1%eth0"), Proto: window.TCP, Port: 1}}
		},
	} {
		r := usual()
		r.Ports = slices.Clone(r.Ports)
		spoil(&r)
		_, err := Sign(seeded(0), r)
		var f *text.Fault
		if !errors.As(err, &f) || f.Field+" "+f.Code != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Sign(nil, usual()); err == nil {
		t.Error("signed without a key")
	}
	r := usual()
	r.MadeAt = time.Time{}
	if _, err := Sign(seeded(0), r); err == nil {
		t.Error("signed without a time")
	}
}

// What a person typed carelessly is cleaned before it is signed.
func TestSignCleans(t *testing.T) {
	r := usual()
	r.Reason, r.Requester, r.Ports[0].WAN = "  か\u3099\nx ", "山田\u3000太郎", 0
	r.MadeAt = made.Add(time.Millisecond).In(time.FixedZone("JST", 9*3600))
	s, err := Parse(sign1(t, r))
	if err != nil || s.Reason != "が x" || s.Requester != "山田 太郎" || s.Ports[0].WAN != 3389 || !s.MadeAt.Equal(made) {
		t.Errorf("%+v, %v", s.Request, err)
	}
}

func TestSite(t *testing.T) {
	id := SiteID(strings.Repeat("a7:", 31) + "A7")
	if id != SiteID(strings.Repeat("A7", 32)) || len(id) != 9 || id[4] != '-' {
		t.Errorf("the id is %q", id)
	}
	if SiteID("") != "" || SiteID("A7") != "" || SiteID(strings.Repeat("zz", 32)) != "" {
		t.Error("an id of no fingerprint")
	}
	other := SiteID("00" + strings.Repeat("A7", 31))
	if other == id {
		t.Error("two boxes have one id")
	}
	for _, as := range []string{id, strings.ToLower(id), " " + strings.ReplaceAll(id, "-", " ") + "\n", wide(id)} {
		if got, err := ParseSite(as); err != nil || got != id {
			t.Errorf("%q is read as %q, %v", as, got, err)
		}
	}
	for _, bad := range []string{"", id[:8], id + "0", "?" + id[1:], id[1:2] + id[:1] + id[2:], strings.Repeat("0", 1000)} {
		if got, err := ParseSite(bad); err == nil {
			t.Errorf("%q is read as %q", bad, got)
		}
	}
}

// wide writes s as a Japanese keyboard may.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' {
			return '\u3000'
		}
		if r == '\n' {
			return r
		}
		return r - '!' + '！'
	}, s)
}

func drawText(t *rapid.T, label string, most int) string {
	s := rapid.StringN(1, most, -1).Draw(t, label)
	if c, err := people.Clean(s); err == nil {
		return c
	}
	return "x"
}

func drawAddr(t *rapid.T, label string) netip.Addr {
	size := rapid.SampledFrom([]int{4, 16}).Draw(t, label+" size")
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, label))
	if !plain(a) {
		return netip.MustParseAddr("192.0.2.1")
	}
	return a
}

func drawRequest(t *rapid.T) Request {
	seconds := func(label string) time.Time { return time.Unix(int64(rapid.Uint32Min(1).Draw(t, label)), 0).UTC() }
	proto, port := rapid.SampledFrom([]window.Proto{window.TCP, window.UDP}), rapid.Uint16Min(1)
	r := Request{
		Kind: rapid.SampledFrom(kinds[1:]).Draw(t, "kind"), Vendor: drawText(t, "vendor", 20), Device: drawText(t, "device", 20),
		Length: time.Duration(rapid.IntRange(1, 8*3600).Draw(t, "length")) * time.Second,
		Reason: drawText(t, "reason", 30), Requester: drawText(t, "requester", 10), MadeAt: seconds("made"),
		Nonce: [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "nonce")),
		Site:  SiteID(hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "site"))),
	}
	if rapid.Bool().Draw(t, "planned") {
		r.NotBefore = seconds("start")
	}
	for range rapid.IntRange(1, 3).Draw(t, "ways") {
		switch r.Kind {
		case window.Outbound:
			r.Targets = append(r.Targets, window.Target{Addr: drawAddr(t, "target"), Proto: proto.Draw(t, "proto"), Port: port.Draw(t, "port")})
		case window.Tool:
			r.Tool = drawText(t, "tool", 12)
		default:
			r.Ports = append(r.Ports, window.Port{Proto: proto.Draw(t, "proto"), Port: port.Draw(t, "port"), WAN: port.Draw(t, "wan")})
		}
		a := drawAddr(t, "source")
		p := netip.PrefixFrom(a, rapid.IntRange(1, a.BitLen()).Draw(t, "bits")).Masked()
		if plain(p.Addr()) {
			r.Sources = append(r.Sources, p)
		}
	}
	if len(r.Sources) == 0 {
		r.Sources = prefixes("192.0.2.0/24")
	}
	return r
}

// Whatever can be asked reads back as it was, from paper and from a QR code.
func TestRoundTrip(t *testing.T) {
	key := seeded(0)
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		said, err := Sign(key, r)
		if c, _ := code(err); c == "request.too_long" {
			t.Skip("too long")
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(said)
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if d := cmp.Diff(r, s.Request, exact); d != "" {
			t.Fatal(d)
		}
		if again, err := Parse(s.QR()); err != nil || again.Text() != said {
			t.Fatalf("QR: %v", err)
		}
		if !s.Verify(key.Public().(ed25519.PublicKey)) {
			t.Fatal("the signature is not right")
		}
	})
}
