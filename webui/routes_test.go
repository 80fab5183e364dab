package webui_test

import (
	"net/http"
	"strings"
	"testing"

	"monban/gateway/people"
	"monban/webui"
)

// path is a route's path with something real in its places.
func path(w webui.Way) string {
	p := strings.NewReplacer("{$}", "", "{id}", "3").Replace(w.Path)
	return p
}

func TestNobodyWithoutAccount(t *testing.T) {
	f := busyFake()
	open := map[string]bool{}
	for _, way := range webui.Ways(webui.Options{Gateway: f}) {
		c := newClient(t, newPage(t, f))
		if way.Act == webui.Anyone {
			open[way.Method+" "+way.Path] = true
			continue
		}
		status, to := c.read(c.do(way.Method, path(way), nil))
		if status != http.StatusSeeOther || !strings.HasPrefix(to, "/signin") {
			t.Errorf("%s %s: %d %s", way.Method, way.Path, status, to)
		}
	}
	if f.acts != 0 {
		t.Errorf("%d things changed", f.acts)
	}
	// What needs no account is written down here too, so that one more is noticed.
	for _, want := range []string{"GET /alive", "GET /monban-ca.cer", "GET /setup", "POST /setup", "GET /setup/factor", "POST /setup/factor",
		"GET /signin", "POST /signin", "GET /join", "POST /join", "GET /join/factor", "POST /join/factor"} {
		if !open[want] {
			t.Errorf("%s needs an account", want)
		}
		delete(open, want)
	}
	for extra := range open {
		t.Errorf("%s needs no account", extra)
	}
}

func TestNoFormFromElsewhere(t *testing.T) {
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"},
		{"Sec-Fetch-Site": "same-site"},
		{"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "", "Origin": "null"},
	} {
		f := busyFake()
		c := in(t, f)
		c.header = header
		n := 0
		for _, way := range webui.Ways(webui.Options{Gateway: f}) {
			if way.Method != http.MethodPost {
				continue
			}
			n++
			if status, _ := c.post(path(way), "totp", rightTOTP, "callback", "yes", "name", "x"); status != http.StatusForbidden {
				t.Errorf("POST %s with %v: %d", way.Path, header, status)
			}
		}
		if f.acts != 0 || n < 10 {
			t.Errorf("%d things changed by %d forms", f.acts, n)
		}
	}
}

func TestGetChangesNothing(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	for _, way := range webui.Ways(webui.Options{Gateway: f}) {
		if status, body := c.get(path(way) + "?name=x&totp=" + rightTOTP + "&callback=yes&why=x"); way.Method == http.MethodGet && status >= 400 && way.Path != "/monban-ca.cer" {
			t.Errorf("GET %s: %d %s", way.Path, status, body)
		} else if way.Method == http.MethodPost && status == http.StatusOK && !strings.Contains(body, "<form") {
			t.Errorf("GET %s answers", way.Path)
		}
	}
	if f.acts != 0 {
		t.Errorf("%d things changed", f.acts)
	}
}

func TestRolesAtTheDoorOfEveryRoute(t *testing.T) {
	for _, role := range []people.Role{people.Staff, people.Vendor, people.Inspector} {
		f := busyFake()
		c := in(t, f)
		f.role = role
		for _, way := range webui.Ways(webui.Options{Gateway: f}) {
			if way.Act == webui.Anyone || way.Path == "/signout" {
				continue
			}
			may := people.Actor{Role: role}.May(way.Act)
			before := f.acts
			status, _ := c.read(c.do(way.Method, path(way), nil))
			if (status == http.StatusForbidden) == may {
				t.Errorf("%s %s as %s: %d", way.Method, way.Path, role, status)
			}
			if !may && f.acts != before {
				t.Errorf("%s %s as %s changed something", way.Method, way.Path, role)
			}
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	c := in(t, newFake())
	for _, p := range []string{"/nothing", "/windows/0", "/windows/x", "/windows/-1", "/windows/99", "/debug/pprof/", "/assets/none.css", "/.git/config"} {
		if status, _ := c.get(p); status != http.StatusNotFound {
			t.Errorf("%s: %d", p, status)
		}
	}
	for _, m := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace} {
		if status, _ := c.read(c.do(m, "/windows/3", nil)); status < 400 {
			t.Errorf("%s: %d", m, status)
		}
	}
}
