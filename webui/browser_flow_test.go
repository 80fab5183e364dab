package webui_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/window"
)

// says waits until the page's text holds what, and fails with the text if it
// does not.
func says(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	var body string
	for range 100 {
		run(t, ctx, chromedp.Text("body", &body, chromedp.ByQuery))
		if strings.Contains(body, what) {
			return
		}
		run(t, ctx, chromedp.Sleep(100*time.Millisecond))
	}
	t.Fatalf("the page never says %q:\n%s", what, body)
}

// day is the whole way: first account, request, approval, closing, names, log.
func day(t *testing.T, ctx context.Context, f *fake, url string) {
	run(t, ctx, chromedp.Navigate(url+"/"),
		fill("#code", rightCode), fill("#name", "山田 花子"), fill("#password", rightPassword), fill("#again", rightPassword), submit("#code"),
		visible(".qr"), fill("#totp", rightTOTP), submit("#totp"), visible(".codes"),
		chromedp.Submit(`form[action=""], main form`, chromedp.ByQuery), visible(".verdict"))

	run(t, ctx, chromedp.Navigate(url+"/windows/new"), chromedp.Click(`.kinds a[href$="inbound"]`, chromedp.ByQuery), visible("#ports"),
		chromedp.Click(`input[name=vendor][value=medsys]`, chromedp.ByQuery), fill("#requester", "佐藤 次郎"),
		chromedp.SetValue("#device", "02:00:5e:10:00:01", chromedp.ByQuery), fill("#ports", "3389, 500/udp"),
		fill("#length_other", "20s"), fill("#reason", "月次更新"), submit("#ports"), visible("#totp"))
	says(t, ctx, "まだ何も開いていません")
	says(t, ctx, "20秒")

	run(t, ctx, chromedp.Click("#callback", chromedp.ByQuery), fill("#totp", rightTOTP), submit("#totp"), visible(".left"))
	says(t, ctx, "時間が来れば自動で閉じます")
	w := f.list[len(f.list)-1]
	if w.State != window.Open || w.Length != 20*time.Second || len(w.Ports) != 2 || w.Requester != "佐藤 次郎" {
		t.Errorf("opened %+v", w)
	}
	// From another page it is one press to the closed door.
	run(t, ctx, chromedp.Navigate(url+"/audit"), chromedp.Click(".strip button", chromedp.ByQuery), visible("#result-h"))
	says(t, ctx, "人が閉じました")

	run(t, ctx, chromedp.Navigate(url+"/devices"), fill("#name-3", "院長のタブレット"), submit("#name-3"), visible(".note.good"))
	says(t, ctx, "「院長のタブレット」と名前を付けました")
	run(t, ctx, chromedp.Navigate(url+"/audit"), chromedp.Click(`form[action="/audit/check"] button`, chromedp.ByQuery), visible(".note.good"))
	says(t, ctx, "改ざんは見つかりませんでした")
	run(t, ctx, chromedp.Click(`form[action="/signout"] button`, chromedp.ByQuery), visible("#password"))
}

func fresh() *fake {
	f := newFake()
	f.director.ID = 0
	return f
}

func TestDayWithoutScript(t *testing.T) {
	ctx := chromium(t)
	listen(t, ctx)
	f := fresh()
	run(t, ctx, emulation.SetScriptExecutionDisabled(true))
	day(t, ctx, f, serve(t, f))
}

func TestDayWithScript(t *testing.T) {
	ctx := chromium(t)
	listen(t, ctx)
	f := fresh()
	day(t, ctx, f, serve(t, f))
}

// The clock runs down by itself, and the page learns of the end by itself.
func TestCountdown(t *testing.T) {
	ctx := chromium(t)
	listen(t, ctx)
	f := newFake()
	w := f.window(2, window.Open)
	w.EndAt = time.Now().Add(14 * time.Second)
	f.list = append(f.list, w)
	url := serve(t, f)
	run(t, ctx, signIn(url), chromedp.Navigate(url+"/windows/2"), visible(".left"))
	var first, second string
	run(t, ctx, chromedp.Text(".left", &first, chromedp.ByQuery), chromedp.Sleep(1500*time.Millisecond), chromedp.Text(".left", &second, chromedp.ByQuery))
	if first == second || !strings.HasSuffix(first, "秒") || !strings.HasSuffix(second, "秒") {
		t.Errorf("%q then %q", first, second)
	}
	// A keyboard's focus survives the page's own renewing.
	var stayed bool
	run(t, ctx, chromedp.Focus("#live form button", chromedp.ByQuery), chromedp.Sleep(2500*time.Millisecond),
		chromedp.Evaluate(`document.activeElement.matches("#live form button")`, &stayed))
	if !stayed {
		t.Error("the focus was lost")
	}
	if _, err := f.CloseWindow(ctx, f.director, 2); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, visible("#result-h"))
	says(t, ctx, "人が閉じました")
}

// A new device is on the page within two seconds, without a touch, and does
// not disturb somebody who is typing.
func TestNewDeviceAppears(t *testing.T) {
	ctx := chromium(t)
	listen(t, ctx)
	f := newFake()
	url := serve(t, f)
	run(t, ctx, signIn(url), chromedp.Navigate(url+"/devices"), visible("#device-3"))
	add := func(id int64, mac string) {
		f.mu.Lock()
		f.devices = append(f.devices, gateway.Device{ID: id, MAC: mac, Present: true, FirstSeen: time.Now(), LastSeen: time.Now()})
		f.mu.Unlock()
	}
	add(4, "02:00:5e:10:00:04")
	at := time.Now()
	run(t, ctx, visible("#device-4"))
	t.Logf("shown after %s", time.Since(at).Round(time.Millisecond))
	run(t, ctx, fill("#name-3", "書きかけ"))
	add(5, "02:00:5e:10:00:05")
	var typed string
	run(t, ctx, chromedp.Sleep(5*time.Second), chromedp.Value("#name-3", &typed, chromedp.ByQuery))
	if typed != "書きかけ" {
		t.Errorf("the field holds %q", typed)
	}
}
