package webui_test

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/window"
)

// TestWindowPagesInTheBrowser draws the pages of every kind and state of a
// window, as TestEveryPageInTheBrowser does.
func TestWindowPagesInTheBrowser(t *testing.T) {
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
	f := maintainedFake()
	url := serve(t, f)
	run(t, ctx, signIn(url))
	for _, p := range []struct{ name, path string }{
		{"w-home", "/"}, {"w-list", "/windows"}, {"w-ask-out", "/windows/new?kind=outbound"}, {"w-ask-tool", "/windows/new?kind=tool"},
		{"w-ask-tunnel", "/windows/new?kind=wireguard"}, {"w-tool", "/windows/5"}, {"w-tool-names", "/windows/6"}, {"w-out", "/windows/7"},
		{"w-tunnel", "/windows/8"}, {"w-later", "/windows/9"}, {"w-planned", "/windows/10"}, {"w-owed", "/windows/11"}, {"w-lapsed", "/windows/12"},
		{"w-not-opened", "/windows/13"}, {"w-broken", "/windows/14"}, {"w-open", "/windows/4"}, {"w-extend", "/windows/4/extend"},
		{"w-stop", "/windows/close-all"}, {"w-strip", "/devices"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path))
		see(p.name)
	}
	run(t, ctx, chromedp.Navigate(url+"/windows/new?kind=tool"), chromedp.SetAttributeValue("#start", "type", "text", chromedp.ByQuery),
		fill("#start", "あした"), submit("#reason"), visible("#errors"))
	see("w-ask-fault")
	run(t, ctx, chromedp.Navigate(url+"/windows/4/extend"), fill("#totp", "1"), submit("#totp"), visible("#errors"))
	see("w-extend-fault")
	run(t, ctx, chromedp.Navigate(url+"/windows/11"), submit("#review"), visible("#errors"))
	see("w-owed-fault")
	f.list[3].EndAt = time.Now().Add(4*time.Minute + 30*time.Second)
	run(t, ctx, chromedp.Navigate(url+"/windows/10"))
	see("w-strip-last-minutes")
	f.list = append(f.list, gateway.Window{Window: window.Window{State: window.Open, EndAt: time.Now().Add(time.Hour)},
		VendorLabel: "203.0.113.16/28", DeviceName: "192.168.10.21", Unrecorded: true})
	run(t, ctx, chromedp.Navigate(url+"/windows/close-all"))
	see("w-stop-unrecorded")
	run(t, ctx, chromedp.Click("button.big", chromedp.ByQuery), visible("#done-h"))
	see("w-stopped")
}
