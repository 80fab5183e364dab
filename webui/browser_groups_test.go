package webui_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"monban/gateway"
)

// TestGroupsInTheBrowser draws the page about groups, as
// TestEveryPageInTheBrowser does, pauses a group by its button and sees the
// countdown.
func TestGroupsInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	f.nameSide = groupedFake().nameSide
	run(t, ctx, chromedp.Navigate(url+"/names/groups"), unfold())
	see("g-groups")
	run(t, ctx, chromedp.Click(`section[aria-labelledby="group-desks"] > div form button`), visible(".strip.pause"))
	see("g-paused")
	if len(f.pauses) != 1 || f.pauses[0].Group != "desks" || f.pauses[0].Left != 5*time.Minute {
		t.Errorf("%+v", f.pauses)
	}
	f.groups.Synced = false
	f.pauses = append(f.pauses, gateway.NamePause{Device: "02:00:5e:10:00:01", DeviceName: "レセコン", Left: time.Minute})
	run(t, ctx, chromedp.Navigate(url+"/names/groups"), unfold())
	see("g-paused-two")
	run(t, ctx, chromedp.Navigate(url+"/names/groups?lang=en"), unfold())
	see("g-groups-en")
	run(t, ctx, chromedp.Navigate(url+"/?lang=ja"), visible(".strip.pause"))
	see("g-paused-home")
}
