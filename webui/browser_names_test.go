package webui_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestNamePagesInTheBrowser draws the pages about names, as
// TestEveryPageInTheBrowser does.
func TestNamePagesInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	n := namedFake()
	f.nameSide = n.nameSide
	f.unlogged, f.badDisk = 1234, "no space"
	for _, p := range []struct{ name, path string }{
		{"n-log", "/names"}, {"n-log-none", "/names?name=zzz"}, {"n-log-deep", "/names?name=deep"},
		{"n-why", "/names/why"}, {"n-why-refused", "/names/why?name=ads.example.jp"}, {"n-why-fine", "/names/why?name=fine.example"}, {"n-why-tool", "/names/why?name=tool.example"},
		{"n-why-fault", "/names/why?name=a+b"}, {"n-stats", "/names/statistics"}, {"n-stats-none", "/names/statistics?day=2020-01-01"},
		{"n-log-en", "/names?lang=en"}, {"n-why-en", "/names/why?name=ads.example.jp"}, {"n-stats-en", "/names/statistics"}, {"n-ja", "/names/why?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path), unfold())
		see(p.name)
	}
	f.paused = 5 * time.Minute
	run(t, ctx, chromedp.Navigate(url+"/names/why?name=fine.example"), visible(".strip.pause"))
	see("n-paused")
	run(t, ctx, chromedp.Navigate(url+"/"), visible(".strip.pause"))
	see("n-paused-home")
}
