package webui_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"monban/gateway/people"
	"monban/gateway/text"
)

// two returns two browsers in which the same person is signed in.
func two(t *testing.T, f *fake) (here, elsewhere *client) {
	t.Helper()
	h := newPage(t, f)
	for _, c := range []**client{&here, &elsewhere} {
		*c = newClient(t, h)
		if _, to := (*c).post("/signin", "name", "山田 花子", "password", rightPassword, "code", rightTOTP); to != "/" {
			t.Fatal(to)
		}
	}
	return here, elsewhere
}

// The whole of what people renew, each form wrong and right: the second factor
// is asked for, this session goes on under a new token, the others are over.
func TestAccountForms(t *testing.T) {
	const good = "quite another long password"
	for name, x := range map[string]struct {
		path, totp, leads string
		form              []string
	}{
		"password": {"/account/password", "totp-password", "/account", []string{"old", rightPassword, "password", good, "again", good}},
		"recovery": {"/account/recovery", "totp-recovery", "/recovery", nil},
	} {
		f := newFake()
		here, elsewhere := two(t, f)
		for _, wrong := range []string{"", "000000"} {
			status, body := here.post(x.path, append([]string{x.totp, wrong}, x.form...)...)
			if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+x.totp+`"`) || f.acts != 0 || strings.Contains(body, good) {
				t.Errorf("%s with the code %q: %d, %d acts", name, wrong, status, f.acts)
			}
		}
		before := here.cookies["__Host-monban"]
		if _, to := here.post(x.path, append([]string{x.totp, rightTOTP}, x.form...)...); to != x.leads || f.acts != 1 {
			t.Errorf("%s leads to %s", name, to)
		}
		overElsewhere(t, name, here, elsewhere, before)
	}
}

// overElsewhere looks at both browsers after an act in here.
func overElsewhere(t *testing.T, name string, here, elsewhere *client, before string) {
	t.Helper()
	after := here.cookies["__Host-monban"]
	if status, _ := here.get("/account"); status != http.StatusOK || after == "" || after == before {
		t.Errorf("%s: this session: %d, token %q then %q", name, status, before, after)
	}
	elsewhere.header["Monban-Live"] = "1"
	if status, _ := elsewhere.get("/"); status != http.StatusUnauthorized || len(elsewhere.set) > 0 {
		t.Errorf("%s: an open page elsewhere: %d, cookies %v", name, status, elsewhere.set)
	}
	delete(elsewhere.header, "Monban-Live")
	if _, to := elsewhere.get("/"); to != "/signin" {
		t.Errorf("%s: the other session leads to %s", name, to)
	}
	old := newClient(t, here.h)
	old.cookies["__Host-monban"] = before
	if _, to := old.get("/"); to != "/signin" {
		t.Errorf("%s: the old token leads to %s", name, to)
	}
}

func TestAccountPassword(t *testing.T) {
	f := newFake()
	c := in(t, f)
	_, body := c.post("/account/password", "old", rightPassword, "password", rightPassword, "again", "different", "totp-password", rightTOTP)
	if !strings.Contains(body, `href="#again"`) || !strings.Contains(body, text.JA.Say("page.setup.differ", nil)) || strings.Contains(body, "入力済み") {
		t.Error("two that differ:", shownText(body))
	}
	// The code was good, the password is not: it need not be given again.
	_, body = c.post("/account/password", "old", rightPassword, "password", "short", "again", "short", "totp-password", rightTOTP)
	if !strings.Contains(body, `href="#password"`) || !strings.Contains(body, "入力済み") || f.password != "" {
		t.Error("a short one:", shownText(body))
	}
	if _, body = c.post("/account/password", "old", "not mine", "password", "quite another one", "again", "quite another one", "totp-password", ""); !strings.Contains(body, "いまのパスワードが違います") {
		t.Error("a wrong current password:", body)
	}
	c.post("/account/password", "old", rightPassword, "password", "quite another one", "again", "quite another one", "totp-password", "")
	if f.password != "quite another one" {
		t.Errorf("set to %q", f.password)
	}
	if _, body = c.get("/account"); !strings.Contains(body, text.JA.Say("page.account.password_done", nil)) {
		t.Error("not said")
	}
}

func TestAccountFactor(t *testing.T) {
	f := newFake()
	here, elsewhere := two(t, f)
	if _, to := here.get("/account/factor"); to != "/account" {
		t.Error("nothing under way leads to", to)
	}
	if status, body := here.post("/account/phone", "totp-phone", "000000"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp-phone"`) {
		t.Error(status)
	}
	if _, to := here.post("/account/phone", "totp-phone", rightTOTP); to != "/account/factor" {
		t.Fatal(to)
	}
	for _, lang := range []string{"en", "ja"} {
		_, body := here.get("/account/factor?lang=" + lang)
		if !strings.Contains(body, `class="qr"`) || !strings.Contains(body, "JBSW Y3DP") || strings.Contains(body, `class="steps"`) ||
			!strings.Contains(body, `href="/account"`) || leak.FindString(shownText(body)) != "" {
			t.Error(lang, shownText(body))
		}
	}
	if status, body := here.post("/account/factor", "totp", "000000"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `class="qr"`) || f.factors != 0 {
		t.Error(status)
	}
	// Until then everything is as it was, here and elsewhere.
	if status, _ := elsewhere.get("/"); status != http.StatusOK {
		t.Error("out too early:", status)
	}
	before := here.cookies["__Host-monban"]
	if _, to := here.post("/account/factor", "totp", "123 456"); to != "/account" || f.factors != 1 {
		t.Error(to, f.factors)
	}
	overElsewhere(t, "factor", here, elsewhere, before)
	if _, to := here.post("/account/factor", "totp", rightTOTP); to != "/account" || f.factors != 1 {
		t.Error("again:", to, f.factors)
	}
	if _, body := here.get("/account"); !strings.Contains(body, text.JA.Say("people.factor_expired", nil)) {
		t.Error("too late, and not said")
	}
}

