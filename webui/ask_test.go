package webui_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui"
)

// want says what of the sentences a page must hold, and what it must not.
func want(t *testing.T, name, body string, has []string, not ...string) {
	t.Helper()
	said := shownText(body)
	for _, s := range has {
		if !strings.Contains(said, s) {
			t.Errorf("%s does not say %q", name, s)
		}
	}
	for _, s := range not {
		if strings.Contains(said, s) {
			t.Errorf("%s says %q", name, s)
		}
	}
}

// fields of a request as the form sends them; further ones as pairs.
func typed(kind string, more ...string) url.Values {
	f := url.Values{"kind": {kind}, "vendor": {"medsys"}, "requester": {"佐藤 次郎"}, "device": {"02:00:5e:10:00:01"}, "length": {"2h0m0s"}, "reason": {"月次更新"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func TestAskByKind(t *testing.T) {
	target, err := window.ParseTarget("203.0.113.20:4500/udp")
	if err != nil {
		t.Fatal(err)
	}
	rdp := []window.Port{{Proto: window.TCP, Port: 3389, WAN: 3389}}
	for kind, c := range map[string]struct {
		form url.Values
		want gateway.Ask
	}{
		"inbound":   {typed("inbound", "ports", "3389", "targets", "203.0.113.9:1"), gateway.Ask{Ports: rdp}},
		"outbound":  {typed("outbound", "targets", "２０３.０.113.20:4500/udp"), gateway.Ask{Targets: []window.Target{target}}},
		"tool":      {typed("tool", "tool", "TeamViewer", "ports", "3389"), gateway.Ask{Tool: "TeamViewer"}},
		"wireguard": {typed("wireguard", "ports", "3389/tcp"), gateway.Ask{Ports: rdp}},
	} {
		f := newFake()
		client := in(t, f)
		status, to := client.read(client.do(http.MethodPost, "/windows/new", c.form))
		if status != http.StatusSeeOther || to != "/windows/2" {
			t.Errorf("%s: %d %s", kind, status, shownText(to))
			continue
		}
		got := f.asked
		if got.Kind != window.Kind(kind) || got.Vendor != "medsys" || got.Length != 2*time.Hour || !got.NotBefore.IsZero() || got.Tool != c.want.Tool ||
			!slices.Equal(got.Ports, c.want.Ports) || !slices.Equal(got.Targets, c.want.Targets) {
			t.Errorf("%s asks for %+v", kind, got)
		}
		_, body := client.get(to)
		want(t, kind, body, []string{"登録済みの電話番号 03-0000-0100 にかけ直して確かめてください"})
	}
}

// Each form has the fields of its kind and no others, and needs no script.
func TestFormOfAKind(t *testing.T) {
	f := newFake()
	f.owed = 1
	c := in(t, f)
	_, body := c.get("/windows/new")
	for _, k := range []string{"inbound", "outbound", "tool", "wireguard"} {
		if !strings.Contains(body, `href="/windows/new?kind=`+k+`"`) {
			t.Errorf("no way to %s", k)
		}
	}
	want(t, "choice", body, []string{"エックス線サービス のトンネルはいま使えません", "この箱では WireGuard を使えません"})
	for kind, has := range map[string]string{"inbound": "ports", "outbound": "targets", "tool": "tool", "wireguard": "ports"} {
		_, body := c.get("/windows/new?kind=" + kind)
		for _, field := range []string{"ports", "targets", "tool"} {
			if got := strings.Contains(body, `name="`+field+`"`); got != (field == has) {
				t.Errorf("%s has %s: %t", kind, field, got)
			}
		}
		want(t, kind, body, []string{"登録の電話番号 03-0000-0100"})
		if strings.Contains(body, `value="xray"`) != (kind != "wireguard") {
			t.Errorf("%s: a vendor without a tunnel", kind)
		}
		if owed := strings.Contains(body, `href="/windows/1#owed-h"`); owed != (kind != "wireguard") {
			t.Errorf("%s: the missing report is said: %t", kind, owed)
		}
	}
	_, body = c.get("/windows/new?kind=tool")
	want(t, "tool", body, []string{"受付のプリンタ (192.168.10.40)・名前でのみ遮断", "名前を使わない通信は、切れないことがあります"}, "レセコン (192.168.10.21)・名前でのみ遮断")
	if status, body := c.read(c.do(http.MethodPost, "/windows/new", typed("inbound", "vendor", "xray", "ports", "3389"))); status != http.StatusUnprocessableEntity ||
		!strings.Contains(body, `href="#vendor"`) {
		t.Errorf("a vendor who owes a report: %d", status)
	}
	f.vendors, f.tools = []gateway.Vendor{{Name: "medsys"}}, []gateway.Tool{}
	_, body = c.get("/windows/new")
	want(t, "choice without", body, []string{"トンネルを登録した業者がありません", "遠隔操作ソフトの一覧がまだ読み込まれていません"})
	if strings.Contains(body, "kind=tool") || strings.Contains(body, "kind=wireguard") {
		t.Error("what cannot be taken can be chosen")
	}
}

// Whatever is wrong with a form is said at its field, down the form, and what
// was typed is still there.
func TestFormFaults(t *testing.T) {
	for name, c := range map[string]struct {
		form   url.Values
		fields []string
	}{
		"empty":       {url.Values{}, []string{"vendor", "requester", "device", "ports", "reason"}},
		"no target":   {typed("outbound"), []string{"targets"}},
		"bad target":  {typed("outbound", "targets", "203.0.113.5"), []string{"targets"}},
		"hostile":     {typed("outbound", "targets", hostile, "start", hostile, "length_other", hostile), []string{"targets", "start", "length_other"}},
		"no tool":     {typed("tool"), []string{"tool"}},
		"no port":     {typed("wireguard", "ports", "0"), []string{"ports"}},
		"past":        {typed("inbound", "ports", "1", "start", "2001-01-01T10:00"), []string{"start"}},
		"bad start":   {typed("inbound", "ports", "1", "start", "あした"+bidi), []string{"start"}},
		"no such way": {typed(hostile, "ports", "1"), []string{""}},
	} {
		f := newFake()
		client := in(t, f)
		status, body := client.read(client.do(http.MethodPost, "/windows/new", c.form))
		if status != http.StatusUnprocessableEntity || f.acts != 0 {
			t.Errorf("%s: %d", name, status)
			continue
		}
		_, errs, _ := strings.Cut(body, `id="errors"`)
		errs, _, _ = strings.Cut(errs, "</ul>")
		var got []string
		for line := range strings.SplitSeq(errs, "<li>") {
			if _, at, ok := strings.Cut(line, `href="#`); ok {
				field, _, _ := strings.Cut(at, `"`)
				got = append(got, field)
				if !strings.Contains(body, `id="`+field+`"`) {
					t.Errorf("%s: the fault leads to no field %s", name, field)
				}
			} else if strings.Contains(line, "</li>") {
				got = append(got, "")
			}
		}
		if !slices.Equal(got, c.fields) {
			t.Errorf("%s: faults on %q, not %q", name, got, c.fields)
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || strings.Contains(body, "\u202e") {
			t.Errorf("%s: markup comes back", name)
		}
		wellFormed(t, name, body)
		if s := c.form.Get("start"); name == "bad start" && (!strings.Contains(body, "あした") || strings.Contains(body, `type="datetime-local"`)) {
			t.Errorf("what was typed is lost: %s", s)
		}
	}
}

func TestParseStart(t *testing.T) {
	zone := time.FixedZone("JST", 9*60*60)
	now := time.Date(2026, 11, 21, 18, 40, 0, 0, zone)
	at := func(y int, m time.Month, d, h, min int) time.Time { return time.Date(y, m, d, h, min, 0, 0, zone) }
	for s, want := range map[string]time.Time{
		"":                  {},
		" \u3000 ":          {},
		"2026-11-24T22:00":  at(2026, 11, 24, 22, 0),
		"2026-11-24 22:00":  at(2026, 11, 24, 22, 0),
		"2026/11/4 9:05":    {},
		"2026/12/4 9:05":    at(2026, 12, 4, 9, 5),
		"２０２６/１２/４　９：０５":    at(2026, 12, 4, 9, 5),
		"2026年11月24日22時30分": at(2026, 11, 24, 22, 30),
		"2026年11月24日 22:30": at(2026, 11, 24, 22, 30),
		"11/24 22:00":       at(2026, 11, 24, 22, 0),
		"1月7日22時":           at(2027, 1, 7, 22, 0),
		"22:00":             at(2026, 11, 21, 22, 0),
		"8:00":              at(2026, 11, 22, 8, 0),
	} {
		got, err := webui.ParseStart(s, now)
		if !got.Equal(want) || (err != nil) != (s == "2026/11/4 9:05") {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"あした", "2026-13-01 10:00", "2026-02-30 10:00", "24:61", "2026-11-24", "<script>", strings.Repeat("1", 1000)} {
		if got, err := webui.ParseStart(s, now); err == nil {
			t.Errorf("%q: %s", s, got)
		}
	}
}

func FuzzParseStart(f *testing.F) {
	for _, s := range []string{"2026-11-24T22:00", "11/24 22:00", "２２：００", "2026年11月24日22時30分", "日", "0-0 0:0"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 21, 18, 40, 0, 0, time.FixedZone("JST", 9*60*60))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := webui.ParseStart(s, now)
		if err == nil && !got.IsZero() && !got.After(now) {
			t.Errorf("%q is %s", s, got)
		}
		if _, ok := err.(*text.Fault); err != nil && !ok {
			t.Errorf("%q: %v is not for people", s, err)
		}
	})
}

func FuzzParseTargets(f *testing.F) {
	for _, s := range []string{"203.0.113.5:4500/udp", "[2001:db8::1]:443", "203.0.113.5:443, 203.0.113.6:443/tcp", "203.0.113.5", "::1:5/udp", ",,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all, err := webui.ParseTargets(s)
		for _, x := range all {
			if err == nil && (!x.Addr.IsValid() || x.Port == 0 || x.Proto != window.TCP && x.Proto != window.UDP) {
				t.Errorf("%q gives %v", s, x)
			}
		}
		if _, ok := err.(*text.Fault); err != nil && !ok {
			t.Errorf("%q: %v is not for people", s, err)
		}
	})
}
