package webui_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"monban/gateway"
	"monban/gateway/checklist"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui"
)

// What the fake takes as right.
const (
	rightCode     = "0123-4567-89ab-cdef"
	rightPassword = "correct horse battery staple"
	rightTOTP     = "123456"
	secret        = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

// Texts as an attacker would have them.
const (
	hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	bidi    = "プリンタ\u202egnp.exe\u2066\u200b"
)

// fake is a gateway in memory, as much of one as the page can tell.
type fake struct {
	mu       sync.Mutex
	now      func() time.Time
	clinic   string
	mode     gateway.Mode
	synced   bool
	director people.Actor
	pending  string
	list     []gateway.Window
	devices  []gateway.Device
	lines    []gateway.AuditLine
	notes    []gateway.Note
	broken   error // every read fails with it
	acts     int   // how many things were changed
	role     people.Role
	gone     bool
	lost     error  // people cannot be looked up
	bad      uint64 // line of the log that does not fit
	why      string
	unread   bool             // the rules were never read
	differ   bool             // the rules are not ours
	owed     int64            // the window xray's report is missing for
	stuck    error            // closing all fails with it
	vendors  []gateway.Vendor // nil: two
	tools    []gateway.Tool   // nil: two
	asked    gateway.Ask      // the last
	aside
	nameSide
	listSide
	firmSide
	siteSide
	accountSide
}

func newFake() *fake {
	f := &fake{now: time.Now, clinic: "さくら医院", mode: gateway.Guarding, synced: true, role: people.Director}
	f.director = people.Actor{ID: 1, Name: "山田 花子", Role: people.Director, Via: "page"}
	f.devices = []gateway.Device{
		{ID: 1, Name: "rececom", Label: "レセコン", NamedBy: "site.toml", MAC: "02:00:5e:10:00:01", Maker: "Dell Inc.", Answered: true,
			Addrs:     []netip.Addr{netip.MustParseAddr("192.168.10.21"), netip.MustParseAddr("2001:db8:10::21")},
			FirstSeen: f.now().Add(-90 * 24 * time.Hour), LastSeen: f.now(), Present: true},
		{ID: 2, Name: "受付のプリンタ", NamedBy: "山田 花子", MAC: "02:00:5e:10:00:02", Maker: "Seiko Epson Corporation",
			Addrs: []netip.Addr{netip.MustParseAddr("192.168.10.40")}, FirstSeen: f.now().Add(-40 * 24 * time.Hour), LastSeen: f.now().Add(-26 * time.Hour)},
		{ID: 3, MAC: "8a:11:22:33:44:55", Random: true, FirstSeen: f.now().Add(-3 * time.Minute), LastSeen: f.now(), Present: true,
			Addrs: []netip.Addr{netip.MustParseAddr("192.168.10.77")}},
	}
	over := f.window(1, window.Closed)
	over.Report = window.Remark{Text: "帳票の設定を直しました。", By: f.director, At: over.ClosedAt}
	over.Review = window.Remark{Text: "申し込みどおり。", By: f.director, At: over.ClosedAt}
	f.list = []gateway.Window{over}
	for i := range 120 {
		f.lines = append(f.lines, gateway.AuditLine{Seq: uint64(120 - i), At: f.now().Add(-time.Duration(i) * time.Hour), Synced: i != 3,
			Who: "山田 花子", Role: "director", Via: "page", Code: "window.requested", Hash: "9f86d081884c7d659a2feaa0c55ad015",
			Args: map[string]any{"window": float64(3), "vendor": "メディカルシステム", "device": "レセコン", "ports": []any{"3389/tcp"}, "length": "1h0m0s", "reason": "月次更新"}})
	}
	return f
}

// window is one in the state given, as the gateway would show it.
func (f *fake) window(id int64, s window.State) gateway.Window {
	w := gateway.Window{VendorLabel: "メディカルシステム株式会社", VendorPhone: "03-0000-0100", DeviceName: "レセコン"}
	w.ID, w.State, w.Vendor, w.Device = id, s, "medsys", 1
	w.Sources = []netip.Prefix{netip.MustParsePrefix("203.0.113.16/28"), netip.MustParsePrefix("2001:db8:77::/48")}
	w.Ports = []window.Port{{Proto: window.TCP, Port: 3389, WAN: 3389}}
	w.Length, w.Reason, w.Requester = time.Hour, "レセプトの月次更新", "佐藤 次郎"
	w.Recorder = people.Actor{ID: 2, Name: "鈴木 一郎", Role: people.Staff, Via: "page"}
	w.RequestedAt = f.now().Add(-2 * time.Hour)
	if s == window.Open || s == window.Closed {
		w.Mark, w.OpenAt, w.Synced = 7, f.now().Add(-10*time.Minute), true
		w.EndAt, w.OpenBoot, w.EndBoot = w.OpenAt.Add(w.Length), 50*time.Hour, 50*time.Hour+w.Length
		w.Approver, w.ApprovedAt = f.director, w.OpenAt
		w.Sessions = []window.Session{{Window: id, Mark: 7, Proto: window.TCP, Source: netip.MustParseAddrPort("203.0.113.20:51515"),
			Target: netip.MustParseAddrPort("192.168.10.21:3389"), Start: w.OpenAt.Add(time.Minute), In: 1234567, Out: 7654321}}
	}
	if s == window.Open {
		w.Left = time.Until(w.EndAt)
	}
	if s == window.Closed {
		w.ClosedAt, w.How, w.Cut = f.now().Add(-time.Minute), window.RanOut, 1
		w.Passed, w.Dead = window.Count{Packets: 4321, Bytes: 8888888}, window.Count{Packets: 12, Bytes: 720}
		w.Sessions[0].End = w.ClosedAt
	}
	return w
}

func (f *fake) SetUpNeeded(context.Context) bool { return f.director.ID == 0 }

func (f *fake) BeginSetUp(_ context.Context, _ netip.Addr, code, name, password string) (string, error) {
	switch {
	case code != rightCode:
		return "", text.NewFault("people.wrong_setup_code").On("code")
	case name == "":
		return "", text.NewFault("people.name_empty").On("name")
	case len(password) < 15:
		return "", text.NewFault("people.password_short", "min", 15).On("password")
	}
	f.pending = "p1"
	return f.pending, nil
}

func (f *fake) PendingSetUp(_ context.Context, id string) (string, string, error) {
	if id == "" || id != f.pending {
		return "", "", text.NewFault("people.setup_expired")
	}
	return secret, "otpauth://totp/Monban:%E5%B1%B1%E7%94%B0?secret=" + secret + "&issuer=Monban", nil
}

func (f *fake) FinishSetUp(_ context.Context, _ netip.Addr, id, totp string) (people.Actor, []string, error) {
	if id != f.pending || totp != rightTOTP {
		return people.Actor{}, nil, text.NewFault("people.wrong_totp").On("totp")
	}
	f.director = people.Actor{ID: 1, Name: "山田 花子", Role: people.Director, Via: "page", SteppedUp: f.now()}
	f.pending = ""
	f.acts++
	var codes []string
	for range 10 {
		codes = append(codes, "abcde-fgh12")
	}
	return f.director, codes, nil
}

func (f *fake) SignIn(_ context.Context, _ netip.Addr, name, password, code string) (people.Actor, error) {
	if password != rightPassword || code != rightTOTP && code != "abcde-fgh12" {
		return people.Actor{}, text.NewFault("people.wrong_sign_in")
	}
	a, _ := f.Actor(context.Background(), 1)
	a.SteppedUp = f.now().Add(-10 * time.Minute) // long enough ago to be asked again
	return a, nil
}

func (f *fake) StepUp(_ context.Context, _ netip.Addr, a people.Actor, code string) (people.Actor, error) {
	if code != rightTOTP {
		return a, text.NewFault("people.wrong_totp").On("code")
	}
	a.SteppedUp = f.now()
	return a, nil
}

func (f *fake) Actor(_ context.Context, id int64) (people.Actor, error) {
	if f.gone || id != 1 {
		return people.Actor{}, text.NewFault("people.gone")
	}
	if f.lost != nil {
		return people.Actor{}, f.lost
	}
	a := f.director
	a.Role, a.SteppedUp = f.role, time.Time{}
	return a, nil
}

func (f *fake) Status(context.Context) (gateway.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return gateway.Status{}, f.broken
	}
	s := gateway.Status{Mode: f.mode, Clinic: f.clinic, Version: "0.1.0", Slots: f.firm.Slots, Trial: f.firm.Trial, RulesOK: true, RulesReadAt: f.now(), ClockSynced: f.synced, Now: f.now(),
		Devices: len(f.devices), AuditHead: "9f86d081884c7d659a2feaa0c55ad015", AuditCount: 120, LastProof: f.now().Add(-5 * time.Hour), Notes: f.notes,
		DNS: gateway.DNSStatus{Names: 81234, Queries: 4567, Refused: 89, UpstreamOK: true, Paused: f.paused, Pauses: f.pauses}}
	if f.unread {
		s.RulesReadAt = time.Time{}
	}
	s.RulesOK = !f.differ
	for _, w := range f.list {
		switch w.State {
		case window.Open:
			w.Left = time.Until(w.EndAt)
			s.Open = append(s.Open, w)
		case window.Requested:
			s.Waiting = append(s.Waiting, w)
		case window.Scheduled:
			s.Planned++
		}
		if len(w.Owes()) > 0 {
			s.Owed = append(s.Owed, w)
		}
	}
	for _, d := range f.devices {
		if d.Name == "" {
			s.Unnamed++
		}
	}
	return s, nil
}

