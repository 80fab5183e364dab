package webui_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestEvasionPageInTheBrowser draws the page of ways around the filter, as
// TestEveryPageInTheBrowser does.
func TestEvasionPageInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	f.evasion = evadedFake().evasion
	for _, p := range []struct{ name, path string }{
		{"e-around", "/names/around"}, {"e-none", "/names/around?day=2020-01-01"}, {"e-en", "/names/around?lang=en"}, {"e-ja", "/names/around?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path), unfold())
		see(p.name)
	}
	f.evasion.Observe = true
	run(t, ctx, chromedp.Navigate(url+"/names/around"))
	see("e-observe")
}
