package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/request"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui"
)

// morePages are the pages around a window.
var morePages = []string{"/requests", "/plans", "/plans?kind=outbound", "/plans?kind=tool", "/plans?kind=wireguard", "/plans?kind=x", "/vendors",
	"/break-glass", "/break-glass?kind=tool", "/break-glass/codes", "/windows/1/evidence", "/windows/3/evidence", "/windows/4/evidence", "/windows/14/evidence",
	"/windows/month", "/windows/month?m=2020-02", "/attempts", "/attempts?day=2026-11-20", "/settings/notices", "/people"}

func TestMorePagesInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		c := in(t, aroundFake())
		c.get("/?lang=" + lang)
		bodies := map[string]string{}
		for _, p := range morePages {
			status, body := c.get(p)
			if status != http.StatusOK {
				t.Errorf("%s: %d", p, status)
			}
			bodies[p] = body
		}
		_, bodies["preview"] = c.post("/requests", "text", signedRequest(t, nil))
		_, bodies["broken request"] = c.post("/requests", "text", "MONBAN-REQUEST 1\n1 AAAA")
		_, bodies["empty plan"] = c.post("/plans", "kind", "outbound")
		_, bodies["empty key"] = c.post("/vendors/keys", "totp", rightTOTP)
		_, bodies["empty glass"] = c.post("/break-glass", "kind", "tool")
		_, bodies["notices"] = c.post("/settings/notices", "mail.host", "a b", "mail.port", "x", "webhook.url", "http://x", "syslog.host", "l", "syslog.port", "0")
		_, bodies["codes"] = c.post("/break-glass/codes", "totp", rightTOTP)
		for p, body := range bodies {
			if !strings.Contains(body, `<html lang="`+lang+`">`) {
				t.Errorf("%s is not in %s", p, lang)
			}
			if code := leak.FindString(strings.ReplaceAll(shownText(body), "page.home", "")); code != "" {
				t.Errorf("%s in %s shows the code %s", p, lang, code)
			}
			if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(shownText(body)); place != "" {
				t.Errorf("%s in %s has an unfilled place %s", p, lang, place)
			}
			wellFormed(t, p, body)
		}
	}
}

func TestMoreHostileTextStaysText(t *testing.T) {
	f := aroundFake()
	bad := hostile + bidi
	f.clinic, f.director.Name = bad, bad
	f.plans[0].VendorLabel, f.plans[0].DeviceName, f.plans[0].Reason, f.plans[0].Requester = bad, bad, bad, bad
	f.plans[0].Recorder.Name = bad
	f.keys[0].Name, f.keys[0].Key, f.keys[0].AddedBy.Name = bad, bad, bad
	f.attempt.Attempts[0].Vendor, f.attempt.Attempts[0].Ports, f.attempt.Days = bad, []string{bad}, []string{bad}
	f.notices.Mail.Host, f.notices.Mail.User, f.notices.Mail.To, f.notices.Mail.CA = bad, bad, []string{bad}, bad
	f.sealed = []string{bad}
	for i := range f.list {
		w := &f.list[i]
		w.VendorLabel, w.DeviceName, w.Reason, w.Requester, w.Rules, w.Tool = bad, bad, bad, bad, bad+"\n"+bad, bad
		w.Report.Text, w.Review.Text, w.Excuse.Text = bad, bad, bad
		w.Recorder.Name, w.Approver.Name, w.Review.By.Name = bad, bad, bad
	}
	f.lines = []gateway.AuditLine{{Seq: 1, Who: bad, Role: hostile, Via: bad, Code: hostile, Hash: bad, Args: map[string]any{hostile: bad}},
		{Seq: 2, Code: "window.requested", Args: map[string]any{"vendor": bad, "reason": bad, "ports": []any{bad}}}}
	c := in(t, f)
	check := func(name, body string) {
		t.Helper()
		for _, no := range []string{"<script>", "<img", "\u202e", "\u2066", "\u200b", `href="javascript:`} {
			if strings.Contains(strings.ToLower(body), no) {
				t.Errorf("%s holds %q", name, no)
			}
		}
		wellFormed(t, name, body)
	}
	for _, p := range morePages {
		_, body := c.get(p)
		check(p, body)
	}
	for _, p := range []string{"/windows/month.csv"} {
		_, body := c.get(p)
		if strings.ContainsAny(body, "\u202e\u2066\u200b\x00") {
			t.Errorf("%s holds signs nobody sees", p)
		}
	}
	if status, body := c.get("/windows/1/evidence.pdf"); status != http.StatusOK || !strings.HasPrefix(body, "%PDF") {
		t.Errorf("PDF: %d %.40q", status, body)
	}
	for path, kv := range map[string][]string{
		"/requests":         {"text", bad},
		"/plans":            {"kind", bad, "vendor", bad, "requester", bad, "ports", bad, "time", bad, "week", bad, "day", bad, "reason", bad, "length_other", bad},
		"/vendors/keys":     {"vendor", bad, "name", bad, "key", bad, "totp", bad},
		"/break-glass":      {"kind", bad, "vendor", bad, "ports", bad, "reason", bad, "code", bad},
		"/settings/notices": {"mail.host", bad, "mail.port", bad, "mail.to", bad, "webhook.url", bad, "syslog.ca", bad, "totp", rightTOTP},
		"/people/2/deputy":  {"deputy", bad, "totp-2", bad},
	} {
		status, body := c.post(path, kv...)
		if status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, status)
		}
		for _, no := range []string{"<script>", "<img"} {
			if strings.Contains(body, no) {
				t.Errorf("%s gives %s back", path, no)
			}
		}
		wellFormed(t, path, body)
	}
}