func (f *fake) Vendors(context.Context) []gateway.Vendor {
	if f.vendors != nil {
		return f.vendors
	}
	return []gateway.Vendor{
		{Name: "medsys", Label: "メディカルシステム株式会社", Phone: "03-0000-0100", WireGuard: true},
		{Name: "xray", Label: "エックス線サービス", Phone: "03-0000-0200", NoWireGuard: "window.no_wireguard", Owed: f.owed},
	}
}

func (f *fake) Windows(_ context.Context, _ people.Actor, before int64, limit int) ([]gateway.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []gateway.Window
	for _, w := range slices.Backward(f.list) {
		if (before == 0 || w.ID < before) && len(out) < limit {
			out = append(out, w)
		}
	}
	return out, f.broken
}

func (f *fake) WindowByID(_ context.Context, _ people.Actor, id int64) (gateway.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if w.ID == id {
			if w.State == window.Open {
				w.Left = time.Until(w.EndAt)
			}
			return w, nil
		}
	}
	return gateway.Window{}, text.NewFault("page.not_found")
}

func (f *fake) AskWindow(_ context.Context, who people.Actor, a gateway.Ask) (gateway.Window, error) {
	var errs []error
	if a.Reason == "" {
		errs = append(errs, text.NewFault("window.no_reason").On("reason"))
	}
	if a.Vendor == "" {
		errs = append(errs, text.NewFault("window.no_vendor").On("vendor"))
	}
	if len(errs) > 0 {
		return gateway.Window{}, errors.Join(errs...)
	}
	if a.Vendor == "xray" && f.owed != 0 {
		return gateway.Window{}, text.NewFault("window.report_owed", "vendor", "エックス線サービス", "window", f.owed).On("vendor")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window(int64(len(f.list)+1), window.Requested)
	w.Ports, w.Length, w.Reason, w.Requester, w.Recorder = a.Ports, a.Length, a.Reason, a.Requester, who
	w.Kind, w.Targets, w.Tool, w.NotBefore = a.Kind, a.Targets, a.Tool, a.NotBefore
	f.asked = a
	f.list = append(f.list, w)
	f.acts++
	return w, nil
}

func (f *fake) set(id int64, fn func(*gateway.Window)) (gateway.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		if f.list[i].ID == id {
			fn(&f.list[i])
			f.acts++
			return f.list[i], nil
		}
	}
	return gateway.Window{}, text.NewFault("page.not_found")
}

