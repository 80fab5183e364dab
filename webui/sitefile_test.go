package webui_test

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/text"
)

// inBox is the text that stands in the form.
func inBox(t *testing.T, body string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<textarea id="site"[^>]*>(.*?)</textarea>`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no form: %s", shownText(body))
	}
	// As HTML has it, the newline right after the tag is none of the text's.
	return strings.TrimPrefix(html.UnescapeString(m[1]), "\n")
}

// hidden is what a form sends back under that name.
func hidden(body, name string) string {
	m := regexp.MustCompile(`(?s)<input type="hidden" name="` + name + `" value="(.*?)"`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// sendFile is post with the form's file chosen, as a browser sends it.
func sendFile(c *client, path, name string, file []byte, kv ...string) (int, string) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(kv); i += 2 {
		w.WriteField(kv[i], kv[i+1])
	}
	p, err := w.CreateFormFile("file", name)
	if err != nil {
		c.t.Fatal(err)
	}
	p.Write(file)
	w.Close()
	r := httptest.NewRequest(http.MethodPost, "https://monban.home.arpa"+path, &b)
	r.RemoteAddr = "192.168.10.30:50000"
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for k, v := range c.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	return c.read(rec.Result())
}

// The director sees the file, changes it, sees what that means, and confirms.
// Hostile text stays text on the way.
func TestSettingsFile(t *testing.T) {
	f := newFake()
	c := in(t, f)
	if _, body := c.get("/"); !strings.Contains(body, `href="/settings/site"`) {
		t.Error("no way to it")
	}
	_, body := c.get("/settings/site")
	wellFormed(t, "settings", body)
	if got := inBox(t, body); got != exampleSite || strings.Contains(body, "<script>alert") || !strings.Contains(body, sumText(exampleSite)[:16]) {
		t.Errorf("%q in %s", got, body)
	}
	res := c.do(http.MethodGet, "/settings/site/file", nil)
	if _, file := c.read(res); file != exampleSite || res.Header.Get("Content-Disposition") != `attachment; filename="site.toml"` {
		t.Errorf("%q %v", file, res.Header)
	}
	next := strings.Replace(exampleSite, "[wan]", "[wan]\nmac = \"00:00:5e:00:53:01\"", 1)
	status, body := c.post("/settings/site", "site", strings.ReplaceAll(next, "\n", "\r\n"))
	wellFormed(t, "changes", body)
	if status != http.StatusOK || f.acts != 0 || hidden(body, "site") != next || hidden(body, "base") != sumText(exampleSite) ||
		!strings.Contains(html.UnescapeString(body), "@@ -2,6 +2,7 @@\n  clinic") || !strings.Contains(html.UnescapeString(body), "\n+ mac = \"00:00:5e:00:53:01\"\n  interface") ||
		!strings.Contains(shownText(body), "足される行 1、消える行 0") || !strings.Contains(shownText(body), "WireGuard の鍵・アドレス・ポートが変わる保守は、すぐに閉じます") || strings.Contains(body, "/network") || strings.Contains(body, "<script>alert") {
		t.Errorf("%d %s", status, body)
	}
	if _, body := c.post(sitePage, "site", "\n\n"+next, "edit", "yes"); inBox(t, body) != "\n\n"+next {
		t.Error("the lines at the top are lost")
	}
	if _, body := c.post("/settings/site", "site", next, "edit", "yes"); inBox(t, body) != next {
		t.Error("going back to the form lost the text")
	}
	if status, to := c.post("/settings/site/apply", "site", next, "base", sumText(exampleSite), "totp", rightTOTP); status != http.StatusSeeOther || to != "/settings/site" || f.site != next {
		t.Errorf("%d %s", status, to)
	}
	if _, body := c.get(sitePage); !strings.Contains(shownText(body), "設定ファイルを替えました") || inBox(t, body) != next {
		t.Error("it does not say so")
	}
	// A change of the network leads to where it is confirmed.
	moved := next + "# moved\n"
	if _, body := c.post(sitePage, "site", moved); !strings.Contains(body, `href="/network"`) || !strings.Contains(shownText(body), "180秒") {
		t.Error("it does not say that the network changes")
	}
	if _, to := c.post("/settings/site/apply", "site", moved, "base", sumText(next), "totp", rightTOTP); to != "/network" {
		t.Error(to)
	}
}

const sitePage = "/settings/site"

// Whatever is wrong, the text stays in the form: every fault with its key and
// line, a wrong code, a file that somebody else changed, a trial.
func TestSettingsFileAgain(t *testing.T) {
	f := newFake()
	c := in(t, f)
	broken := "broken </textarea><b>\n"
	for _, path := range []string{sitePage, "/settings/site/apply"} {
		status, body := c.post(path, "site", broken, "base", sumText(exampleSite), "totp", rightTOTP)
		wellFormed(t, "faults", body)
		for _, want := range []string{"wan.interfase: 5行目", "lan.interface: 8行目"} {
			if strings.Count(shownText(body), want) != 2 { // in the summary and at the field
				t.Errorf("%s does not say %q", path, want)
			}
		}
		if status != http.StatusUnprocessableEntity || inBox(t, body) != broken || strings.Contains(body, "<img src=x") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	next := exampleSite + "# more\n"
	status, body := c.post("/settings/site/apply", "site", next, "base", sumText(exampleSite), "totp", "000000")
	if status != http.StatusUnprocessableEntity || hidden(body, "site") != next || !strings.Contains(body, `href="#totp"`) || !strings.Contains(body, "+ # more") {
		t.Errorf("a wrong code: %d %s", status, body)
	}
	for _, code := range []string{rightTOTP, "000000"} {
		status, body = c.post("/settings/site/apply", "site", next, "base", sumText("another"), "totp", code)
		if status != http.StatusUnprocessableEntity || inBox(t, body) != next || !strings.Contains(shownText(body), "ほかから替えられました") {
			t.Errorf("overtaken, %s: %d %s", code, status, body)
		}
	}
	if status, body = c.post(sitePage, "site", exampleSite); status != http.StatusUnprocessableEntity || !strings.Contains(shownText(body), "いまの設定ファイルと同じ") {
		t.Error("the same:", status)
	}
	f.siteShut = text.NewFault("site.network_on_trial")
	status, body = c.post("/settings/site/apply", "site", next, "base", sumText(exampleSite), "totp", rightTOTP)
	if status != http.StatusUnprocessableEntity || inBox(t, body) != next || !strings.Contains(shownText(body), "確定を待っています") || !strings.Contains(body, `href="/network"`) {
		t.Errorf("on trial: %d %s", status, body)
	}
	if f.acts != 0 {
		t.Errorf("%d things changed", f.acts)
	}
}

// A chosen file is taken instead of the text; none chosen is none, and one that
// is too large is said to be.
func TestSettingsFileUpload(t *testing.T) {
	f := newFake()
	c := in(t, f)
	file := exampleSite + "# from the stick\n"
	if status, body := sendFile(c, sitePage, "site.toml", []byte(file), "site", "typed"); status != http.StatusOK || hidden(body, "site") != file {
		t.Errorf("%d %s", status, body)
	}
	if status, body := sendFile(c, sitePage, "", nil, "site", "typed\r\n"); status != http.StatusOK || hidden(body, "site") != "typed\n" {
		t.Errorf("%d %s", status, body)
	}
	for _, path := range []string{sitePage, "/settings/site/apply"} {
		status, body := sendFile(c, path, "site.toml", nil, "site", "typed\n", "base", sumText(exampleSite), "totp", rightTOTP)
		if status != http.StatusUnprocessableEntity || inBox(t, body) != "typed\n" || !strings.Contains(shownText(body), "選んだファイルは空です") {
			t.Errorf("%s: an empty file: %d %s", path, status, body)
		}
	}
	status, body := sendFile(c, sitePage, "site.toml", []byte("broken \xff\x00"), "site", "typed")
	if status != http.StatusUnprocessableEntity || !strings.Contains(inBox(t, body), "broken \uFFFD") {
		t.Errorf("%d %s", status, body)
	}
	status, body = sendFile(c, sitePage, "site.toml", make([]byte, 4*config.MaxSize), "site", "typed")
	if status != http.StatusUnprocessableEntity || !strings.Contains(shownText(body), "大きすぎます") || inBox(t, body) != exampleSite {
		t.Errorf("%d %s", status, shownText(body))
	}
	// As large as it may be, with every line different: the answer comes all the same.
	long := strings.Repeat("a\n", config.MaxSize/4)
	f.site = strings.Repeat("b\n", config.MaxSize/4)
	if status, body := sendFile(c, sitePage, "site.toml", []byte(long)); status != http.StatusOK || !strings.Contains(shownText(body), "足される行 262,144、消える行 262,144") {
		t.Errorf("%d", status)
	}
	if f.acts != 0 {
		t.Errorf("%d things changed", f.acts)
	}
}

// A change is seen wherever in its line it is, and also where it could not be
// seen on paper.
func TestSettingsFileHidesNoChange(t *testing.T) {
	f := newFake()
	c := in(t, f)
	f.site = "# " + strings.Repeat("x", 5000) + "old\nkey = \"が 一\"\n"
	next := strings.NewReplacer("old", "new", "が 一", "か\u3099\u3000一").Replace(f.site)
	_, body := c.post(sitePage, "site", next)
	wellFormed(t, "changes", body)
	for _, want := range []string{"xold\n", "xnew\n", "\n- key = \"が 一\"\n", "\n+ key = \"<U+304B><U+3099><U+3000>一\"\n", "見た目が同じでも"} {
		if !strings.Contains(html.UnescapeString(body), want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
	if _, body := c.post(sitePage, "site", strings.Replace(f.site, "old", "new", 1)); strings.Contains(body, "見た目が同じでも") {
		t.Error("told of lines that look different")
	}
}

// On somebody's own machine nothing is said of ports and of a factory reset.
func TestSettingsFileOnOwnMachine(t *testing.T) {
	f := newFake()
	f.ownPorts, f.mode = true, gateway.SetUp
	c := in(t, f)
	status, body := c.post(sitePage, "site", "version = 1\n")
	wellFormed(t, "changes", body)
	if status != http.StatusOK || strings.Contains(shownText(body), "工場出荷時") || strings.Contains(body, "<ul></ul>") {
		t.Errorf("%d %s", status, body)
	}
}

// The file may hold secrets: nobody but the director sees it, or that there is
// such a page.
func TestSettingsFileForOthers(t *testing.T) {
	for _, role := range []people.Role{people.Staff, people.Vendor, people.Inspector} {
		f := newFake()
		c := in(t, f)
		f.role = role
		if _, body := c.get("/"); strings.Contains(body, sitePage) {
			t.Errorf("%s is led to it", role)
		}
		for _, path := range []string{sitePage, "/settings/site/file"} {
			if status, body := c.get(path); status != http.StatusForbidden || strings.Contains(body, "wan0") {
				t.Errorf("%s: GET %s %d", role, path, status)
			}
		}
		for _, path := range []string{sitePage, "/settings/site/apply"} {
			if status, _ := c.post(path, "site", "x", "totp", rightTOTP); status != http.StatusForbidden {
				t.Errorf("%s: POST %s %d", role, path, status)
			}
		}
		if f.acts != 0 {
			t.Errorf("%s changed something", role)
		}
	}
}

// Every state in both languages.
func TestSettingsFileSays(t *testing.T) {
	for mode, want := range map[gateway.Mode][2]string{
		gateway.Guarding: {"このファイルのとおりに守っています", "The box guards as this file says"},
		gateway.Kept:     {"clinic: 1行目", "clinic: line 1"},
		gateway.SetUp:    {"書きはじめの形", "a form to fill in"},
	} {
		for i, lang := range []string{"ja", "en"} {
			f := newFake()
			f.mode = mode
			f.siteShut = nil
			c := in(t, f)
			_, body := c.get(sitePage + "?lang=" + lang)
			wellFormed(t, "settings", body)
			if !strings.Contains(shownText(body), want[i]) || regexp.MustCompile(`\{[a-z_]+\}|page\.site`).MatchString(shownText(body)) {
				t.Errorf("%s in %s: %s", mode, lang, shownText(body))
			}
			if strings.Contains(body, `href="/settings/site/file"`) == (mode == gateway.SetUp) {
				t.Errorf("%s: the link to the file is wrong", mode)
			}
			if _, body := c.post(sitePage, "site", "version = 1\n"); strings.Contains(shownText(body), "page.site") || mode == gateway.SetUp && !strings.Contains(body, "note caution") {
				t.Errorf("%s in %s: %s", mode, lang, shownText(body))
			}
		}
	}
}

// TestSettingsFileInTheBrowser draws the pages, as TestEveryPageInTheBrowser
// does, and goes the whole way in a browser, which ends lines with CRLF.
func TestSettingsFileInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	run(t, ctx, chromedp.Navigate(url+sitePage))
	see("s-form")
	run(t, ctx, chromedp.SetValue("#site", "broken", chromedp.ByQuery), submit("#site"), visible("#site-fault"))
	see("s-faults")
	next := strings.Replace(exampleSite, "wan0", "wan1", 1) + "# moved\n"
	run(t, ctx, chromedp.SetValue("#site", next, chromedp.ByQuery), submit("#site"), visible("#diff-h"))
	see("s-changes")
	run(t, ctx, chromedp.Click(`button[name=edit]`, chromedp.ByQuery), visible("#site"))
	var back string
	run(t, ctx, chromedp.Value("#site", &back, chromedp.ByQuery), submit("#site"), visible("#diff-h"), fill("#totp", rightTOTP), submit("#totp"),
		chromedp.WaitNotPresent("#totp", chromedp.ByQuery)) // the answer is there
	if f.mu.Lock(); back != next || f.site != next {
		t.Errorf("%q became %q", back, f.site)
	}
	f.mu.Unlock()
}
