package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// fakeKernel opens whatever it is told and holds it. What it has not, nothing
// here calls.
type fakeKernel struct {
	gateway.Firewall
	rules string
	live  []kernel.Live
}

func (k *fakeKernel) Apply(rs firewall.Ruleset) error { k.rules = rs.String(); return nil }
func (k *fakeKernel) Read() (string, error)           { return k.rules, nil }
func (k *fakeKernel) OpenWindow(o firewall.Opening) (kernel.Live, error) {
	k.live = append(k.live, kernel.Live{Mark: o.Mark, Left: o.For, Passes: o.Passes})
	return k.live[len(k.live)-1], nil
}
func (k *fakeKernel) CloseWindow(m firewall.Mark) (int, error) {
	k.live = slices.DeleteFunc(k.live, func(l kernel.Live) bool { return l.Mark == m })
	return 0, nil
}
func (k *fakeKernel) Live() ([]kernel.Live, error)       { return slices.Clone(k.live), nil }
func (k *fakeKernel) Counts() (kernel.Counts, error)     { return kernel.Counts{}, nil }
func (k *fakeKernel) Sweep() (int, error)                { return 0, nil }
func (k *fakeKernel) DropStale() error                   { return nil }
func (k *fakeKernel) Forget(firewall.Mark) error         { return nil }
func (k *fakeKernel) Flows() ([]firewall.Flow, error)    { return nil, nil }
func (k *fakeKernel) Attempts() ([]firewall.Try, error)  { return nil, nil }
func (k *fakeKernel) Around() ([]firewall.Detour, error) { return nil, nil }
func (k *fakeKernel) WatchFlows(ctx context.Context, _ func(firewall.Flow)) error {
	<-ctx.Done()
	return nil
}
func (k *fakeKernel) WatchAttempts(ctx context.Context, _ func(firewall.Sample)) error {
	<-ctx.Done()
	return nil
}
func (k *fakeKernel) WatchForeign(ctx context.Context, _ func()) error { <-ctx.Done(); return nil }

var noon = time.Date(2027, 3, 2, 3, 0, 0, 0, time.UTC)

// fallen fails the test when a task of the gateway fell, by a call that the
// fake does not have, say: the others would only wait for it.
type fallen struct{ t *testing.T }

func (f fallen) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("task restarts")) {
		f.t.Errorf("the gateway: %s", b)
	}
	return len(b), nil
}

// guarding runs a gateway with the shipped example until the test ends. Its
// receipt computer stands in the database from an earlier run.
func guarding(t *testing.T) *gateway.Gateway {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site.toml"), config.Example, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() (*store.DB, error) { return store.Open(filepath.Join(dir, "monban.db"), store.Options{}) }
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutDevices(t.Context(), rececom(), nil); err != nil {
		t.Fatal(err)
	}
	db.Close()
	ready := make(chan struct{})
	g, err := gateway.New(gateway.Options{
		Config: filepath.Join(dir, "site.toml"), State: dir, Firewall: &fakeKernel{}, Store: open,
		LocalAddrs: func(string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("203.0.113.10")}, nil },
		Clock: gateway.Clock{Wall: func() time.Time { return noon }, Boot: func() time.Duration { return time.Hour },
			Synced: func() bool { return true }},
		BootID: "boot-1", Version: "test", Log: slog.New(slog.NewTextHandler(fallen{t}, nil)), Ready: func() { close(ready) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	<-ready
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g
}

// serving is a guarding gateway on a real socket.
func serving(t *testing.T) Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "monban.sock")
	// What a killed daemon left behind is in nobody's way.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket is open to others: %v, %v", fi.Mode(), err)
	}
	g := guarding(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, g) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return Client{Path: path}
}

// What others of this process make meanwhile keeps its mode.
func TestListenIsNobodyElsesBusiness(t *testing.T) {
	old := syscall.Umask(0o022)
	t.Cleanup(func() { syscall.Umask(old) })
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	made := make(chan error, 1)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			name := filepath.Join(dir, fmt.Sprint(n))
			if err := os.Mkdir(name, 0o755); err != nil {
				made <- err
				return
			}
			switch fi, err := os.Stat(name); {
			case err != nil:
				made <- err
				return
			case fi.Mode().Perm() != 0o755:
				made <- fmt.Errorf("a directory made meanwhile is %v", fi.Mode())
				return
			}
			os.Remove(name)
		}
		made <- nil
	}()
	path := filepath.Join(dir, "monban.sock")
	for range 1000 {
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	stop()
	if err := <-made; err != nil {
		t.Error(err)
	}
}

func ask(ports ...uint16) gateway.Ask {
	a := gateway.Ask{Vendor: "rececom-hoshu", Device: "rececom", Length: 20 * time.Second, Reason: "障害対応"}
	for _, p := range ports {
		a.Ports = append(a.Ports, window.Port{Proto: window.TCP, Port: p})
	}
	return a
}

