package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/xuri/excelize/v2"

	"monban/gateway/window"
)

// A day in a clinic, all of it on its pages: the key of a vendor's engineer is
// enrolled, his signed request pasted, approved with a one-time code, and he
// reaches the device and nothing else; codes are printed, one of them opens the
// door at once and never again; what was done is written down, and the papers
// come out.
func TestClinicDay(t *testing.T) {
	c := open(t)
	d := &desk{c: c, name: "院長 山田"}
	b := &counter{desk: d, ctx: browser(t, true)}
	d.secret = c.joins(b.ctx, "/setup", c.SetupCode, d.name)
	d.step = d.now().Unix() / 30 // its one-time code is used, or the one before
	engineer := newEngineer(t)

	site := b.enrols(engineer, "佐藤 次郎")
	vendor := c.Hosts["vendor"].Addrs
	said := engineer.ok("--site", site, "--vendor", c.Vendor, "--device", "rececom", "--ports", "3389", "--for", "30m",
		"--source", vendor[0].String(), "--source", vendor[1].String(), "--reason", "帳票の設定を直す", "--requester", "佐藤 次郎")
	b.asks(said, "佐藤 次郎", "帳票の設定を直す", "3389")
	b.shut("a request on record")
	b.approves()
	talks := b.letsIn()
	b.pastes(said) // once more: it is used up
	b.waits("#errors")

	b.must("/windows/1", chromedp.Click(`form[action="/windows/1/close"] button`, chromedp.ByQuery), visible("#report"))
	c.reaches(1, window.Closed, time.Minute)
	b.shut("closing")
	for _, k := range talks {
		k.stop()
	}

	codes := b.prints()
	b.breaks(codes[0])
	if !slices.Contains(c.codesOf(2), "window.break_sealed") {
		t.Errorf("of the broken glass the log has %v", c.codesOf(2))
	}
	for _, k := range b.letsIn() {
		k.stop()
	}
	b.must("/windows/2", chromedp.Click(`form[action="/windows/2/close"] button`, chromedp.ByQuery), visible("#excuse"))
	b.tries(codes[0])
	b.waits("#errors")
	b.shut("a code that was used")

	for _, x := range []struct{ id, field, said string }{{"1", "report", "帳票の余白を直しました"}, {"1", "review", "依頼のとおりでした"},
		{"2", "report", "夜間の停止を直しました"}, {"2", "review", "依頼のとおりでした"}, {"2", "excuse", "夜間で院長がいませんでした"}} {
		b.must("/windows/"+x.id, chromedp.SendKeys("#"+x.field, x.said, chromedp.ByQuery), chromedp.Submit("#"+x.field, chromedp.ByQuery),
			gone("#"+x.field), visible("#written-h"))
		b.says(x.said)
	}
	for _, id := range []string{"1", "2"} {
		b.must("/windows/"+id+"/evidence", visible("h1"))
		b.says("佐藤 次郎")
		pdf := b.downloads("/windows/"+id, `a[href$="/evidence.pdf"]`)
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf[max(0, len(pdf)-64):], []byte("%%EOF")) {
			t.Errorf("the evidence of window %s: %d bytes, %.20q", id, len(pdf), pdf)
		}
	}
	b.month("佐藤 次郎", "帳票の設定を直す")
	shot(t, b.ctx, "clinic-month")
	if l := c.live(); len(l) > 0 {
		t.Errorf("in the evening the kernel holds %v", l)
	}
	c.sound()
}

// A counter is somebody at the page with a real browser.
type counter struct {
	*desk
	ctx context.Context
}

// The selectors are CSS: chromedp's own default also searches the text.

func visible(css string) chromedp.Action { return chromedp.WaitVisible(css, chromedp.ByQuery) }

func gone(css string) chromedp.Action { return chromedp.WaitNotPresent(css, chromedp.ByQuery) }

