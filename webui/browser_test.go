package webui_test

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium starts a browser, or says why there is none: in CI that is a
// failure, elsewhere a skip.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-headless-shell", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium: apt-get install chromium")
		}
		t.Skip("no Chromium: apt-get install chromium")
	}
	ctx := start(t, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("lang", "ja"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"))
	ctx, stop := context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(stop)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// start starts a browser that keeps all its files in a directory of its own,
// and is gone with them when the test ends. (In t.Context it would be killed
// with its files about, and a test's own directory has too long a name for its
// socket.)
func start(t *testing.T, opts ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	opts = slices.Concat(chromedp.DefaultExecAllocatorOptions[:], opts,
		[]chromedp.ExecAllocatorOption{chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR=" + dir)})
	alloc, kill := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc, chromedp.WithLogf(log.New(testLog{t}, "", 0).Printf))
	t.Cleanup(func() {
		if c := chromedp.FromContext(ctx); c.Browser != nil {
			late := time.AfterFunc(10*time.Second, kill)
			_ = chromedp.Cancel(ctx) // it may have died, or been killed for the delay
			late.Stop()
			c.Allocator.Wait()
		}
		kill()
		err := os.RemoveAll(dir)
		for range 100 { // its helpers may live a little longer, and write
			if _, gone := os.Stat(dir); err == nil && errors.Is(gone, fs.ErrNotExist) {
				return
			}
			time.Sleep(50 * time.Millisecond)
			err = os.RemoveAll(dir)
		}
		t.Errorf("the browser leaves files in %s: %v", dir, err)
	})
	return ctx
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// serve starts the page by TLS.
func serve(t *testing.T, f *fake) string {
	t.Helper()
	srv := httptest.NewTLSServer(newPage(t, f))
	t.Cleanup(srv.Close)
	return srv.URL
}

// run does things in the browser or ends the test, and says where it stood.
func run(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	soon, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	err := chromedp.Run(soon, actions...)
	if err == nil {
		return
	}
	var at, body string
	if e := chromedp.Run(ctx, chromedp.Evaluate(`location.href`, &at), chromedp.Evaluate(`document.body.innerText`, &body)); e != nil {
		t.Logf("nor could the page be read: %v", e)
	}
	t.Fatalf("%v\nat %s:\n%s", err, at, body)
}

// The selectors are CSS: chromedp's own default also searches the text.

func visible(css string) chromedp.Action { return chromedp.WaitVisible(css, chromedp.ByQuery) }

func fill(css, with string) chromedp.Action { return chromedp.SendKeys(css, with, chromedp.ByQuery) }

func submit(css string) chromedp.Action { return chromedp.Submit(css, chromedp.ByQuery) }

func signIn(url string) chromedp.Tasks {
	return chromedp.Tasks{
		chromedp.Navigate(url + "/signin"),
		fill("#name", "山田 花子"),
		fill("#password", rightPassword),
		fill("#code", rightTOTP),
		submit("#code"),
		visible(`form[action="/signout"]`), // not the h1 of the page that is left
	}
}

// look takes a picture of the page at two widths and on paper, if MONBAN_SHOTS names a
// directory to keep them in.
func look(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("MONBAN_SHOTS")
	if dir == "" {
		return
	}
	for _, w := range []int64{1280, 375} {
		var b []byte
		run(t, ctx, emulation.SetDeviceMetricsOverride(w, 800, 1, w < 500), chromedp.Sleep(150*time.Millisecond),
			chromedp.ActionFunc(func(ctx context.Context) (err error) {
				b, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFromSurface(true).Do(ctx)
				if err != nil {
					return err
				}
				_, _, _, _, _, content, err := page.GetLayoutMetrics().Do(ctx)
				if err != nil {
					return err
				}
				b, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).
					WithClip(&page.Viewport{Width: float64(w), Height: content.Height, Scale: 1}).Do(ctx)
				return err
			}))
		size := "desk"
		if w < 500 {
			size = "phone"
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+size+".png"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, ctx, emulation.SetDeviceMetricsOverride(1280, 800, 1, false))
	var paper []byte
	run(t, ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		paper, _, err = page.PrintToPDF().WithPaperWidth(8.27).WithPaperHeight(11.69).Do(ctx)
		return err
	}))
	if err := os.WriteFile(filepath.Join(dir, name+".pdf"), paper, 0o644); err != nil {
		t.Fatal(err)
	}
}
