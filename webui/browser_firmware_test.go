package webui_test

import (
	"os"
	"path/filepath"
	"testing"

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
}
