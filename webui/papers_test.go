package webui_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/notice"
	"monban/gateway/text"
)

func TestEvidence(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	_, body := c.get("/windows/1/evidence")
	for _, want := range []string{"保守 1 番の証跡", "elements = { 203.0.113.16/28", "申し込みどおり", "接続元が申し込みにない", "時間の外", "帳票の設定を直しました。", "終わったあとに断った通信",
		"0f1e2d3c4b5a6978", "/windows/1/evidence.pdf", "120"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// A window that never opened has no rules and no connections to show.
	if _, body := c.get("/windows/3/evidence"); strings.Contains(body, text.JA.Say("page.sheet.rules", nil)) || !strings.Contains(body, "返事待ち") {
		t.Error("a request shows what never was")
	}
	// What is owed is said.
	if _, body := c.get("/windows/14/evidence"); !strings.Contains(body, "まだありません") {
		t.Error("what is missing is not said")
	}
	if status, _ := c.get("/windows/99/evidence"); status != http.StatusNotFound {
		t.Errorf("no such window: %d", status)
	}
}

func TestFilesAreHandedOut(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	month := f.now().Format("2006-01")
	for path, want := range map[string]struct{ kind, name, begins string }{
		"/windows/1/evidence.pdf":        {"application/pdf", "monban-window-1.pdf", "%PDF-1."},
		"/windows/month.csv?m=" + month:  {"text/csv; charset=utf-8", "monban-" + month + ".csv", "\uFEFF番号,状態,業者,"},
		"/windows/month.xlsx?m=" + month: {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "monban-" + month + ".xlsx", "PK\x03\x04"},
	} {
		res := c.do(http.MethodGet, path, nil)
		_, body := c.read(res)
		h := res.Header
		if res.StatusCode != http.StatusOK || !strings.HasPrefix(body, want.begins) {
			t.Errorf("%s: %d %.20q", path, res.StatusCode, body)
		}
		if h.Get("Content-Type") != want.kind || h.Get("Content-Disposition") != `attachment; filename="`+want.name+`"` {
			t.Errorf("%s: %q %q", path, h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		if dir := os.Getenv("MONBAN_SHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, want.name), []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be kept: %q", path, h.Get("Cache-Control"))
		}
		if head := c.do(http.MethodHead, path, nil); head.StatusCode != http.StatusOK || head.ContentLength <= 0 {
			t.Errorf("HEAD %s: %d", path, head.StatusCode)
		}
	}
	_, csv := c.get("/windows/month.csv?m=" + month)
	if n := strings.Count(csv, "\r\n"); n != len(f.list)+1 {
		t.Errorf("%d lines for %d windows", n, len(f.list))
	}
	if !strings.Contains(csv, ",8888888,4321,12,") || !strings.Contains(csv, ",帳票の設定を直しました。,山田 花子,申し込みどおり。,") {
		t.Errorf("numbers or remarks are missing:\n%s", csv)
	}
}

func TestMonth(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	now := f.now()
	status, body := c.get("/windows/month")
	for _, want := range []string{now.Format("2006年1月"), "申し込み 14 件", "緊急 1 件", "記録がまだのもの 2 件", `href="/windows/14"`, "m=" + now.AddDate(0, 0, -now.Day()).Format("2006-01")} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, the page lacks %q", status, want)
		}
	}
	if strings.Contains(body, "m="+now.AddDate(0, 1, 0).Format("2006-01")) {
		t.Error("it leads to a month to come")
	}
	if _, body := c.get("/windows/month?m=2020-12"); !strings.Contains(body, "m=2021-01") || !strings.Contains(body, "m=2020-11") || !strings.Contains(body, "申し込みはありません") {
		t.Error("an old month has no neighbours, or windows")
	}
	for _, bad := range []string{"x", "2026-13", "99999-01", "2026-1", "<script>"} {
		if status, body := c.get("/windows/month?m=" + bad); status != http.StatusOK || !strings.Contains(body, now.Format("2006年1月")) {
			t.Errorf("%q: %d", bad, status)
		}
	}
}

