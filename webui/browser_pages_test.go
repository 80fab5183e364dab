package webui_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// An axeResult is what axe-core found, as far as it is shown here.
type axeResult struct {
	Violations []struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
}

// axe checks the page in the browser against WCAG 2.2 A and AA and axe's own
// best practices, at a phone's, a tablet's and a desk's width.
func axe(t *testing.T, ctx context.Context, script, name string) {
	t.Helper()
	for _, w := range []int64{320, 768, 1280} {
		var raw string
		var there bool // still, unless the page has renewed itself
		run(t, ctx, emulation.SetDeviceMetricsOverride(w, 900, 1, w < 500), chromedp.Evaluate(`"axe" in window`, &there))
		if !there {
			run(t, ctx, chromedp.Evaluate(script, nil))
		}
		run(t, ctx, chromedp.Evaluate(`axe.run({runOnly:["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"],resultTypes:["violations"]}).then(r => JSON.stringify({violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary}))}))}))`,
			&raw, func(p *cdpruntime.EvaluateParams) *cdpruntime.EvaluateParams { return p.WithAwaitPromise(true) }))
		var res axeResult
		if err := json.Unmarshal([]byte(raw), &res); err != nil {
			t.Fatal(err)
		}
		for _, v := range res.Violations {
			for _, n := range v.Nodes {
				t.Errorf("%s at %d px: %s: %s\n  %s\n  %s", name, w, v.ID, v.Help, n.HTML, n.FailureSummary)
			}
		}
		var wide bool
		run(t, ctx, chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide))
		if wide {
			t.Errorf("%s at %d px scrolls sideways", name, w)
		}
		var small string
		run(t, ctx, chromedp.Evaluate(`[...document.querySelectorAll("button,input:not([type=radio]):not([type=checkbox]),select,textarea,summary,.button,.nav a,label.choice")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 80)).join("\n")`, &small))
		if small != "" {
			t.Errorf("%s at %d px has targets under 44 px: %s", name, w, small)
		}
	}
	run(t, ctx, emulation.SetDeviceMetricsOverride(1280, 800, 1, false))
}

// listen notes what the browser complains about: a broken policy shows here.
func listen(t *testing.T, ctx context.Context) {
	chromedp.ListenTarget(ctx, func(ev any) {
		switch e := ev.(type) {
		case *cdplog.EventEntryAdded:
			if e.Entry.Level == cdplog.LevelError && !strings.Contains(e.Entry.Text, "status of 4") {
				t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *cdpruntime.EventExceptionThrown:
			t.Errorf("script: %s", e.ExceptionDetails.Error())
		}
	})
	run(t, ctx, cdplog.Enable(), cdpruntime.Enable())
}

// TestEveryPageInTheBrowser draws every page, checks that nobody is shut out
// of it, and keeps pictures if asked to.
func TestEveryPageInTheBrowser(t *testing.T) {
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

	fresh := newFake()
	fresh.director.ID = 0
	url := serve(t, fresh)
	run(t, ctx, chromedp.Navigate(url+"/"))
	see("setup")
	run(t, ctx, fill("#code", "wrong"), fill("#name", "山田 花子"), fill("#password", rightPassword),
		fill("#again", "different"), submit("#code"), visible("#errors"))
	see("setup-fault")
	run(t, ctx, fill("#code", rightCode), fill("#password", rightPassword),
		fill("#again", rightPassword), submit("#code"), visible(".qr"))
	see("factor")
	run(t, ctx, fill("#totp", rightTOTP), submit("#totp"), visible(".codes"))
	see("recovery")

	f := busyFake()
	url = serve(t, f)
	run(t, ctx, chromedp.Navigate(url+"/signin"))
	see("signin")
	run(t, ctx, chromedp.Navigate(url+"/signin?recovery=1"))
	see("signin-recovery")
	run(t, ctx, signIn(url))
	see("home")
	for _, p := range []struct{ name, path string }{
		{"alive", "/alive"}, {"windows", "/windows"}, {"ask-kinds", "/windows/new"}, {"ask", "/windows/new?kind=inbound"}, {"approve", "/windows/3"}, {"open", "/windows/4"}, {"closed", "/windows/1"},
		{"devices", "/devices"}, {"checklist", "/checklist"}, {"audit", "/audit"}, {"people", "/people"}, {"account", "/account"},
		{"home-en", "/?lang=en"}, {"approve-en", "/windows/3?lang=en"}, {"account-en", "/account?lang=en"}, {"missing", "/nothing?lang=ja"},
	} {
		run(t, ctx, chromedp.Navigate(url+p.path))
		if p.name == "checklist" {
			run(t, ctx, chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil))
		}
		see(p.name)
	}
	run(t, ctx, chromedp.Navigate(url+"/windows/new?kind=inbound"), submit("#ports"), visible("#errors"))
	see("ask-fault")
	run(t, ctx, chromedp.Navigate(url+"/windows/3"), fill("#totp", "1"), submit("#totp"), visible("#errors"))
	see("approve-fault")
	f.list = append(f.list, f.window(5, "open"))
	run(t, ctx, chromedp.Navigate(url+"/"))
	see("home-two-open")
	run(t, ctx, chromedp.Navigate(url+"/audit"))
	see("strip-two-open")
	f.mode, f.synced = "kept", false
	run(t, ctx, chromedp.Navigate(url+"/"))
	see("home-kept")
	f.mode, f.synced, f.notes, f.list, f.devices = "guarding", true, nil, f.list[:1], f.devices[:2]
	run(t, ctx, chromedp.Navigate(url+"/"))
	see("home-well")
	h := serve(t, hostileFake())
	run(t, ctx, signIn(h), chromedp.Navigate(h+"/devices"))
	see("hostile")
	run(t, ctx, chromedp.Sleep(100*time.Millisecond))
}