// The sheet is shown as at set-up, but for the steps, and can be found again.
func TestAccountRecovery(t *testing.T) {
	f := newFake()
	c := in(t, f)
	if _, body := c.get("/account"); strings.Contains(body, `href="/recovery"`) {
		t.Error("a sheet before there is one")
	}
	c.post("/account/recovery", "totp-recovery", rightTOTP)
	for _, lang := range []string{"en", "ja"} {
		_, body := c.get("/recovery?lang=" + lang)
		if !strings.Contains(body, "newco-de002") || strings.Contains(body, `class="steps"`) || leak.FindString(shownText(body)) != "" {
			t.Error(lang, shownText(body))
		}
	}
	if _, body := c.get("/account"); !strings.Contains(body, `href="/recovery"`) {
		t.Error("no way back to the sheet")
	}
	if _, to := c.post("/recovery"); to != "/account" {
		t.Error("put away leads to", to)
	}
	if _, body := c.get("/account"); strings.Contains(body, `href="/recovery"`) {
		t.Error("a way to a sheet that is put away")
	}
	if _, to := c.get("/recovery"); to != "/" {
		t.Error("still there:", to)
	}
}

// The sheet of the first account can be found again as well.
func TestAccountLeadsToFirstSheet(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	f := fresh()
	f.now = func() time.Time { return at }
	c := newClient(t, newPage(t, f))
	c.post("/setup", "code", rightCode, "name", "山田 花子", "password", rightPassword, "again", rightPassword)
	c.post("/setup/factor", "totp", rightTOTP)
	if _, body := c.get("/account"); !strings.Contains(body, `href="/recovery"`) {
		t.Error("no way to the sheet")
	}
	at = at.Add(16 * time.Minute)
	if _, body := c.get("/account"); strings.Contains(body, `href="/recovery"`) {
		t.Error("a way to a sheet that is gone")
	}
}

// Who has few codes left is told on his account, and when he comes in by one.
func TestFewRecoveryCodes(t *testing.T) {
	for used, few := range map[int]bool{0: false, 6: false, 7: true, 10: true} {
		for _, lang := range []text.Lang{text.JA, text.EN} {
			for code, recovery := range map[string]bool{rightTOTP: false, "abcde-fgh12": true} {
				f := newFake()
				f.recovered = used
				c := newClient(t, newPage(t, f))
				c.get("/signin?lang=" + string(lang))
				c.post("/signin", "name", "山田 花子", "password", rightPassword, "code", code)
				said := lang.Say("page.account.few_left", text.Args{"n": 10 - used})
				_, home := c.get("/")
				if told := strings.Contains(home, `href="/account#recovery-h"`); told != (few && recovery) || told && !strings.Contains(shownText(home), strings.Split(said, `"`)[0]) {
					t.Errorf("%s, %d used, in by %s: %t", lang, used, code, told)
				}
				_, body := c.get("/account")
				if strings.Contains(body, `href="#recovery-h"`) != few || !strings.Contains(body, lang.Say("page.account.left", text.Args{"n": 10 - used})) {
					t.Errorf("%s, %d used: %s", lang, used, shownText(body))
				}
			}
		}
	}
}

// Everybody who is signed in finds his account, whatever he may do besides.
func TestAccountIsLinked(t *testing.T) {
	for _, role := range []people.Role{people.Director, people.Staff, people.Vendor, people.Inspector} {
		f := newFake()
		c := in(t, f)
		f.role = role
		_, body := c.get("/audit")
		if !regexp.MustCompile(`<div class="who">.*<a [^>]*href="/account">自分のアカウント</a>`).MatchString(body) {
			t.Errorf("a %s finds no account", role)
		}
		if status, body := c.get("/account"); status != http.StatusOK || strings.Count(body, "<form method=\"post\" action=\"/account/") != 3 {
			t.Errorf("as %s: %d", role, status)
		}
	}
	if _, body := newClient(t, newPage(t, newFake())).get("/alive"); strings.Contains(body, "/account") {
		t.Error("nobody has an account")
	}
}

// TestAccountInTheBrowser renews all three by hand, with scripts, and checks
// the pages on the way.
func TestAccountInTheBrowser(t *testing.T) {
	ctx := chromium(t)
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	listen(t, ctx)
	f := newFake()
	f.recovered = 8
	url := serve(t, f)
	see := func(name string) {
		t.Helper()
		run(t, ctx, visible("h1"))
		axe(t, ctx, string(script), name)
		look(t, ctx, name)
	}
	run(t, ctx, signIn(url), chromedp.Click(`.who a[href="/account"]`, chromedp.ByQuery), visible("#password-h"))
	see("account-few")
	run(t, ctx, submit("#totp-password"), visible("#errors"))
	see("account-fault")
	run(t, ctx, fill("#old", rightPassword), fill("#password", "quite another one"), fill("#again", "quite another one"), fill("#totp-password", rightTOTP),
		submit("#totp-password"), visible(".note.good"))
	see("account-password")
	run(t, ctx, submit("#totp-phone"), visible(".qr"))
	see("account-factor")
	run(t, ctx, fill("#totp", rightTOTP), submit("#totp"), visible(".note.good"))
	says(t, ctx, "新しい認証アプリを登録しました")
	run(t, ctx, submit("#totp-recovery"), visible(".codes"))
	see("account-sheet")
	run(t, ctx, chromedp.Navigate(url+"/account"), visible(`a[href="/recovery"]`))
	see("account-sheet-link")
	if f.acts != 3 {
		t.Errorf("%d acts", f.acts)
	}
}
