package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"monban/gateway"
)

// The page says who tried what, how often, what became of it, and that asking
// whether one may is nothing to worry about, in both languages.
func TestEvasions(t *testing.T) {
	f := evadedFake()
	c := in(t, f)
	for _, lang := range []string{"ja", "en"} {
		c.get("/?lang=" + lang)
		for _, observe := range []bool{false, true} {
			f.evasion.Observe = observe
			for _, p := range []string{"/names/around", "/names/around?day=2020-01-01", "/names/around?day=x"} {
				status, body := c.get(p)
				if status != http.StatusOK || !strings.Contains(body, `<html lang="`+lang+`">`) {
					t.Errorf("%s in %s: %d", p, lang, status)
				}
				if code := regexp.MustCompile(`\b(page|evasion)\.[a-z_]+[a-z_.0-9-]*`).FindString(strings.ReplaceAll(shownText(body), "page.home", "")); code != "" {
					t.Errorf("%s in %s shows the code %s", p, lang, code)
				}
				if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(shownText(body)); place != "" {
					t.Errorf("%s in %s has an unfilled place %s", p, lang, place)
				}
				wellFormed(t, p, body)
			}
		}
	}
	f.evasion.Observe = false
	c.get("/?lang=ja")
	_, body := c.get("/names/around")
	text := shownText(body)
	for _, want := range []string{"受付PC", "12,345", "門番が引き受けた", "「使えない」と答えた", "mozilla.cloudflare-dns.com, dns.google", "4 回を止めた", "止めていない", "資格確認端末", "使ってよいか確かめただけの機器",
		"受付のプリンタ", "これだけで人を疑わないでください"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "いまは観察だけです") || !strings.Contains(body, `href="/names/around?day=`) || !strings.Contains(body, `aria-current="page"`) {
		t.Error("not as it is")
	}
	if _, body := c.get("/names/why"); !strings.Contains(body, `href="/names/around"`) {
		t.Error("no tab leads there")
	}
}

// What devices call names, and whoever names devices, stays text.
func TestHostileEvasionsStayText(t *testing.T) {
	f := evadedFake()
	bad := hostile + bidi
	for _, all := range [][]gateway.EvasionDevice{f.evasion.Devices, f.evasion.Polite} {
		for i := range all {
			all[i].Device, all[i].DeviceName = bad, bad
			for j := range all[i].Ways {
				all[i].Ways[j].Kind, all[i].Ways[j].What = bad, []string{bad}
			}
		}
	}
	f.evasion.Days, f.evasion.Exempt = []string{bad}, []string{bad}
	c := in(t, f)
	_, body := c.get("/names/around?day=%22%3E%3Cscript%3E")
	low := strings.ToLower(body)
	for _, no := range []string{"<script>", "<img", "onerror=alert(2)>", "\u202e", "\u2066", "\u200b", `href="javascript:`, `href="//`} {
		if strings.Contains(low, no) {
			t.Errorf("the page holds %q", no)
		}
	}
	wellFormed(t, "/names/around", body)
}