func TestSignedRequest(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	said := signedRequest(t, nil)
	before := len(f.list)
	status, body := c.post("/requests", "text", said)
	if status != http.StatusOK || len(f.list) != before || f.acts != 0 {
		t.Fatalf("%d, %d windows, %d acts", status, len(f.list), f.acts)
	}
	for _, want := range []string{`class="picture"`, "203.0.113.20/32", "192.168.10.21", "3389/tcp", "2時間", "03-0000-0100", "佐藤 次郎", "レセプトの月次更新", "何も開いていません",
		`action="/requests/record"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, "名前が違います") {
		t.Error("the names are the same")
	}
	if status, to := c.post("/requests/record", "text", said); status != http.StatusSeeOther || to != "/windows/15" {
		t.Fatalf("%d %s", status, to)
	}
	if status, body := c.post("/requests/record", "text", said); status != http.StatusUnprocessableEntity || !strings.Contains(body, text.JA.Say("window.request_replayed", nil)) {
		t.Errorf("a second time: %d %s", status, shownText(body))
	}
	// The form comes back with the text and says which line is wrong.
	broken := strings.Replace(said, "2 ", "2 0", 1)
	status, body = c.post("/requests", "text", broken)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#text"`) || !strings.Contains(body, "MONBAN-REQUEST 1") {
		t.Errorf("%d %s", status, shownText(body))
	}
	// A key that is not enrolled for this vendor counts for nothing.
	f.keys[0].Vendor = "xray"
	if status, _ := c.post("/requests/record", "text", signedRequest(t, nil)); status != http.StatusUnprocessableEntity {
		t.Errorf("another's key: %d", status)
	}
	f.keys[0].Vendor = "medsys"
	_, body = c.post("/requests", "text", signedRequest(t, func(r *request.Request) { r.Requester = "山本 三郎" }))
	if !strings.Contains(body, "名前が違います") {
		t.Error("another's name is not noticed")
	}
	if status, _ := c.post("/requests", "text", strings.Repeat("A", 70<<10)); status != http.StatusUnprocessableEntity {
		t.Errorf("too long a form: %d", status)
	}
}

