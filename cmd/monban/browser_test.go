package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browserFor is how long a test may use its browser.
const browserFor = 5 * time.Minute

// browser starts a headless Chromium, without scripts if js is false. It is
// what the reception PC has; there is no skipping. All its files are in a
// directory of its own, and gone when the test ends. (In t.Context it would be
// killed with its files about, and a test's own directory has too long a name
// for its socket.)
func browser(t *testing.T, js bool) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test needs a browser: apt-get install chromium")
	}
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	opts := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR=" + dir), chromedp.WindowSize(1280, 1000),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("host-resolver-rules", "MAP monban.home.arpa 127.0.0.1")})
	alloc, kill := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc)
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
	limited, stop := context.WithTimeout(ctx, browserFor)
	t.Cleanup(stop)
	do(t, limited, emulation.SetScriptExecutionDisabled(!js))
	return limited
}
