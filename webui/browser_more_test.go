package webui_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"monban/gateway/request"
	"monban/gateway/window"
)

// TestMorePagesInTheBrowser draws the pages around windows, as
// TestEveryPageInTheBrowser does.
func TestMorePagesInTheBrowser(t *testing.T) {
	ctx := chromium(t)
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	listen(t, ctx)
	see := func(name string) {
		t.Helper()
		run(t, ctx, visible("h1"))
		axe(t, ctx, string(script), name)
		look(t, ctx, name)
	}
	unfold := chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
	f := aroundFake()
	f.list = f.list[:3] // nothing is open: the strip has its own pages
	f.list = append(f.list, aroundFake().list[13])
	url := serve(t, f)
	run(t, ctx, signIn(url))
	for _, p := range []struct{ name, path string }{
		{"m-request", "/requests"}, {"m-plans", "/plans"}, {"m-plans-tool", "/plans?kind=tool"}, {"m-vendors", "/vendors"}, {"m-glass", "/break-glass"},
		{"m-codes", "/break-glass/codes"}, {"m-sheet", "/windows/1/evidence"}, {"m-sheet-glass", "/windows/14/evidence"}, {"m-sheet-asked", "/windows/3/evidence"},
		{"m-month", "/windows/month"}, {"m-month-empty", "/windows/month?m=2020-02"}, {"m-attempts", "/attempts"}, {"m-attempts-none", "/attempts?day=2026-11-20"},
		{"m-notices", "/settings/notices"}, {"m-people", "/people"},
		{"m-vendors-en", "/vendors?lang=en"}, {"m-sheet-en", "/windows/1/evidence"}, {"m-attempts-en", "/attempts"}, {"m-request-ja", "/requests?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path), unfold)
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
	run(t, ctx, chromedp.Navigate(url+"/break-glass/codes"), fill("#totp", rightTOTP), submit("#totp"), visible(".slip"))
	see("m-slips")
	f.sealed = nil
	run(t, ctx, chromedp.Navigate(url+"/break-glass"))
	see("m-glass-empty")
	f.list = append(f.list, f.window(4, window.Open))
	run(t, ctx, chromedp.Navigate(url+"/windows/4/evidence"))
	see("m-sheet-open")
}