func TestPlans(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	_, body := c.get("/plans")
	for _, want := range []string{"第2火曜 22:00", "メディカルシステム株式会社 → レセコン", "次は", "月次の更新"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f.plans[0].Orphan = true
	if _, body := c.get("/plans"); strings.Contains(body, "次は") || !strings.Contains(body, "申し込みはもうできません") {
		t.Error("a plan without its vendor still has a next date")
	}
	form := []string{"kind", "inbound", "vendor", "medsys", "requester", "佐藤", "device", "02:00:5e:10:00:01", "ports", "3389", "week", "-1", "day", "5",
		"time", "２２時30分", "length", "1h0m0s", "reason", "月次"}
	if status, to := c.post("/plans", form...); to != "/plans" {
		t.Fatalf("%d %s", status, to)
	}
	if p := f.plans[1]; p.Week != -1 || p.Day != 5 || p.Hour != 22 || p.Minute != 30 {
		t.Errorf("%+v", p.Plan)
	}
	if _, body := c.get("/plans"); !strings.Contains(body, "最終金曜 22:30") {
		t.Error("it is not listed")
	}
	status, body := c.post("/plans", append(form, "time", "25:00", "week", "9", "ports", "")...)
	for _, want := range []string{`href="#time"`, `href="#ports"`} {
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, want) {
			t.Errorf("%d, no %s", status, want)
		}
	}
	if status, body := c.post("/plans", append(form, "week", "9", "day", "x")...); !strings.Contains(body, `href="#week"`) || !strings.Contains(body, `href="#day"`) {
		t.Errorf("%d: the domain's faults are not at their fields", status)
	}
	if status, to := c.post("/plans/3/drop"); to != "/plans" || len(f.plans) != 1 {
		t.Errorf("%d %s", status, to)
	}
	if status, _ := c.post("/plans/99/drop"); status != http.StatusNotFound {
		t.Errorf("no such plan: %d", status)
	}
}

func TestKeys(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	key := publicText(engineer(1))
	form := []string{"vendor", "xray", "name", "高橋", "key", "こんにちは。鍵です。\n" + key}
	if status, body := c.post("/vendors/keys", form...); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp"`) || !strings.Contains(body, key) {
		t.Fatalf("without a code: %d", status)
	}
	if status, body := c.post("/vendors/keys", "vendor", "xray", "name", "高橋", "key", "MONBAN-KEY 0000", "totp", rightTOTP); !strings.Contains(body, `href="#key"`) {
		t.Errorf("a wrong key: %d", status)
	}
	if status, to := c.post("/vendors/keys", append(form, "totp", rightTOTP)...); to != "/vendors" || len(f.keys) != 2 {
		t.Fatalf("%d %s", status, to)
	}
	pub, err := request.ParsePublic(key)
	if err != nil {
		t.Fatal(err)
	}
	_, body := c.get("/vendors")
	for _, want := range []string{request.Fingerprint(pub), "高橋", siteID(), "03-0000-0200", "前の保守"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if status, body := c.post("/vendors/keys/3/revoke", "totp-3", "000000"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp-3"`) {
		t.Errorf("%d", status)
	}
	if status, to := c.post("/vendors/keys/3/revoke", "totp-3", rightTOTP); to != "/vendors" || len(f.keys) != 1 {
		t.Errorf("%d %s", status, to)
	}
}

func TestBreakGlass(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	form := []string{"kind", "inbound", "vendor", "medsys", "requester", "佐藤", "device", "02:00:5e:10:00:01", "ports", "3389", "reason", "レセコンが止まった", "length", "30m0s"}
	_, body := c.get("/break-glass")
	if strings.Contains(body, "8時間") || !strings.Contains(body, "知らせが届きます") {
		t.Error("the form offers too long, or does not say who is told")
	}
	for fault, change := range map[string][]string{
		"code": {"code", ""}, "ports": {"ports", "", "code", rightSealed}, "length": {"length", "8h0m0s", "code", rightSealed}, "reason": {"reason", " ", "code", rightSealed},
	} {
		status, body := c.post("/break-glass", append(form, change...)...)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+fault+`"`) {
			t.Errorf("%s: %d", fault, status)
		}
	}
	if status, body := c.post("/break-glass", append(form, "code", "wrong", "length_other", "8h")...); status != http.StatusUnprocessableEntity ||
		!strings.Contains(body, text.JA.Say("people.wrong_sealed", text.Args{"left": 2})) || strings.Contains(body, `value="wrong"`) {
		t.Errorf("a wrong code: %d", status)
	}
	if len(f.sealed) != 2 {
		t.Fatal("a code is lost")
	}
	if status, to := c.post("/break-glass", append(form, "code", " "+rightSealed+" ")...); to != "/windows/15" || len(f.sealed) != 1 {
		t.Fatalf("%d %s", status, to)
	}
	if w := f.list[14]; w.State != window.Open || !w.BreakGlass {
		t.Errorf("%+v", w)
	}
	if _, body := c.get("/windows/15"); !strings.Contains(body, "承認なしで開けました") {
		t.Error("the page does not say what was done")
	}
	f.sealed = nil
	if _, body := c.get("/break-glass"); !strings.Contains(body, `href="/break-glass/codes"`) || !strings.Contains(body, "使えるコードがありません") {
		t.Error("without codes nobody says so")
	}
}