func typed(css, with string) chromedp.Action { return chromedp.SendKeys(css, with, chromedp.ByQuery) }

// must goes to a page and does things there.
func (b *counter) must(path string, actions ...chromedp.Action) {
	b.c.t.Helper()
	visit(b.c.t, b.ctx, strings.TrimSuffix(b.c.URL, "/")+path)
	do(b.c.t, b.ctx, actions...)
}

func (b *counter) waits(css string) {
	b.c.t.Helper()
	do(b.c.t, b.ctx, visible(css))
}

// says wants the page to hold words.
func (b *counter) says(words ...string) {
	b.c.t.Helper()
	var body string
	do(b.c.t, b.ctx, chromedp.Text("body", &body, chromedp.ByQuery))
	for _, w := range words {
		if !strings.Contains(body, w) {
			b.c.t.Errorf("the page does not say %q:\n%s", w, body)
		}
	}
}

// enrols makes the engineer's key the vendor's, and returns what the page says
// the box is called in requests.
func (b *counter) enrols(e *engineer, name string) (site string) {
	t := b.c.t
	t.Helper()
	printed := e.ok("keygen")
	key := regexp.MustCompile(`(?m)^MONBAN-KEY.*$`).FindString(printed)
	b.must("/vendors", chromedp.Text(".secret", &site, chromedp.ByQuery),
		chromedp.Click(`input[name=vendor][value="`+b.c.Vendor+`"]`, chromedp.ByQuery), typed("#name", name),
		chromedp.SetValue("#key", key, chromedp.ByQuery), typed("#totp", b.code()), chromedp.Submit("#key", chromedp.ByQuery),
		visible(`form[action^="/vendors/keys/"][action$="/revoke"]`))
	var print string
	do(t, b.ctx, chromedp.Text(".rows .code", &print, chromedp.ByQuery))
	if !strings.Contains(printed, strings.TrimSpace(print)) || print == "" {
		t.Errorf("the page shows the key as %q, the engineer has\n%s", print, printed)
	}
	shot(t, b.ctx, "clinic-vendors")
	return strings.TrimSpace(site)
}

func (b *counter) pastes(said string) {
	b.c.t.Helper()
	b.must("/requests", chromedp.SetValue("#text", said, chromedp.ByQuery), chromedp.Submit("#text", chromedp.ByQuery))
}

// asks pastes a request, reads what would open, and puts it on record.
func (b *counter) asks(said string, words ...string) {
	b.c.t.Helper()
	b.pastes(said)
	b.waits(".picture")
	b.says(words...)
	shot(b.c.t, b.ctx, "clinic-preview")
	do(b.c.t, b.ctx, chromedp.Click(`form[action="/requests/record"] button`, chromedp.ByQuery), visible("#callback"))
}

// approves answers the first request with yes and a one-time code.
func (b *counter) approves() {
	b.c.t.Helper()
	b.must("/windows/1", chromedp.Click("#callback", chromedp.ByQuery), typed("#totp", b.code()),
		chromedp.Click(`form[action$="/approve"] button`, chromedp.ByQuery), visible(`form[action="/windows/1/close"]`))
	shot(b.c.t, b.ctx, "clinic-open")
}

// shut wants nobody to get in.
func (b *counter) shut(after string) {
	b.c.t.Helper()
	if _, ok := b.c.reach("vendor", "tcp", b.c.wan(3389)); ok {
		b.c.t.Errorf("after %s the vendor gets in", after)
	}
}

// letsIn wants the vendor to reach the device by both families, and nobody
// anything else.
func (b *counter) letsIn() []*talk {
	t, c := b.c.t, b.c
	t.Helper()
	talks := []*talk{c.talk("vendor", "tcp", c.wan(3389)), c.talk("vendor", "tcp", c.addr("rececom", true, 3389))}
	for _, k := range talks {
		k.patient(20, "echo")
	}
	for _, to := range []string{c.wan(443), c.wan(5432), c.addr("ehr", true, 5432)} {
		if _, ok := c.reach("vendor", "tcp", to); ok {
			t.Errorf("the vendor reaches %s", to)
		}
	}
	if _, ok := c.reach("stranger", "tcp", c.wan(3389)); ok {
		t.Error("the stranger gets in")
	}
	return talks
}