// Scripts go by these names; they never change.
func TestContract(t *testing.T) {
	c := serving(t)
	var w map[string]any
	if err := c.Post(t.Context(), "/windows", ask(3389), &w); err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]any{"id": 1.0, "state": "open", "mark": 1.0, "ends": "2027-03-02T03:00:20Z", "break_glass": true,
		"left": float64(20 * time.Second), "vendor": "rececom-hoshu", "device_name": "レセコン", "requester": "root", "length": float64(20 * time.Second)} {
		if field == "requester" && os.Geteuid() != 0 {
			continue
		}
		if w[field] != value {
			t.Errorf("%s is %v, want %v", field, w[field], value)
		}
	}
	if by, _ := w["recorder"].(map[string]any); by["role"] != "console" || by["via"] != "socket" {
		t.Errorf("recorded by %v", w["recorder"])
	}
	for path, fields := range map[string]string{
		"/windows/1": "id state mark ends left ways passed dead sources ports reason closed_at how",
		"/status":    "mode clinic version notes rules_ok rules_read_at clock_synced now open waiting devices unnamed dns audit_head audit_count last_proof",
		"/checklist": "edition items", "/audit/check": "head count bad at",
	} {
		var v map[string]any
		if err := c.Get(t.Context(), path, &v); err != nil {
			t.Fatal(path, err)
		}
		for _, f := range strings.Fields(fields) {
			if _, ok := v[f]; !ok {
				t.Errorf("%s has no %s", path, f)
			}
		}
	}
	for path, fields := range map[string]string{
		"/windows": "id state mark ends", "/devices": "id name label named_by mac maker random addrs first_seen last_seen present",
		"/audit": "seq at synced who role via code hash", "/audit?limit=1": "seq",
	} {
		var v []map[string]any
		if err := c.Get(t.Context(), path, &v); err != nil || len(v) == 0 {
			t.Fatal(path, v, err)
		}
		for _, f := range strings.Fields(fields) {
			if _, ok := v[0][f]; !ok {
				t.Errorf("%s has no %s", path, f)
			}
		}
		if strings.HasSuffix(path, "limit=1") && len(v) != 1 {
			t.Errorf("%s gives %d", path, len(v))
		}
	}
	if err := c.Post(t.Context(), "/windows/1/close", nil, &w); err != nil || w["state"] != "closed" || w["how"] != "closed" {
		t.Error(w["state"], w["how"], err)
	}
	var devices []gateway.Device
	if err := c.Get(t.Context(), "/devices", &devices); err != nil {
		t.Fatal(err)
	}
	if err := c.Post(t.Context(), fmt.Sprintf("/devices/%d/name", devices[0].ID), map[string]string{"name": "会計"}, nil); err != nil {
		t.Error(err)
	}
	var lines []gateway.AuditLine
	if err := c.Get(t.Context(), "/audit", &lines); err != nil || lines[0].Code != "device.named" || lines[0].Via != "socket" {
		t.Errorf("who used the socket is not on record: %+v, %v", lines[0], err)
	}
	var check gateway.AuditCheck
	if err := c.Get(t.Context(), "/audit/check", &check); err != nil || check.Bad != 0 {
		t.Fatal(check, err)
	}
	if err := c.Get(t.Context(), fmt.Sprintf("/audit/check?against=%s:%d", check.Head, check.Count), &check); err != nil || check.Bad != 0 || check.Why != "" {
		t.Error(check, err)
	}
}

// What is wrong comes back as the Fault it was, with field and places.
func TestFaultsRoundTrip(t *testing.T) {
	c := serving(t)
	for _, x := range []struct {
		path        string
		in          any // nil: GET
		code, field string
	}{
		{"/windows", gateway.Ask{Vendor: "acme", Device: "rececom"}, "window.vendor_unknown", "vendor"},
		{"/windows", gateway.Ask{Vendor: "rececom-hoshu", Device: "fax"}, "device.unknown", "device"},
		{"/windows", map[string]any{"vendor": "acme", "approve": true}, "control.bad_request", ""},
		{"/windows", "open", "control.bad_request", ""},
		{"/windows/99", nil, "window.unknown", ""},
		{"/windows/x", nil, "window.unknown", ""},
		{"/windows/x/close", struct{}{}, "window.unknown", ""},
		{"/devices/x/name", map[string]string{"name": "a"}, "device.unknown", ""},
		{"/devices/99/name", map[string]string{"name": "a"}, "device.unknown", ""},
		{"/audit/check?against=rubbish", nil, "audit.bad_head", "against"},
		{"/dns/explain?name=a.example&client=here", nil, "dns.bad_client", "client"},
		{"/dns/explain?name=a.example", nil, "dns.off", ""},
		{"/selftest", struct{}{}, "selftest.not_here", ""},
	} {
		var err error
		if x.in == nil {
			err = c.Get(t.Context(), x.path, nil)
		} else {
			err = c.Post(t.Context(), x.path, x.in, nil)
		}
		var f *text.Fault
		if !errors.As(err, &f) || f.Code != x.code || f.Field != x.field {
			t.Errorf("%s %v: %v", x.path, x.in, err)
		}
	}
	err := c.Post(t.Context(), "/windows", gateway.Ask{Vendor: "acme", Device: "rececom"}, nil)
	var f *text.Fault
	if errors.As(err, &f); f == nil || f.Args["vendor"] != "acme" {
		t.Errorf("the places of the sentence are lost: %v", err)
	}
	err = Client{Path: filepath.Join(t.TempDir(), "none")}.Get(t.Context(), "/status", nil)
	if !errors.As(err, &f) || f.Code != "control.no_daemon" {
		t.Error(err)
	}
	// What is no answer of ours is an error, and never a success.
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Listener.Close()
	path := filepath.Join(t.TempDir(), "other.sock")
	if srv.Listener, err = net.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer srv.Close()
	if err := (Client{Path: path}).Post(t.Context(), "/windows/1/close", nil, nil); err == nil {
		t.Error("a stranger's answer counts as done")
	}
}

