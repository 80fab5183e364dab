package webui_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/request"
	"monban/gateway/text"
	"monban/gateway/window"
)

// What the fake takes as right, besides.
const rightSealed = "4f7h-9kmn-p2qr-stvw"

// siteID is what signed requests name the fake by.
func siteID() string { return request.SiteID(strings.Repeat("ab", 32)) }

// aside is what the fake knows besides windows and devices.
type aside struct {
	plans    []gateway.WeeklyPlan
	keys     []gateway.VendorKey
	sealed   []string
	notices  notice.Settings
	deputies map[int64]bool
	used     map[string]bool // digests of requests
	attempt  gateway.AttemptDay
	deaf     error // trial notices fail with it
}

// engineer's key, the same in every run.
func engineer(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string('a'+rune(n)), ed25519.SeedSize)))
}

func publicText(k ed25519.PrivateKey) string {
	return request.PublicText(k.Public().(ed25519.PublicKey))
}

// aroundFake is maintainedFake with something of everything around windows.
func aroundFake() *fake {
	f := maintainedFake()
	at := f.now()
	f.list[0].Rules = "table inet monban {\n\tset win_live {\n\t\telements = { 0x00010007 timeout 1h }\n\t}\n\tmap dnat4 {\n" +
		"\t\telements = { 203.0.113.16/28 . tcp . 3389 timeout 1h : 192.168.10.21 . 3389 }\n\t}\n}\n"
	stray := f.list[0].Sessions[0]
	stray.Source, stray.End = netip.MustParseAddrPort("[2001:db8:ffff:ffff:ffff:ffff:ffff:1]:443"), at.Add(time.Hour)
	f.list[0].Sessions = append(f.list[0].Sessions, stray)
	f.plans = []gateway.WeeklyPlan{{VendorLabel: "メディカルシステム株式会社", DeviceName: "レセコン", Next: at.Add(72 * time.Hour),
		Plan: window.Plan{ID: 3, Kind: window.Inbound, Vendor: "medsys", Device: 1, Ports: []window.Port{{Proto: window.TCP, Port: 3389, WAN: 3389}},
			Length: time.Hour, Reason: "月次の更新", Requester: "佐藤 次郎", Recorder: f.director, Made: at, Week: 2, Day: time.Tuesday, Hour: 22}}}
	f.keys = []gateway.VendorKey{{ID: 3, Vendor: "medsys", Name: "佐藤 次郎", Key: publicText(engineer(0)), AddedBy: f.director, AddedAt: at}}
	f.sealed = []string{rightSealed, "x"}
	f.notices = notice.Settings{Mail: notice.MailSettings{Host: "smtp.example.jp", Port: 587, User: "monban", Password: "a secret password",
		From: "monban@example.jp", To: []string{"incho@example.jp", "uketsuke@example.jp"}}}
	f.attempt = gateway.AttemptDay{Day: at.Format("2006-01-02"), Packets: 98765, Days: []string{at.Format("2006-01-02"), "2026-11-20", "2026-11-19"},
		Attempts: []gateway.Attempt{
			{Source: netip.MustParseAddr("198.51.100.77"), Packets: 90000, First: at.Add(-3 * time.Hour), Last: at, Ports: []string{"3389/tcp", "445/tcp", "22/tcp", "23/tcp"}},
			{Source: netip.MustParseAddr("2001:db8:dead:beef:1234:5678:9abc:def0"), Packets: 8000, First: at.Add(-2 * time.Hour), Last: at, Ports: []string{"443/tcp"}},
			{Source: netip.MustParseAddr("203.0.113.20"), Vendor: "メディカルシステム株式会社", Packets: 700, First: at.Add(-time.Hour), Last: at, Ports: []string{"3389/tcp"}},
			{Packets: 65}}}
	return f
}

func (f *fake) SiteID() string { return siteID() }