// prints makes codes and prints them.
func (b *counter) prints() (codes []string) {
	t := b.c.t
	t.Helper()
	var paper []byte
	b.must("/break-glass/codes", typed("#totp", b.code()), chromedp.Submit("#totp", chromedp.ByQuery), visible(".slip-code"),
		chromedp.Evaluate(`[...document.querySelectorAll(".slip-code")].map(e => e.textContent.trim())`, &codes),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			paper, _, err = page.PrintToPDF().WithPaperWidth(8.27).WithPaperHeight(11.69).Do(ctx)
			return err
		}))
	if len(codes) < 2 || !bytes.HasPrefix(paper, []byte("%PDF-")) {
		t.Fatalf("%d codes on %d bytes of paper", len(codes), len(paper))
	}
	return codes
}

// tries asks for a window at once, by a code.
func (b *counter) tries(code string) {
	b.c.t.Helper()
	b.must("/break-glass", chromedp.Click(`input[name=vendor][value="`+b.c.Vendor+`"]`, chromedp.ByQuery), typed("#requester", "佐藤 次郎"),
		chromedp.SetValue("#device", b.c.Hosts["rececom"].MAC, chromedp.ByQuery), typed("#ports", "3389"),
		typed("#reason", "夜間に止まった"), typed("#code", code), chromedp.Submit("#code", chromedp.ByQuery))
}

func (b *counter) breaks(code string) {
	b.c.t.Helper()
	b.tries(code)
	b.waits(`form[action="/windows/2/close"]`)
	shot(b.c.t, b.ctx, "clinic-glass")
}

// downloads presses a link on a page and returns the file it leads to.
func (b *counter) downloads(path, link string) []byte {
	t := b.c.t
	t.Helper()
	dir := t.TempDir()
	done := make(chan *cdp.EventDownloadProgress, 1)
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	chromedp.ListenTarget(ctx, func(ev any) {
		if p, ok := ev.(*cdp.EventDownloadProgress); ok && p.State != cdp.DownloadProgressStateInProgress {
			select {
			case done <- p:
			default:
			}
		}
	})
	b.must(path, cdp.SetDownloadBehavior(cdp.SetDownloadBehaviorBehaviorAllowAndName).WithDownloadPath(dir).WithEventsEnabled(true),
		chromedp.Click(link, chromedp.ByQuery))
	select {
	case p := <-done:
		got, err := os.ReadFile(filepath.Join(dir, p.GUID))
		if err != nil || p.State != cdp.DownloadProgressStateCompleted {
			t.Fatalf("%s of %s: %s, %v", link, path, p.State, err)
		}
		return got
	case <-b.ctx.Done():
		t.Fatalf("%s of %s does not come", link, path)
		return nil
	}
}

// month wants the month's list to have both windows, as a sheet that opens.
func (b *counter) month(words ...string) {
	t := b.c.t
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(b.downloads("/windows/month", `a[href^="/windows/month.xlsx"]`)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetList()[0])
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(rows)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the month's list has no %q:\n%s", w, text)
		}
	}
	if n := strings.Count(text, "佐藤 次郎"); n < 2 {
		t.Errorf("%d of 2 windows in the month's list:\n%s", n, text)
	}
}

// patient is wait for a busy machine.
func (k *talk) patient(n int, what string) {
	k.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		if _, have := k.last(what); have >= n {
			return
		}
	}
	k.wait(n, what)
}

// codesOf are the codes of the log's lines about a window.
func (c *clinic) codesOf(id int64) []string { return codes(c.onRecord(id).Lines) }