func TestSealedCodesAreShownOnce(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	c.post("/vendors/keys", "totp", rightTOTP) // a fresh step-up is not enough: the form itself must have it
	if status, _ := c.post("/break-glass/codes"); status != http.StatusUnprocessableEntity || f.acts != 0 {
		t.Errorf("without a code: %d", status)
	}
	status, body := c.post("/break-glass/codes", "totp", rightTOTP)
	if status != http.StatusOK || strings.Count(body, `class="slip"`) != 5 || !strings.Contains(body, rightSealed) || !strings.Contains(body, "5 / 5") {
		t.Errorf("%d %s", status, shownText(body))
	}
	if _, body := c.get("/break-glass/codes"); strings.Contains(body, rightSealed) || !strings.Contains(body, "5 個") {
		t.Error("shown again, or not counted")
	}
}

func TestDeputy(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	if status, body := c.post("/people/2/deputy", "deputy", "yes"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp-2"`) {
		t.Errorf("without a code: %d", status)
	}
	if status, body := c.post("/people/1/deputy", "deputy", "yes", "totp-1", rightTOTP); status != http.StatusUnprocessableEntity || f.deputies[1] {
		t.Errorf("the director himself: %d %s", status, shownText(body))
	}
	if status, to := c.post("/people/2/deputy", "deputy", "yes", "totp-2", rightTOTP); to != "/people" || !f.deputies[2] {
		t.Fatalf("%d %s", status, to)
	}
	if _, body := c.get("/people"); !strings.Contains(body, "承認できます") {
		t.Error("it is not shown")
	}
	if _, to := c.post("/people/2/deputy", "deputy", "no", "totp-2", ""); to != "/people" || f.deputies[2] {
		t.Error("it does not end, or a fresh code is not enough")
	}
}

// Whoever may only read sees no form he cannot send.
func TestReadersHaveNoForms(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	f.role = people.Inspector
	for _, p := range []string{"/plans", "/vendors", "/windows/1/evidence", "/windows/month", "/attempts"} {
		status, body := c.get(p)
		body = strings.ReplaceAll(body, `<form method="post" action="/signout">`, "")
		if status != http.StatusOK || strings.Contains(body, "<form") {
			t.Errorf("%s: %d, or has a form", p, status)
		}
	}
	for _, p := range []string{"/requests", "/break-glass", "/break-glass/codes", "/settings/notices", "/people"} {
		if status, _ := c.get(p); status != http.StatusForbidden {
			t.Errorf("%s: %d", p, status)
		}
	}
}

func FuzzParseClock(f *testing.F) {
	for _, s := range []string{"22:00", "２２時３０分", "9時", "24:00", "7:5", "\u202e7:05", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, m, err := webui.ParseClock(s)
		if err == nil && (h < 0 || h > 23 || m < 0 || m > 59) {
			t.Errorf("%q is %d:%d", s, h, m)
		}
		if all, ok := err.(*text.Fault); err != nil && (!ok || all.Field != "time") {
			t.Errorf("%q: %v is not for people", s, err)
		}
	})
}

func FuzzVerbatim(f *testing.F) {
	f.Add("table inet monban {\n\tset x\n}\n")
	f.Add(hostile + "\r\n" + bidi + "\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range webui.Verbatim(s) {
			if r != '\n' && unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
				t.Errorf("%q keeps %U", s, r)
			}
		}
	})
}