func (f *fake) ApproveWindow(_ context.Context, who people.Actor, id int64, length time.Duration, callBack bool) (gateway.Window, error) {
	if !who.SteppedUpWithin(window.StepUp, f.now()) {
		return gateway.Window{}, text.NewFault("people.step_up").On("code")
	}
	if !callBack {
		return gateway.Window{}, text.NewFault("window.call_back").On("called_back")
	}
	return f.set(id, func(w *gateway.Window) {
		if length != 0 {
			w.Length = length
		}
		w.Approver, w.ApprovedAt = who, f.now()
		if w.State = window.Scheduled; w.NotBefore.After(f.now()) {
			return
		}
		w.State, w.Mark, w.OpenAt, w.EndAt = window.Open, 8, f.now(), f.now().Add(w.Length)
		w.OpenBoot, w.EndBoot = time.Hour, time.Hour+w.Length
	})
}

func (f *fake) RefuseWindow(_ context.Context, who people.Actor, id int64, why string) (gateway.Window, error) {
	if why == "" {
		return gateway.Window{}, text.NewFault("window.no_answer").On("answer")
	}
	return f.set(id, func(w *gateway.Window) { w.State, w.Answer, w.Approver = window.Refused, why, who })
}

func (f *fake) CloseWindow(_ context.Context, who people.Actor, id int64) (gateway.Window, error) {
	return f.set(id, func(w *gateway.Window) {
		w.State, w.How, w.ClosedAt, w.Closer, w.Cut = window.Closed, window.ByHand, f.now(), who, 2
	})
}