// signedRequest is a real one, as the engineer would send it.
func signedRequest(t testing.TB, change func(*request.Request)) string {
	t.Helper()
	r := request.Request{Kind: window.Inbound, Site: siteID(), Vendor: "medsys", Device: "rececom", Ports: []window.Port{{Proto: window.TCP, Port: 3389}},
		Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.20/32")}, Length: 2 * time.Hour, Reason: "レセプトの月次更新",
		Requester: "佐藤 次郎", MadeAt: time.Now()}
	if change != nil {
		change(&r)
	}
	said, err := request.Sign(engineer(0), r)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func (f *fake) ReadRequest(ctx context.Context, _ people.Actor, said string) (gateway.SignedRequest, error) {
	r, err := request.Parse(said)
	if err != nil {
		return gateway.SignedRequest{}, err
	}
	out := gateway.SignedRequest{Vendor: "メディカルシステム株式会社", Phone: "03-0000-0100", Device: "レセコン", MadeAt: r.MadeAt, Source: r.Sources, Digest: r.Digest(),
		Ask: gateway.Ask{Kind: r.Kind, Vendor: r.Vendor, Device: r.Device, Ports: r.Ports, Targets: r.Targets, Tool: r.Tool, Sources: r.Sources,
			Length: r.Length, NotBefore: r.NotBefore, Reason: r.Reason, Requester: r.Requester}}
	for _, s := range r.Sources {
		for _, p := range r.Ports {
			out.Ways = append(out.Ways, gateway.Way{Source: s, Proto: p.Proto, Dial: fmt.Sprintf("198.51.100.1:%d", p.Port),
				Inside: netip.AddrPortFrom(netip.MustParseAddr("192.168.10.21"), p.Port)})
		}
	}
	for _, k := range f.keys {
		if pub, err := request.ParsePublic(k.Key); err == nil && r.Verify(pub) && k.Vendor == r.Vendor {
			out.Signer = k.Name
		}
	}
	switch {
	case out.Signer == "":
		return out, text.NewFault("request.unknown_key", "vendor", out.Vendor).On("text")
	case f.used[out.Digest]:
		return out, text.NewFault("window.request_replayed")
	}
	return out, nil
}

func (f *fake) RecordRequest(ctx context.Context, who people.Actor, said string) (gateway.Window, error) {
	r, err := f.ReadRequest(ctx, who, said)
	if err != nil {
		return gateway.Window{}, err
	}
	if f.used == nil {
		f.used = map[string]bool{}
	}
	f.used[r.Digest] = true
	return f.AskWindow(ctx, who, r.Ask)
}

func (f *fake) Plans(context.Context, people.Actor) ([]gateway.WeeklyPlan, error) {
	return f.plans, f.broken
}

func (f *fake) AddPlan(_ context.Context, who people.Actor, a gateway.PlanAsk) (gateway.WeeklyPlan, error) {
	p, err := window.AskPlan(window.Plan{Kind: a.Kind, Vendor: a.Vendor, Device: 1, Ports: a.Ports, Targets: a.Targets, Tool: a.Tool, Length: a.Length,
		Reason: a.Reason, Requester: a.Requester, Week: a.Week, Day: a.Day, Hour: a.Hour, Minute: a.Minute},
		[]netip.Prefix{netip.MustParsePrefix("203.0.113.16/28")}, who, f.now())
	if err != nil {
		return gateway.WeeklyPlan{}, err
	}
	p.ID = int64(len(f.plans) + 4)
	w := gateway.WeeklyPlan{Plan: p, VendorLabel: "メディカルシステム株式会社", DeviceName: "レセコン", Next: p.Next(f.now(), time.UTC)}
	f.plans = append(f.plans, w)
	f.acts++
	return w, nil
}

func (f *fake) DropPlan(_ context.Context, _ people.Actor, id int64) error {
	n := len(f.plans)
	f.plans = slices.DeleteFunc(f.plans, func(p gateway.WeeklyPlan) bool { return p.ID == id })
	if len(f.plans) == n {
		return text.NewFault("page.not_found")
	}
	f.acts++
	return nil
}

func (f *fake) Keys(context.Context, people.Actor) ([]gateway.VendorKey, error) {
	return f.keys, f.broken
}

// stepped is the rule of every act that wants a fresh second factor.
func (f *fake) stepped(who people.Actor) error {
	if !who.SteppedUpWithin(window.StepUp, f.now()) {
		return text.NewFault("people.step_up").On("totp")
	}
	return nil
}

func (f *fake) EnrolKey(_ context.Context, who people.Actor, vendor, name, key string) (gateway.VendorKey, error) {
	if err := f.stepped(who); err != nil {
		return gateway.VendorKey{}, err
	}
	pub, err := request.ParsePublic(key)
	var fault *text.Fault
	if errors.As(err, &fault) {
		return gateway.VendorKey{}, fault.On("key")
	}
	clean, err := people.Clean(name)
	if errors.As(err, &fault) {
		return gateway.VendorKey{}, fault.On("name")
	}
	k := gateway.VendorKey{ID: int64(len(f.keys) + 4), Vendor: vendor, Name: clean, Key: request.PublicText(pub), AddedBy: who, AddedAt: f.now()}
	f.keys = append(f.keys, k)
	f.acts++
	return k, nil
}

func (f *fake) RevokeKey(_ context.Context, who people.Actor, id int64) error {
	if err := f.stepped(who); err != nil {
		return err
	}
	f.keys = slices.DeleteFunc(f.keys, func(k gateway.VendorKey) bool { return k.ID == id })
	f.acts++
	return nil
}

func (f *fake) NewSealedCodes(_ context.Context, who people.Actor) ([]string, error) {
	if err := f.stepped(who); err != nil {
		return nil, err
	}
	f.sealed = []string{rightSealed, "5f7h-9kmn-p2qr-stvw", "6f7h-9kmn-p2qr-stvw", "7f7h-9kmn-p2qr-stvw", "8f7h-9kmn-p2qr-stvw"}
	f.acts++
	return f.sealed, nil
}

func (f *fake) SealedCodes(context.Context, people.Actor) (gateway.SealedCodes, error) {
	return gateway.SealedCodes{Left: len(f.sealed), MadeAt: f.now().Add(-time.Hour)}, f.broken
}

func (f *fake) BreakSealed(ctx context.Context, who people.Actor, _ netip.Addr, code string, ask gateway.Ask) (gateway.Window, error) {
	i := slices.Index(f.sealed, code)
	switch {
	case ask.Length > window.SealedLength:
		return gateway.Window{}, text.NewFault("window.sealed_length", "max", "1h").On("for")
	case i < 0:
		return gateway.Window{}, text.NewFault("people.wrong_sealed", "left", len(f.sealed)).On("code")
	}
	f.sealed = slices.Delete(f.sealed, i, i+1)
	w, err := f.AskWindow(ctx, who, ask)
	if err != nil {
		return w, err
	}
	return f.set(w.ID, func(w *gateway.Window) {
		w.State, w.BreakGlass, w.Mark, w.OpenAt, w.EndAt = window.Open, true, 9, f.now(), f.now().Add(w.Length)
		w.EndBoot = w.Length
	})
}

func (f *fake) WindowSheet(ctx context.Context, who people.Actor, id int64) (gateway.Sheet, error) {
	w, err := f.WindowByID(ctx, who, id)
	if err != nil {
		return gateway.Sheet{}, err
	}
	s := gateway.Sheet{Clinic: f.clinic, Window: w, Hash: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"}
	s.Steps = []gateway.Step{{To: window.Requested, At: w.RequestedAt, Who: w.Recorder}}
	if w.State != window.Requested {
		s.Steps = append(s.Steps, gateway.Step{From: window.Requested, To: w.State, At: w.OpenAt, Who: w.Approver})
	}
	for _, c := range w.Sessions {
		m := gateway.Match{Session: c}
		m.Source, m.Target, m.Time = w.Match(c)
		s.Matches = append(s.Matches, m)
	}
	s.Lines = f.lines[:min(3, len(f.lines))]
	return s, f.broken
}

func (f *fake) WindowMonth(_ context.Context, _ people.Actor, year int, month time.Month) (gateway.Month, error) {
	m := gateway.Month{Year: year, Month: month}
	for _, w := range f.list {
		if w.RequestedAt.Year() == year && w.RequestedAt.Month() == month {
			m.Windows = append(m.Windows, w)
		}
	}
	return m, f.broken
}

func (f *fake) Attempts(_ context.Context, _ people.Actor, day string) (gateway.AttemptDay, error) {
	d := f.attempt
	if d.Day == "" {
		d.Day = f.now().Format("2006-01-02")
	}
	if day != "" && day != d.Day {
		d = gateway.AttemptDay{Day: day, Days: d.Days}
	}
	return d, f.broken
}

func (f *fake) NoticeSettings(context.Context, people.Actor) (notice.Settings, error) {
	s := f.notices
	s.Mail.Password, s.Webhook.Secret = "", ""
	return s, f.broken
}

func (f *fake) SetNoticeSettings(_ context.Context, who people.Actor, s notice.Settings) error {
	if s.Mail.Password == "" {
		s.Mail.Password = f.notices.Mail.Password
	}
	if s.Webhook.Secret == "" {
		s.Webhook.Secret = f.notices.Webhook.Secret
	}
	if err := errors.Join(notice.Check(s), f.stepped(who)); err != nil {
		return err
	}
	f.notices = s
	f.acts++
	return nil
}

func (f *fake) TestNotice(_ context.Context, _ people.Actor, c notice.Channel) error {
	if !slices.Contains(notice.Channels(f.notices), c) {
		return text.NewFault("notice.off")
	}
	f.acts++
	return f.deaf
}

func (f *fake) SetDeputy(_ context.Context, who people.Actor, id int64, deputy bool) error {
	if err := f.stepped(who); err != nil {
		return err
	}
	if id != 2 {
		return text.NewFault("people.no_deputy").On("person")
	}
	if f.deputies == nil {
		f.deputies = map[int64]bool{}
	}
	f.deputies[id] = deputy
	f.acts++
	return nil
}
