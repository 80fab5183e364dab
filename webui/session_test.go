package webui_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"monban/gateway/text"
	"monban/webui"
)

func TestSessionCookie(t *testing.T) {
	c := in(t, newFake())
	c.post("/signin", "name", "山田 花子", "password", rightPassword, "code", rightTOTP)
	var found bool
	for _, k := range c.set {
		if k.Name != "__Host-monban" {
			continue
		}
		found = true
		if !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" || !k.Expires.IsZero() {
			t.Errorf("%+v", k)
		}
		if len(k.Value) < 22 {
			t.Errorf("token of %d signs", len(k.Value))
		}
	}
	if !found {
		t.Error("no session cookie")
	}
}

// A token from before the sign-in, perhaps planted, is worth nothing after it.
func TestTokenIsRenewedAtSignIn(t *testing.T) {
	f := newFake()
	f.director.ID = 0
	c := newClient(t, newPage(t, f))
	if status, to := c.post("/setup", "code", rightCode, "name", "山田 花子", "password", rightPassword, "again", rightPassword); to != "/setup/factor" {
		t.Fatalf("%d %s", status, to)
	}
	before := c.cookies["__Host-monban"]
	if _, to := c.post("/setup/factor", "totp", rightTOTP); to != "/recovery" {
		t.Fatal(to)
	}
	after := c.cookies["__Host-monban"]
	if before == "" || after == "" || before == after {
		t.Fatalf("token %q then %q", before, after)
	}
	c.cookies["__Host-monban"] = before
	if _, to := c.get("/"); to != "/signin" {
		t.Errorf("the old token leads to %s", to)
	}
}

func TestSessionEnds(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	start := func() (*fake, *client, *time.Time) {
		at := now
		f := newFake()
		f.now = func() time.Time { return at }
		return f, in(t, f), &at
	}
	t.Run("after 30 idle minutes", func(t *testing.T) {
		_, c, at := start()
		for range 5 {
			*at = at.Add(29 * time.Minute)
			if status, _ := c.get("/"); status != http.StatusOK {
				t.Fatalf("ended in use: %d", status)
			}
		}
		*at = at.Add(31 * time.Minute)
		if _, to := c.get("/"); to != "/signin" {
			t.Errorf("leads to %s", to)
		}
	})
	t.Run("an open page alone does not keep it", func(t *testing.T) {
		_, c, at := start()
		c.header["Monban-Live"] = "1"
		for range 31 {
			*at = at.Add(time.Minute)
			c.get("/")
		}
		if status, _ := c.read(c.do(http.MethodGet, "/", nil)); status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
	})
	t.Run("somebody who types keeps it", func(t *testing.T) {
		_, c, at := start()
		c.header["Monban-Live"] = "typing"
		for range 31 {
			*at = at.Add(time.Minute)
			c.get("/")
		}
		if status, _ := c.get("/"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	})
	t.Run("when the clock is set back far", func(t *testing.T) {
		_, c, at := start()
		*at = at.Add(-time.Hour)
		if _, to := c.get("/"); to != "/signin" {
			t.Errorf("leads to %s", to)
		}
	})
	t.Run("when the person is taken away", func(t *testing.T) {
		f, c, _ := start()
		f.gone = true
		if _, to := c.get("/"); to != "/signin" {
			t.Errorf("leads to %s", to)
		}
		f.gone = false
		if _, to := c.get("/"); to != "/signin" {
			t.Errorf("comes back to life: %s", to)
		}
	})
	t.Run("at sign-out", func(t *testing.T) {
		_, c, _ := start()
		token := c.cookies["__Host-monban"]
		if _, to := c.post("/signout"); to != "/signin" {
			t.Fatal(to)
		}
		c.cookies["__Host-monban"] = token
		if _, to := c.get("/"); to != "/signin" {
			t.Errorf("leads to %s", to)
		}
	})
}

// Nobody learns which part of a sign-in was wrong.
func TestSignInSaysNothing(t *testing.T) {
	var said []string
	for _, try := range [][2]string{{"wrong password here", rightTOTP}, {rightPassword, "000000"}, {"", ""}} {
		c := newClient(t, newPage(t, newFake()))
		status, body := c.post("/signin", "name", "山田 花子", "password", try[0], "code", try[1])
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%v: %d", try, status)
		}
		if try[0] != "" && strings.Contains(body, try[0]) {
			t.Error("the password comes back")
		}
		said = append(said, body[strings.Index(body, `role="alert"`):])
	}
	if said[0] != said[1] || said[1] != said[2] {
		t.Error("the answers differ")
	}
}