func (f *fake) CloseAll(ctx context.Context, who people.Actor) (int, error) {
	n := 0
	if f.stuck != nil {
		return 1, f.stuck
	}
	for _, w := range f.list {
		if w.State == window.Open {
			n++
			if _, err := f.CloseWindow(ctx, who, w.ID); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (f *fake) Devices(context.Context, people.Actor) ([]gateway.Device, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.devices), f.broken
}

func (f *fake) NameDevice(_ context.Context, who people.Actor, id int64, name string) error {
	if name == "" {
		return text.NewFault("people.name_empty")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.devices {
		if f.devices[i].ID == id {
			f.devices[i].Name, f.devices[i].NamedBy = name, who.Name
			f.acts++
			return nil
		}
	}
	return text.NewFault("device.unknown", "device", id)
}

func (f *fake) Checklist(context.Context, people.Actor) (checklist.Edition, []checklist.Finding, error) {
	e := checklist.Newest()
	now := f.now()
	ev := map[string]checklist.Evidence{
		"E-01": {Code: "E-01", Result: checklist.Pass, At: now.Add(-time.Hour), Synced: true, ValidUntil: now.Add(time.Hour),
			Seen: []checklist.Observation{{Code: "page.health.rules_ok"}}},
		"E-06": {Code: "E-06", Result: checklist.Fail, At: now.Add(-time.Hour), Synced: true, ValidUntil: now.Add(time.Hour),
			Seen: []checklist.Observation{{Code: "page.todo.rules", Bad: true}}},
		"E-11": {Code: "E-11", Result: checklist.Pass, At: now.Add(-time.Hour), Synced: false, ValidUntil: now.Add(-time.Minute)},
	}
	return e, checklist.Evaluate(e, ev, now), nil
}

func (f *fake) RunSelfTest(context.Context, people.Actor) error {
	f.acts++
	return nil
}

func (f *fake) Audit(_ context.Context, _ people.Actor, before uint64, limit int) ([]gateway.AuditLine, error) {
	var out []gateway.AuditLine
	for _, l := range f.lines {
		if (before == 0 || l.Seq < before) && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, f.broken
}

func (f *fake) CheckAudit(context.Context, people.Actor) (gateway.AuditCheck, error) {
	return gateway.AuditCheck{Head: "9f", Count: 120, At: f.now(), Bad: f.bad, Why: f.why}, nil
}

func (f *fake) People(context.Context, people.Actor) ([]people.Actor, error) {
	return []people.Actor{f.director, {ID: 2, Name: "鈴木 一郎", Role: people.Staff, Deputy: f.deputies[2]}}, nil
}

func (f *fake) Invite(_ context.Context, _ people.Actor, _ people.Role) (string, error) {
	f.acts++
	return "9zxy-4567-89ab-cdef", nil
}

var _ interface {
	webui.Gateway
	webui.Staffing
} = (*fake)(nil)

// newPage returns the page over f.
func newPage(t testing.TB, f *fake) http.Handler {
	t.Helper()
	h, err := webui.New(options(f))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newPlain(t testing.TB, f *fake) http.Handler {
	t.Helper()
	o := options(f)
	o.CA, o.Fingerprint = []byte("a certificate"), "ab:cd"
	h, err := webui.Plain(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func options(f *fake) webui.Options {
	return webui.Options{
		Gateway: f, Sessions: memstore.NewWithCleanupInterval(0), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Names: func() []string { return []string{"monban.home.arpa", "127.0.0.1", "::1"} },
		Now:   f.now,
	}
}
