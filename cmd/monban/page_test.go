package main

import (
	"context"
	"encoding/base32"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/window"
)

func do(t testing.TB, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var where, body string
		look, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		_ = chromedp.Run(look, chromedp.Location(&where), chromedp.Text("body", &body, chromedp.ByQuery))
		t.Fatalf("%v at %s:\n%s", err, where, body)
	}
}

// shot keeps a picture for whoever wants to look: MONBAN_SHOTS names where.
func shot(t testing.TB, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("MONBAN_SHOTS")
	if dir == "" {
		return
	}
	var b []byte
	do(t, ctx, chromedp.FullScreenshot(&b, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

const password = "ume no hana ga saita 2026"

// joins makes an account at path with a code, and returns its secret. The
// browser is signed in afterwards.
func (c *clinic) joins(ctx context.Context, path, code, name string) []byte {
	c.t.Helper()
	var shown string
	do(c.t, ctx,
		chromedp.Navigate(strings.TrimSuffix(c.URL, "/")+path),
		chromedp.SendKeys("#code", code, chromedp.ByQuery), chromedp.SendKeys("#name", name, chromedp.ByQuery),
		chromedp.SendKeys("#password", password, chromedp.ByQuery), chromedp.SendKeys("#again", password, chromedp.ByQuery),
		chromedp.Submit("#code", chromedp.ByQuery),
		chromedp.WaitVisible("#totp", chromedp.ByQuery), chromedp.Text(".secret", &shown, chromedp.ByQuery))
	shot(c.t, ctx, "factor")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.Join(strings.Fields(shown), ""))
	if err != nil {
		c.t.Fatalf("secret %q: %v", shown, err)
	}
	do(c.t, ctx, chromedp.SendKeys("#totp", c.totp(secret, 0), chromedp.ByQuery), chromedp.Submit("#totp", chromedp.ByQuery),
		chromedp.WaitVisible(".codes", chromedp.ByQuery))
	shot(c.t, ctx, "recovery")
	do(c.t, ctx, chromedp.Click("main form button", chromedp.ByQuery), chromedp.WaitVisible("nav", chromedp.ByQuery))
	visit(c.t, ctx, c.URL) // the way home may still be going on
	return secret
}

// totp is what the authenticator shows some steps from now.
func (c *clinic) totp(secret []byte, steps int) string {
	c.t.Helper()
	code, err := people.TOTPCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		c.t.Fatal(err)
	}
	return code
}

// The director asks for a window on the page and approves it there; the
// vendor then exchanges data with that one port, nobody reaches anything else,
// and the end comes by itself.
func TestDirectorApprovesOnThePage(t *testing.T) {
	for name, js := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			ctx := browser(t, js)
			secret := c.joins(ctx, "/setup", c.SetupCode, "院長 山田")
			shot(t, ctx, "home")
			visit(t, ctx, c.URL+"windows/new?kind=inbound")
			do(t, ctx,
				chromedp.Click(`input[name=vendor]`, chromedp.ByQuery),
				chromedp.SendKeys("#requester", "保守 太郎", chromedp.ByQuery),
				chromedp.SetValue("#device", c.Hosts["rececom"].MAC, chromedp.ByQuery),
				chromedp.SendKeys("#ports", "3389", chromedp.ByQuery),
				chromedp.SendKeys("#length_other", "20s", chromedp.ByQuery),
				chromedp.SendKeys("#reason", "帳票の設定を直す", chromedp.ByQuery))
			shot(t, ctx, "ask")
			do(t, ctx, chromedp.Submit("#reason", chromedp.ByQuery), chromedp.WaitVisible("#callback", chromedp.ByQuery))
			shot(t, ctx, "approve")
			if _, ok := c.reach("vendor", "tcp", c.wan(3389)); ok {
				t.Fatal("asking opened something")
			}
			do(t, ctx, chromedp.Click("#callback", chromedp.ByQuery), chromedp.SendKeys("#totp", c.totp(secret, 1), chromedp.ByQuery),
				chromedp.Click(`form[action$="/approve"] button`, chromedp.ByQuery), chromedp.WaitVisible(`form[action$="/close"]`, chromedp.ByQuery))
			shot(t, ctx, "open")
			k := c.talk("vendor", "tcp", c.wan(3389))
			k.wait(20, "echo")
			var ws []gateway.Window
			c.ask(&ws, "window", "list")
			if len(ws) != 1 || ws[0].State != window.Open || ws[0].Length != 20*time.Second {
				t.Fatalf("the windows are %+v", ws)
			}
			for _, to := range []string{c.wan(443), c.wan(5432), c.addr("ehr", true, 5432)} {
				if _, ok := c.reach("vendor", "tcp", to); ok {
					t.Errorf("the vendor reaches %s", to)
				}
			}
			if _, ok := c.reach("stranger", "tcp", c.wan(3389)); ok {
				t.Error("the stranger gets in")
			}
			time.Sleep(time.Until(ws[0].Ends.Add(time.Second)))
			if last, _ := k.last("echo", "heard"); last.Sub(ws[0].Ends) > cutWithin || ws[0].Ends.Sub(last) > cutWithin {
				t.Errorf("the last packet came %v after the end", last.Sub(ws[0].Ends))
			}
			for _, page := range []string{"windows/1", "windows/1/evidence", "", "devices", "checklist", "audit", "windows", "windows/new", "requests",
				"plans", "vendors", "break-glass", "break-glass/codes", "attempts", "windows/month", "windows/close-all", "settings/notices", "people"} {
				visit(t, ctx, c.URL+page)
				shot(t, ctx, "page-"+strings.ReplaceAll(page, "/", "-"))
			}
			c.verified()
		})
	}
}

// visit goes to a page. A page that renews itself may do so just then, which
// ends the visit; the next one gets there.
func visit(t testing.TB, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Run(ctx, chromedp.Navigate(url), chromedp.WaitVisible("h1", chromedp.ByQuery)); err != nil {
		do(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("h1", chromedp.ByQuery))
	}
}

// The page is not there for anybody outside, whatever name he asks for.
func TestPageIsInsideOnly(t *testing.T) {
	c := open(t)
	for _, a := range c.WAN {
		for _, port := range []string{"443", "80", "53"} {
			if _, ok := c.reach("vendor", "tcp", net.JoinHostPort(a.String(), port)); ok {
				t.Errorf("%s answers outside", net.JoinHostPort(a.String(), port))
			}
		}
	}
}