// as calls the handler as somebody with that user id.
func as(h http.Handler, cred *unix.Ucred, method, path string, body io.Reader) (int, answer) {
	r := httptest.NewRequest(method, path, body)
	if cred != nil {
		r = r.WithContext(context.WithValue(r.Context(), peerKey{}, *cred))
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	var a answer
	json.Unmarshal(rec.Body.Bytes(), &a)
	return rec.Code, a
}

// Nobody but root and the service user gets a word out of it, on no path.
func TestPeers(t *testing.T) {
	h := Handler(guarding(t))
	self := uint32(os.Geteuid())
	for _, path := range []string{"GET /status", "GET /windows", "GET /windows/1", "POST /windows", "POST /windows/1/close", "GET /devices",
		"POST /devices/1/name", "GET /checklist", "POST /selftest", "GET /audit", "GET /audit/check", "GET /dns/explain"} {
		method, path, _ := strings.Cut(path, " ")
		for name, cred := range map[string]*unix.Ucred{"another user": {Uid: self + 1000, Pid: 1}, "nobody known": nil} {
			code, a := as(h, cred, method, path, strings.NewReader("{}"))
			if code == http.StatusOK || a.Fault == nil || a.Fault.Code != "control.not_you" || a.Value != nil {
				t.Errorf("%s %s as %s: %d %+v", method, path, name, code, a)
			}
		}
	}
	for _, uid := range []uint32{0, self} {
		if code, a := as(h, &unix.Ucred{Uid: uid}, "GET", "/status", nil); code != http.StatusOK || a.Value == nil {
			t.Errorf("as uid %d: %d %+v", uid, code, a)
		}
	}
	// Reading changes nothing, whatever is called.
	for _, path := range []string{"/windows/1/close", "/devices/1/name", "/selftest"} {
		if code, _ := as(h, &unix.Ucred{}, "GET", path, nil); code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, code)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	h := Handler(guarding(t))
	body := func(n int) io.Reader {
		return bytes.NewReader(fmt.Appendf(nil, `{"vendor":%q}`, strings.Repeat("x", n)))
	}
	if _, a := as(h, &unix.Ucred{}, "POST", "/windows", body(maxBody)); a.Fault == nil || a.Fault.Code != "control.bad_request" {
		t.Errorf("a body above the limit: %+v", a)
	}
	if _, a := as(h, &unix.Ucred{}, "POST", "/windows", body(1000)); a.Fault != nil && a.Fault.Code == "control.bad_request" {
		t.Errorf("a body below it: %+v", a)
	}
}

const childEnv = "MONBAN_TEST_CONTROL"

// Another user's process is refused by what the kernel says of it, even where
// the socket's mode lets it connect.
func TestOtherUser(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		err := Client{Path: path}.Get(t.Context(), "/status", nil)
		var f *text.Fault
		if os.Geteuid() == 0 || !errors.As(err, &f) || f.Code != "control.not_you" {
			t.Fatalf("as uid %d: %v", os.Geteuid(), err)
		}
		return
	}
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root to become somebody else")
		}
		t.Skip("needs root to become somebody else")
	}
	c := serving(t)
	for dir := c.Path; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(filepath.Dir(c.Path), "child") // where the other user can reach it
	if err := os.WriteFile(bin, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-test.run=^TestOtherUser$")
	cmd.Dir = filepath.Dir(c.Path)
	cmd.Env = append(os.Environ(), childEnv+"="+c.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := c.Get(t.Context(), "/status", nil); err != nil {
		t.Error("and root:", err)
	}
}
