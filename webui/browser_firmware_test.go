package webui_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"monban/gateway"
)

// TestFirmwarePageInTheBrowser draws the page about the box's own software, as
// TestEveryPageInTheBrowser does, and sends a file.
func TestFirmwarePageInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	all := firmStates()
	for _, name := range []string{"offer", "no slots", "unasked", "fallen", "trial", "failed"} {
		f.firm = all[name].firm
		run(t, ctx, chromedp.Navigate(url+"/firmware"), unfold())
		see("f-" + name)
	}
	run(t, ctx, chromedp.Navigate(url+"/firmware?lang=en"), unfold())
	see("f-failed-en")
	run(t, ctx, chromedp.Navigate(url+"/firmware?lang=ja"))
	f.list, f.firm = nil, all["approved"].firm
	run(t, ctx, chromedp.Navigate(url+"/firmware"), unfold())
	see("f-approved")
	run(t, ctx, submit("#sure"), visible(".fault"))
	see("f-not-sure")
	run(t, ctx, chromedp.Navigate(url+"/"))
	see("f-home")

	file := filepath.Join(t.TempDir(), "monban_0.2.0_uefi_amd64.update")
	if err := os.WriteFile(file, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f.firm = gateway.Firmware{Version: "0.1.0", Slots: true, Slot: "a", From: 120, To: 240}
	run(t, ctx, chromedp.Navigate(url+"/firmware"), chromedp.SetUploadFiles("#file", []string{file}, chromedp.ByQuery), submit("#file"), visible(".note.good"))
	if f.sent != 5<<20 {
		t.Errorf("%d bytes came", f.sent)
	}
	see("f-sent")

	// What was asked for is found while somebody looks on, and the page says so.
	shown := func(want, not string) {
		t.Helper()
		var body string
		run(t, ctx, chromedp.Evaluate(`document.getElementById("main").innerText`, &body))
		if !strings.Contains(body, want) || strings.Contains(body, not) {
			t.Errorf("the page says %q, or not %q:\n%s", not, want, body)
		}
	}
	const busy, found = "配布元に新しい版があるか調べています", "院長の承認を待っています"
	f.firm = all["none"].firm
	f.firm.Busy = "checking"
	run(t, ctx, chromedp.Navigate(url+"/firmware"), visible("#live"))
	shown(busy, found)
	f.firm = all["offer"].firm
	run(t, ctx, chromedp.Evaluate(`refresh()`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	shown(found, busy)
}
