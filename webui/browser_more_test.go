package webui_test

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"monban/gateway/request"
	"monban/gateway/window"
)

// around opens a browser signed in to a page over aroundFake in which nothing
// is open, and returns what draws and checks what it shows.
func around(t *testing.T) (ctx context.Context, f *fake, url string, see func(name string)) {
	t.Helper()
	ctx = chromium(t)
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	listen(t, ctx)
	f = aroundFake()
	f.list = append(f.list[:3:3], f.list[13])
	url = serve(t, f)
	run(t, ctx, signIn(url))
	return ctx, f, url, func(name string) {
		t.Helper()
		run(t, ctx, visible("h1"))
		axe(t, ctx, string(script), name)
		look(t, ctx, name)
	}
}

// Whoever types when the session ends keeps what he typed, signs in elsewhere and
// goes on.
func TestTypedTextOutlivesTheSession(t *testing.T) {
	ctx, f, url, see := around(t)
	gone := func(is bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.gone = is
	}
	run(t, ctx, chromedp.Navigate(url+"/windows/new?kind=inbound"), fill("#requester", "書きかけ"))
	gone(true)
	run(t, ctx, visible("#over"))
	see("over")
	gone(false)
	other, cancel := chromedp.NewContext(ctx)
	defer cancel()
	run(t, other, signIn(url))
	var typed string
	run(t, ctx, page.BringToFront(), chromedp.WaitNotVisible("#over", chromedp.ByQuery), chromedp.Value("#requester", &typed, chromedp.ByQuery), submit("#requester"), visible("#errors"))
	if typed != "書きかけ" {
		t.Errorf("the field holds %q", typed)
	}
}

// unfold opens whatever is folded up.
func unfold() chromedp.Action {
	return chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
}

// TestPapersInTheBrowser draws what is read and printed around windows, as
// TestEveryPageInTheBrowser does.
func TestPapersInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	for _, p := range []struct{ name, path string }{
		{"m-sheet", "/windows/1/evidence"}, {"m-sheet-glass", "/windows/14/evidence"}, {"m-sheet-asked", "/windows/3/evidence"},
		{"m-month", "/windows/month"}, {"m-month-empty", "/windows/month?m=2020-02"}, {"m-attempts", "/attempts"}, {"m-attempts-none", "/attempts?day=2026-11-20"},
		{"m-sheet-en", "/windows/1/evidence?lang=en"}, {"m-attempts-en", "/attempts"}, {"m-codes", "/break-glass/codes?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path))
		see(p.name)
	}
	run(t, ctx, chromedp.Navigate(url+"/break-glass/codes"), fill("#totp", rightTOTP), submit("#totp"), visible(".slip"))
	see("m-slips")
	f.list = append(f.list, f.window(4, window.Open))
	run(t, ctx, chromedp.Navigate(url+"/windows/4/evidence"))
	see("m-sheet-open")
}

// TestMorePagesInTheBrowser draws the forms around windows.
func TestMorePagesInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	for _, p := range []struct{ name, path string }{
		{"m-request", "/requests"}, {"m-plans", "/plans"}, {"m-plans-tool", "/plans?kind=tool"}, {"m-vendors", "/vendors"}, {"m-glass", "/break-glass"},
		{"m-notices", "/settings/notices"}, {"m-people", "/people"}, {"m-vendors-en", "/vendors?lang=en"}, {"m-request-ja", "/requests?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path), unfold())
		see(p.name)
	}
	paste := func(said string) {
		run(t, ctx, chromedp.Navigate(url+"/requests"), chromedp.SetValue("#text", said, chromedp.ByQuery), submit("#text"))
	}
	paste(signedRequest(t, nil))
	run(t, ctx, visible(".picture"))
	see("m-preview")
	paste(signedRequest(t, func(r *request.Request) {
		r.Kind, r.Ports, r.Sources, r.Tool, r.Requester, r.NotBefore = window.Tool, nil, nil, "TeamViewer", "山本 三郎", r.MadeAt.AddDate(0, 0, 3)
	}))
	run(t, ctx, visible(".picture"))
	see("m-preview-tool")
	paste("MONBAN-REQUEST 1")
	run(t, ctx, visible("#errors"))
	see("m-request-fault")
	for _, p := range []struct{ name, path, submit string }{
		{"m-plans-fault", "/plans", "#time"}, {"m-enrol-fault", "/vendors", "#key"}, {"m-glass-fault", "/break-glass", "#code"}, {"m-notices-fault", "/settings/notices", "#totp"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path), submit(p.submit), visible("#errors"))
		see(p.name)
	}
	run(t, ctx, chromedp.Navigate(url+"/people"), chromedp.Click("summary", chromedp.ByQuery), submit("#totp-2"), visible("#errors"))
	see("m-people-fault")
	f.sealed = nil
	run(t, ctx, chromedp.Navigate(url+"/break-glass"))
	see("m-glass-empty")
}