func TestSetUpIsClosedForEver(t *testing.T) {
	c := newClient(t, newPage(t, newFake()))
	for _, p := range []string{"/setup", "/setup/factor"} {
		if _, to := c.get(p); !strings.HasPrefix(to, "/s") {
			t.Errorf("%s: %s", p, to)
		}
	}
	if _, to := c.post("/setup", "code", rightCode, "name", "x", "password", rightPassword, "again", rightPassword); to != "/signin" {
		t.Error(to)
	}
	if _, to := c.post("/setup/factor", "totp", rightTOTP); to != "/setup" {
		t.Error(to)
	}
}

// The recovery codes are there until they are put away, and then nowhere.
func TestRecoveryCodesOnce(t *testing.T) {
	f := newFake()
	f.director.ID = 0
	c := newClient(t, newPage(t, f))
	c.post("/setup", "code", rightCode, "name", "山田 花子", "password", rightPassword, "again", rightPassword)
	c.post("/setup/factor", "totp", rightTOTP)
	for range 2 {
		if _, body := c.get("/recovery"); strings.Count(body, "abcde-fgh12") != 10 {
			t.Error("no codes")
		}
	}
	c.post("/recovery")
	if _, to := c.get("/recovery"); to != "/" {
		t.Errorf("still there: %s", to)
	}
}

func TestFlashIsSaidOnceAndNotToTheScript(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	c.post("/windows/4/close")
	c.header["Monban-Live"] = "1"
	if _, body := c.get("/windows/4"); strings.Contains(body, "切りました") {
		t.Error("the script took it")
	}
	delete(c.header, "Monban-Live")
	if _, body := c.get("/windows/4"); !strings.Contains(body, "つながっていた通信 2 本を切りました") {
		t.Error("not said")
	}
	if _, body := c.get("/windows/4"); strings.Contains(body, "切りました") {
		t.Error("said twice")
	}
}

// fullDisk is a session store that takes nothing.
type fullDisk struct {
	scs.Store
	full bool
}

func (d *fullDisk) Commit(token string, b []byte, expiry time.Time) error {
	if d.full {
		return errors.New("no space left on device")
	}
	return d.Store.Commit(token, b, expiry)
}

func (d *fullDisk) Delete(token string) error {
	if d.full {
		return errors.New("no space left on device")
	}
	return d.Store.Delete(token)
}

// A full disk keeps nobody from closing a window, nor a sign-out from ending
// the session, also when the disk has room again.
func TestFullDisk(t *testing.T) {
	f := busyFake()
	d := &fullDisk{Store: memstore.NewWithCleanupInterval(0)}
	h, err := webui.New(webui.Options{Gateway: f, Sessions: d, Log: slog.New(slog.DiscardHandler),
		Names: func() []string { return []string{"monban.home.arpa"} }})
	if err != nil {
		t.Fatal(err)
	}
	door := func(c *client) {
		c.post("/signin", "name", "山田 花子", "password", rightPassword, "code", rightTOTP)
	}
	before := newClient(t, h)
	door(before)
	d.full = true
	if status, to := before.post("/windows/4/close"); to != "/windows/4" {
		t.Fatalf("closing: %d %s", status, to)
	}
	if _, body := before.get("/windows/4"); !strings.Contains(body, "切りました") {
		t.Error("what was done is not said")
	}
	token := before.cookies["__Host-monban"]
	if _, to := before.post("/signout"); to != "/signin" {
		t.Errorf("sign-out: %s", to)
	}
	during := newClient(t, h)
	door(during)
	if status, _ := during.get("/"); status != http.StatusOK {
		t.Errorf("sign-in: %d", status)
	}
	d.full = false
	before.cookies["__Host-monban"] = token
	if _, to := before.get("/"); to != "/signin" {
		t.Errorf("the ended session leads to %s", to)
	}
}

// A store that cannot be read for a moment signs nobody out.
func TestLostStoreEndsNoSession(t *testing.T) {
	f := newFake()
	c := in(t, f)
	f.lost = text.NewFault("store.broken")
	if status, _ := c.get("/"); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	f.lost = nil
	if status, _ := c.get("/"); status != http.StatusOK {
		t.Errorf("afterwards %d", status)
	}
}
