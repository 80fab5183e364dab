package webui_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/people"
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
	run(t, ctx, chromedp.Navigate(url+"/devices"))
	see("w-strip-last-minutes")
	f.list = append(f.list, gateway.Window{Window: window.Window{State: window.Open, EndAt: time.Now().Add(time.Hour)},
		VendorLabel: "203.0.113.16/28", DeviceName: "192.168.10.21", Unrecorded: true})
	run(t, ctx, chromedp.Navigate(url+"/windows/close-all"))
	see("w-stop-unrecorded")
	run(t, ctx, chromedp.Click("button.big", chromedp.ByQuery), visible("#done-h"))
	see("w-stopped")
}

// What is about to end is said aloud twice, on whatever page somebody is; the
// lamp goes on and off by itself; and what did not change is left alone.
func TestWarningsAreSaidAloud(t *testing.T) {
	ctx := chromium(t)
	listen(t, ctx)
	f := newFake()
	f.director.Role = people.Staff
	url := serve(t, f)
	run(t, ctx, signIn(url), chromedp.Navigate(url+"/devices"), visible("#device-3"))
	set := func(change func()) {
		f.mu.Lock()
		defer f.mu.Unlock()
		change()
	}
	hears := func(what, lamp string) {
		t.Helper()
		var news, title string
		for range 100 {
			run(t, ctx, chromedp.Text("#news", &news, chromedp.ByQuery), chromedp.Title(&title), chromedp.Sleep(100*time.Millisecond))
			if strings.Contains(news, what) && strings.HasPrefix(title, lamp) {
				return
			}
		}
		t.Fatalf("%q is heard, not %q; the title is %q", news, what, title)
	}
	run(t, ctx, chromedp.Evaluate(`document.getElementById("device-3").mine = true`, nil))
	set(func() {
		f.list = append(f.list, f.window(2, window.Open))
	})
	hears("外から メディカルシステム株式会社 が レセコン に接続できます", "【業者が接続中】機器")
	set(func() { f.list[1].EndAt = time.Now().Add(10*time.Minute + 2*time.Second) })
	hears("あと 10 分以内に切れます", "【業者が接続中】機器")
	set(func() { f.list[1].EndAt = time.Now().Add(5*time.Minute + 2*time.Second) })
	hears("あと 5 分以内に切れます", "【業者が接続中】機器")
	run(t, ctx, chromedp.Click(".strip button", chromedp.ByQuery), visible("#result-h"), chromedp.Navigate(url+"/devices"), visible("#device-3"))
	set(func() { f.list[1].State, f.list[1].EndAt = window.Open, time.Now().Add(time.Hour) })
	hears("に接続できます", "【業者が接続中】機器")
	var kept bool
	run(t, ctx, chromedp.Evaluate(`document.getElementById("device-3").mine = true`, nil), chromedp.Sleep(2500*time.Millisecond),
		chromedp.Evaluate(`document.getElementById("device-3").mine === true`, &kept))
	if !kept {
		t.Error("a part of the page that did not change was put in anew")
	}
	set(func() { f.list[1].State = window.Closed })
	hears("開いている保守はありません", "機器")
	// A form that came back keeps what is in it, and still hears.
	run(t, ctx, chromedp.Navigate(url+"/windows/new?kind=inbound"), fill("#requester", "書きかけ"), submit("#requester"), visible("#errors"))
	set(func() { f.list[1].State, f.list[1].EndAt = window.Open, time.Now().Add(4*time.Minute) })
	hears("あと 5 分以内に切れます", "【業者が接続中】入力エラー")
	var typed string
	run(t, ctx, visible(".strip"), visible("#errors"), chromedp.Value("#requester", &typed, chromedp.ByQuery))
	if typed != "書きかけ" {
		t.Errorf("the field holds %q", typed)
	}
}
