package webui_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestListsPageInTheBrowser draws the page about lists, as
// TestEveryPageInTheBrowser does.
func TestListsPageInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	n := listedFake()
	f.nameSide, f.listSide = n.nameSide, n.listSide
	run(t, ctx, chromedp.Navigate(url+"/lists"), unfold())
	see("l-lists")
	run(t, ctx, chromedp.Navigate(url+"/lists?lang=en"), unfold())
	see("l-lists-en")
	run(t, ctx, chromedp.Navigate(url+"/lists?lang=ja"), fill("#name", "mhlw.go.jp"), submit("#name"), visible(".fault"))
	see("l-lists-fault")
	f.lists, f.denies = nil, nil
	run(t, ctx, chromedp.Navigate(url+"/lists"))
	see("l-lists-none")
}
