package webui_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui"
)

// everyPage are the paths that show something.
var everyPage = []string{"/", "/windows", "/windows/new", "/windows/1", "/windows/2", "/windows/3", "/windows/4",
	"/windows/5", "/windows/6", "/windows/7", "/windows/8", "/windows/9", "/windows/10", "/windows/4/extend", "/windows/close-all?closed=1",
	"/windows/new?kind=inbound", "/windows/new?kind=outbound", "/windows/new?kind=tool", "/windows/new?kind=wireguard", "/devices", "/checklist", "/audit", "/audit?before=60", "/people", "/account", "/alive", "/nothing"}

var leak = regexp.MustCompile(`\b(page|checklist|window|people|device|store|audit)\.[a-z_]+[a-z_.0-9-]*`)

func TestEveryPageInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		f := maintainedFake()
		f.mode, f.synced = gateway.Kept, false
		c := in(t, f)
		c.get("/?lang=" + lang)
		for _, p := range everyPage {
			status, body := c.get(p)
			if status != http.StatusOK && p != "/nothing" {
				t.Errorf("%s: %d", p, status)
			}
			if !strings.Contains(body, `<html lang="`+lang+`">`) {
				t.Errorf("%s is not in %s", p, lang)
			}
			if code := leak.FindString(shownText(body)); code != "" {
				t.Errorf("%s in %s shows the code %s", p, lang, code)
			}
			if regexp.MustCompile(`\{[a-z_]+\}`).MatchString(body) {
				t.Errorf("%s in %s has an unfilled place", p, lang)
			}
		}
	}
}

// shownText is what of a page a reader sees.
func shownText(body string) string {
	return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
}

// hostileFake has an attacker's text wherever a text comes from outside.
func hostileFake() *fake {
	f := newFake()
	at := time.Date(2026, 11, 21, 9, 40, 0, 0, time.UTC)
	f.now = func() time.Time { return at }
	f.clinic = hostile + bidi
	f.director.Name = hostile + bidi
	f.devices = []gateway.Device{
		{ID: 1, Name: hostile + bidi, Label: hostile, NamedBy: hostile + bidi, MAC: `"x' onmouseover=alert(3)`, Maker: hostile,
			Addrs: []netip.Addr{netip.MustParseAddr("fe80::1%\"><script>")}, Present: true},
		{ID: 2, MAC: hostile, Maker: bidi},
	}
	kinds := map[int64]window.Kind{5: window.Tool, 6: window.Tool, 7: window.Outbound, 8: window.WireGuard}
	for id, s := range []window.State{1: window.Closed, window.Refused, window.Requested, window.Open, window.Open, window.Requested, window.Requested, window.Requested, window.Scheduled, window.Closed} {
		w := f.ofKind(int64(id), s, kinds[int64(id)])
		said := window.Remark{Text: hostile + bidi, By: people.Actor{ID: 2, Name: hostile + bidi, Role: hostile}, At: at}
		w.Extensions = []window.Extension{{By: said.By, At: at, More: time.Minute}}
		w.Request, w.NotBefore = hostile, at.Add(time.Hour)
		if w.Kind == window.Tool {
			w.Tool = hostile + bidi
		}
		if id == 1 {
			w.Report, w.Review, w.Excuse = said, said, said
		}
		w.VendorLabel, w.VendorPhone, w.DeviceName, w.Reason, w.Requester, w.Answer = hostile, hostile, hostile+bidi, hostile, hostile, hostile
		w.Recorder = people.Actor{ID: 2, Name: hostile, Role: hostile}
		w.Approver = w.Recorder
		w.How = hostile
		f.list = append(f.list, w)
	}
	f.list = f.list[2:]
	f.vendors = []gateway.Vendor{{Name: hostile, Label: hostile + bidi, Phone: hostile, WireGuard: true, Owed: 1}, {Name: "x", NoWireGuard: hostile + bidi}}
	f.tools = []gateway.Tool{{Name: hostile, Domains: []string{hostile, bidi}}}
	f.lines = []gateway.AuditLine{{Seq: 1, Who: hostile, Role: hostile, Via: hostile, Code: hostile, Hash: hostile,
		Args: map[string]any{hostile: hostile, "vendor": bidi}}, {Seq: 2, Code: "window.requested", Args: map[string]any{"vendor": hostile, "reason": bidi, "ports": []any{hostile}}}}
	f.notes = []gateway.Note{{Code: hostile, Level: hostile, Link: "//evil.example"}, {Code: hostile, Level: "danger", Link: "javascript:alert(4)"}}
	return f
}

