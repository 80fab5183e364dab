package main

import (
	"crypto/tls"
	"encoding/base32"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"monban/gateway/lab"
	"monban/gateway/people"
)

// A desk is somebody at the page: a browser's cookies, forms by HTTPS, and the
// authenticator.
type desk struct {
	c       *clinic
	http    *http.Client
	name    string
	secret  []byte
	step    int64     // of the last one-time code used
	stepped time.Time // when it was
	ahead   time.Duration
}

// visitor is somebody at the page who has no account.
func (c *clinic) visitor() *desk {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	d := &desk{c: c, http: &http.Client{Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 16}}}
	c.t.Cleanup(d.http.CloseIdleConnections)
	return d
}

// director makes the first account.
func (c *clinic) director() *desk {
	c.t.Helper()
	d := c.visitor()
	d.name = "院長 山田"
	d.must("/setup", "/setup/factor", "code", c.SetupCode, "name", d.name, "password", password, "again", password)
	text := d.get("/setup/factor")
	m := regexp.MustCompile(`class="secret"[^>]*>([A-Z2-7 ]+)<`).FindStringSubmatch(text)
	if m == nil {
		c.t.Fatalf("no secret on the page:\n%s", text)
	}
	var err error
	if d.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", "")); err != nil {
		c.t.Fatal(err)
	}
	d.must("/setup/factor", "/recovery", "totp", d.code())
	d.must("/recovery", "/")
	return d
}

// now is the gateway's time.
func (d *desk) now() time.Time { return time.Now().Add(d.ahead) }

// code is a one-time code that was not used yet. One of the next step is good
// already; for more, the gateway's clock goes on by a step.
func (d *desk) code() string {
	d.c.t.Helper()
	const step = 30
	if d.step > d.now().Unix()/step {
		d.moveClock(d.ahead+step*time.Second, false)
	}
	d.step = max(d.step+1, d.now().Unix()/step)
	d.stepped = d.now()
	code, err := people.TOTPCode(d.secret, time.Unix(d.step*step, 0))
	if err != nil {
		d.c.t.Fatal(err)
	}
	return code
}

// post sends a form and returns where it leads, or the page that came back.
func (d *desk) post(path string, kv ...string) (to, text string, err error) {
	form := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	res, err := d.http.PostForm(strings.TrimSuffix(d.c.URL, "/")+path, form)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.Header.Get("Location"), string(b), err
}

// must is post for what must lead somewhere.
func (d *desk) must(path, want string, kv ...string) {
	d.c.t.Helper()
	to, text, err := d.post(path, kv...)
	if err != nil || to != want {
		d.c.t.Fatalf("POST %s: %v, to %q, not %q\n%s", path, err, to, want, sentences(text))
	}
}

func (d *desk) get(path string) string {
	d.c.t.Helper()
	res, err := d.http.Get(strings.TrimSuffix(d.c.URL, "/") + path)
	if err != nil {
		d.c.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.c.t.Fatalf("GET %s: %d %v", path, res.StatusCode, err)
	}
	return string(b)
}

// sentences are a page's words.
func sentences(page string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<(style|script)[^>]*>[^<]*|<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// stepUp signs in again if the second factor is about to grow old.
func (d *desk) stepUp() {
	d.c.t.Helper()
	if d.now().Sub(d.stepped).Abs() > 4*time.Minute {
		d.signIn()
	}
}

// signIn begins a new session, which counts as a second factor just given.
func (d *desk) signIn() {
	d.c.t.Helper()
	d.must("/signin", "/", "name", d.name, "password", password, "code", d.code())
}

// approve answers a request with yes and reports whether the page took it.
func (d *desk) approve(id int64, more ...string) (ok bool, text string) {
	to, text, err := d.post(fmt.Sprintf("/windows/%d/approve", id), append([]string{"callback", "yes"}, more...)...)
	if err != nil {
		return false, err.Error()
	}
	return to == fmt.Sprintf("/windows/%d", id), sentences(text)
}

// approved is approve for what must be taken.
func (d *desk) approved(id int64, more ...string) {
	d.c.t.Helper()
	if ok, text := d.approve(id, more...); !ok {
		d.c.t.Fatalf("window %d was not approved:\n%s", id, text)
	}
}

// moveClock sets the gateway's clock ahead of this machine's. A session does
// not survive more than some minutes of that.
func (d *desk) moveClock(ahead time.Duration, unsynced bool) {
	d.c.t.Helper()
	if err := lab.SetClock(d.c.dir, lab.Clock{Ahead: ahead, Unsynced: unsynced}); err != nil {
		d.c.t.Fatal(err)
	}
	d.ahead = ahead
}