func TestAttempts(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	_, body := c.get("/attempts")
	for _, want := range []string{"98,765", "198.51.100.77", "登録のない相手", "メディカルシステム株式会社", "ほかの相手すべて", "3389/tcp, 445/tcp", "正確な値", "/attempts?day=2026-11-20"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, body := c.get("/attempts?day=2026-11-20"); !strings.Contains(body, "2026年11月20日(金)") || !strings.Contains(body, "試みはありません") {
		t.Error("another day is not shown")
	}
	if status, body := c.get("/attempts?day=yesterday"); status != http.StatusOK || !strings.Contains(body, "98,765") {
		t.Errorf("a day that is none: %d", status)
	}
}

func TestNotices(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	_, body := c.get("/settings/notices")
	if strings.Contains(body, "a secret password") || !strings.Contains(body, "smtp.example.jp") || strings.Count(body, `type="password"`) != 2 {
		t.Error("the form shows a secret, or too little")
	}
	if strings.Contains(body, `name="channel" value="webhook"`) || !strings.Contains(body, `name="channel" value="mail"`) {
		t.Error("only what is on can be tried")
	}
	form := []string{"mail.host", "smtp.example.jp", "mail.port", "４６５", "mail.user", "monban", "mail.from", "monban@example.jp",
		"mail.to", "a@example.jp\nb@example.jp, c@example.jp", "webhook.url", "https://hook.example.jp/x", "webhook.secret", "0123456789abcdef",
		"syslog.host", "log.example.jp"}
	if status, body := c.post("/settings/notices", form...); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp"`) || strings.Contains(body, "0123456789abcdef") {
		t.Errorf("without a code: %d, or the secret comes back", status)
	}
	for field, change := range map[string][]string{
		"mail.host": {"mail.host", "not a host"}, "mail.port": {"mail.port", "99999"}, "mail.to": {"mail.to", "x"}, "webhook.url": {"webhook.url", "http://plain.example"},
		"webhook.secret": {"webhook.secret", "short"}, "syslog.port": {"syslog.port", "none"}, "syslog.ca": {"syslog.ca", "-----BEGIN PRIVATE KEY-----"},
	} {
		status, body := c.post("/settings/notices", append(append(form, "totp", rightTOTP), change...)...)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+field+`"`) || !strings.Contains(body, `id="`+field+`-fault"`) {
			t.Errorf("%s: %d", field, status)
		}
	}
	if status, to := c.post("/settings/notices", append(form, "totp", rightTOTP)...); to != "/settings/notices" {
		t.Fatalf("%d %s", status, to)
	}
	if s := f.notices; s.Mail.Password != "a secret password" || len(s.Mail.To) != 3 || s.Mail.Port != 465 || s.Webhook.Secret != "0123456789abcdef" || s.Syslog.Port != 0 {
		t.Errorf("%+v", s)
	}
	c.get("/settings/notices")
	c.post("/settings/notices/test", "channel", "mail")
	if _, body := c.get("/settings/notices"); !strings.Contains(body, "試しの知らせを送りました(メール)") {
		t.Error("the trial is not said")
	}
	f.deaf = text.NewFault("notice.timeout", "host", "smtp.example.jp", "port", 465)
	c.post("/settings/notices/test", "channel", "mail")
	if _, body := c.get("/settings/notices"); !strings.Contains(body, "時間内に応えません") {
		t.Error("the failure is not said")
	}
	f.deaf = errors.New("a secret path")
	if status, body := c.post("/settings/notices/test", "channel", "mail"); status != http.StatusInternalServerError || strings.Contains(body, "secret path") {
		t.Errorf("%d", status)
	}
	if status, _ := c.post("/settings/notices/test", "channel", "pigeon"); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown channel: %d", status)
	}
	f.notices = notice.Settings{}
	if _, body := c.get("/settings/notices"); !strings.Contains(body, `value="587"`) || strings.Contains(body, `name="channel"`) {
		t.Error("an empty form helps nobody")
	}
}

// Whatever cannot be read is said, and never half a page or half a file.
func TestMoreOfABrokenStore(t *testing.T) {
	f := aroundFake()
	c := in(t, f)
	f.broken = text.NewFault("store.disk_full")
	for _, p := range []string{"/plans", "/vendors", "/break-glass", "/break-glass/codes", "/windows/1/evidence", "/windows/1/evidence.pdf",
		"/windows/month", "/windows/month.csv", "/windows/month.xlsx", "/attempts", "/settings/notices"} {
		status, body := c.get(p)
		if status != http.StatusServiceUnavailable || !strings.Contains(body, text.JA.Say("store.disk_full", nil)) {
			t.Errorf("%s: %d", p, status)
		}
	}
}