func TestHostileTextStaysText(t *testing.T) {
	f := hostileFake()
	c := in(t, f)
	for _, p := range everyPage {
		_, body := c.get(p)
		low := strings.ToLower(body)
		for _, bad := range []string{"<script>", "<img", "onerror=alert(2)>", "\u202e", "\u2066", "\u200b", `href="javascript:`, `href="//`} {
			if strings.Contains(low, bad) {
				t.Errorf("%s holds %q", p, bad)
			}
		}
		wellFormed(t, p, body)
	}
	// What was typed comes back as text as well.
	_, body := c.post("/windows/new", "ports", hostile, "length_other", hostile, "reason", hostile, "requester", hostile+bidi, "vendor", hostile)
	if strings.Contains(body, "<script>") || strings.Contains(body, "<img") {
		t.Error("the form gives markup back")
	}
	wellFormed(t, "form", body)
	_, body = c.post("/devices/2/name", "name", "")
	wellFormed(t, "device form", body)
}

// wellFormed reads a page with a strict parser and knows all its attributes:
// a quote that got away would show as another one.
func wellFormed(t *testing.T, name, body string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(regexp.MustCompile(`(?i)<!doctype html>`).ReplaceAllString(body, "")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") {
					t.Errorf("%s: %s has %s", name, e.Name.Local, a.Name.Local)
				}
			}
		}
	}
}

// The ledger with hostile names, letter by letter.
func TestHostileLedgerGolden(t *testing.T) {
	c := in(t, hostileFake())
	_, body := c.get("/devices")
	body = body[strings.Index(body, `<div id="live"`):strings.Index(body, "</main>")]
	body = strings.ReplaceAll(body, "><", ">\n<")
	const golden = "testdata/hostile_ledger.golden.html"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if body != string(want) {
		t.Errorf("the ledger changed; look at it and run with UPDATE=1:\n%s", body)
	}
}

func TestBrokenStore(t *testing.T) {
	f := newFake()
	c := in(t, f)
	f.broken = text.NewFault("store.disk_full")
	status, body := c.get("/devices")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, text.JA.Say("store.disk_full", nil)) {
		t.Errorf("%d %s", status, shownText(body))
	}
	f.broken = errors.New("secret path /var/lib/monban/x")
	status, body = c.get("/devices")
	if status != http.StatusInternalServerError || strings.Contains(body, "secret") {
		t.Errorf("%d %s", status, shownText(body))
	}
	if status, body = c.get("/"); status != http.StatusOK || strings.Contains(body, "問題ありません") {
		t.Errorf("an unread state looks well: %d %s", status, shownText(body))
	}
}

// All is well only when nothing speaks against it.
func TestVerdict(t *testing.T) {
	good := text.JA.Say("page.home.good", nil)
	for name, change := range map[string]func(*fake){
		"well":             func(f *fake) {},
		"unnamed device":   func(f *fake) { f.devices = append(f.devices, gateway.Device{ID: 9}) },
		"caution":          func(f *fake) { f.notes = []gateway.Note{{Code: "page.mode.clock", Level: "caution"}} },
		"danger":           func(f *fake) { f.notes = []gateway.Note{{Code: "page.mode.clock", Level: "danger"}} },
		"clock":            func(f *fake) { f.synced = false },
		"old settings":     func(f *fake) { f.mode = gateway.Kept },
		"no settings":      func(f *fake) { f.mode = gateway.SetUp },
		"waiting request":  func(f *fake) { f.list = append(f.list, f.window(5, window.Requested)) },
		"rules not read":   func(f *fake) { f.unread = true },
		"rules differ":     func(f *fake) { f.differ = true },
		"info is no worry": func(f *fake) { f.notes = []gateway.Note{{Code: "page.mode.clock", Level: "info"}} },
	} {
		f := newFake()
		f.devices = f.devices[:2]
		change(f)
		_, body := in(t, f).get("/")
		if well := strings.Contains(body, good); well != (name == "well" || name == "info is no worry") {
			t.Errorf("%s: well is %t", name, well)
		}
	}
}

func TestBrokenLogIsDanger(t *testing.T) {
	f := newFake()
	f.bad, f.why = 1234, "audit.edited"
	c := in(t, f)
	c.post("/audit/check")
	_, body := c.get("/audit")
	if !strings.Contains(body, `class="note danger"`) || !strings.Contains(body, "1,234 行目が、書かれたあとで変えられています") {
		t.Error(shownText(body))
	}
}

// What the gateway says in a note is not said a second time by the page.
func TestNothingIsSaidTwice(t *testing.T) {
	f := newFake()
	f.mode, f.differ = gateway.Kept, true
	f.notes = []gateway.Note{{Code: "gateway.rules_wrong", Level: "danger"}, {Code: "gateway.site_kept", Level: "danger"},
		{Code: "gateway.unnamed", Level: "info", Link: "/devices", Args: map[string]any{"n": 1}}}
	_, body := in(t, f).get("/")
	// And one that is hidden until the session ends.
	if got := strings.Count(body, `class="note `) - strings.Count(body, `id="over"`); got != 3 {
		t.Errorf("%d notes", got)
	}
}

func TestParseLength(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"20s": 20 * time.Second, "30m": 30 * time.Minute, "2h": 2 * time.Hour, "1h30m": 90 * time.Minute, "45": 45 * time.Minute,
		" 1 h 5 m ": 65 * time.Minute, "９０分": 90 * time.Minute, "1時間30分": 90 * time.Minute, "２０秒": 20 * time.Second, "８時間": 8 * time.Hour,
		"1 hour": time.Hour, "90 minutes": 90 * time.Minute, "5min": 5 * time.Minute, "1H": time.Hour, "1s": time.Second, "480": 8 * time.Hour,
		"": 0, "0": 0, "0s": 0, "8h1s": 0, "9h": 0, "30m1h": 0, "5m5m": 0, "-5m": 0, "1.5h": 0, "abc": 0, "5x": 0, "1h30": 0, "m": 0,
		"99999999999999999999h": 0, "999999h": 0, "<script>": 0,
	} {
		got, err := webui.ParseLength(s)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
}

func TestLengthRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := time.Duration(rapid.IntRange(1, 8*3600).Draw(r, "s")) * time.Second
		if got, err := webui.ParseLength(d.String()); err != nil || got != d {
			r.Fatalf("%s: %s, %v", d, got, err)
		}
	})
}

func FuzzParseLength(f *testing.F) {
	for _, s := range []string{"20s", "1時間30分", "９０", "1h1m1s", "\u202e5m", "00000000005m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := webui.ParseLength(s)
		if err == nil && (d < window.MinLength || d > window.MaxLength) {
			t.Errorf("%q is %s", s, d)
		}
		var fault *text.Fault
		if err != nil && !errors.As(err, &fault) {
			t.Errorf("%q: %v is not for people", s, err)
		}
	})
}

func FuzzParsePorts(f *testing.F) {
	for _, s := range []string{"3389", "3389, 500/udp", "３３８９", "3389:13389/tcp", "0", "65536", ",,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all, err := webui.ParsePorts(s)
		for _, p := range all {
			if err == nil && (p.Port == 0 || p.Proto != window.TCP && p.Proto != window.UDP) {
				t.Errorf("%q gives %v", s, p)
			}
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add(hostile + bidi)
	f.Add("\x00\x1b[31m\xff\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range webui.PlainText(s) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0x2028 {
				t.Errorf("%q keeps %U", s, r)
			}
		}
	})
}

func TestQRPath(t *testing.T) {
	size, path, err := webui.QRPath("otpauth://totp/Monban:x?secret=JBSWY3DPEHPK3PXP&issuer=Monban")
	if err != nil || size == "" || !regexp.MustCompile(`^(M\d+ \d+h\d+v1h-\d+z)+$`).MatchString(path) {
		t.Errorf("%s %v %.60s", size, err, path)
	}
}
