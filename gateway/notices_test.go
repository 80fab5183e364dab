package gateway

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/gateway/text"
)

// A mouth is where notices go in a test.
type mouth struct {
	mu   sync.Mutex
	said []notice.Message
	to   []notice.Settings
	fail map[notice.Channel]error
	hang chan struct{} // closed: nothing hangs any more
	hung int
}

func (m *mouth) send(ctx context.Context, to notice.Settings, msg notice.Message) error {
	if m.hang != nil {
		m.mu.Lock()
		m.hung++
		m.mu.Unlock()
		select {
		case <-m.hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail[msg.Channel]; err != nil {
		return err
	}
	m.said, m.to = append(m.said, msg), append(m.to, to)
	return nil
}

// heard are the codes a channel got, in order.
func (m *mouth) heard(c notice.Channel) (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.said {
		if msg.Channel == c {
			all = append(all, msg.Code)
		}
	}
	return all
}

func byMailAndHook() notice.Settings {
	return notice.Settings{
		Mail: notice.MailSettings{Host: "smtp.example.jp", Port: 587, User: "clinic", Password: "秘密の言葉", From: "monban@example.jp",
			To: []string{"inchou@example.jp", "uketsuke@example.jp"}},
		Webhook: notice.WebhookSettings{URL: "https://hooks.example.jp/secret-path", Secret: "0123456789abcdef"},
	}
}

// telling is a box that tells people by mail and webhook. Its loops do not
// run: deliverAll takes their turns.
func telling(t *testing.T) (*box, *mouth) {
	b, m := newBox(t), &mouth{fail: map[notice.Channel]error{}}
	b.o.Send = m.send
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	if err := b.SetNoticeSettings(t.Context(), b.director(), byMailAndHook()); err != nil {
		t.Fatal(err)
	}
	b.deliverAll()
	m.said, m.to = nil, nil
	return b, m
}

func (b *box) deliverAll() {
	for _, c := range channels {
		for b.deliverDue(b.t.Context(), c, outcomes{}) {
		}
	}
}

// What happens to a window is told once by each channel, and says what the log
// says.
func TestTold(t *testing.T) {
	b, m := telling(t)
	w := b.opened(time.Hour, 3389)
	b.deliverAll()
	b.deliverAll()
	want := "window.requested window.approved window.opened"
	for _, c := range []notice.Channel{notice.Mail, notice.Webhook} {
		if got := strings.Join(m.heard(c), " "); got != want {
			t.Errorf("%s heard %s, want %s", c, got, want)
		}
	}
	if len(m.heard(notice.Syslog)) != 0 {
		t.Error("told by a channel that is off")
	}
	for i, msg := range m.said {
		if msg.Clinic != "門番クリニック" || !msg.At.Equal(noon) || msg.At.Location().String() != "Asia/Tokyo" || !msg.Synced || msg.Level != notice.Info {
			t.Errorf("%+v", msg)
		}
		if m.to[i].Mail.Password != "秘密の言葉" {
			t.Error("sent without the secret")
		}
		if s := notice.Subject(text.JA, msg); !strings.Contains(s, "レセコン") || strings.Contains(s, "{") {
			t.Error(s)
		}
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	b.deliverAll()
	if got := m.heard(notice.Mail); got[len(got)-1] != "window.ended.closed" {
		t.Error(got)
	}
	// What is in the way of the rules is told, but not each time.
	m.said = nil
	for range 5 {
		b.record(t.Context(), people.Box, func(tx *store.Tx) error { return b.tell(tx, "rules.foreign", nil) })
	}
	b.time.pass(time.Hour)
	b.record(t.Context(), people.Box, func(tx *store.Tx) error { return b.tell(tx, "rules.foreign", nil) })
	b.deliverAll()
	if got := m.heard(notice.Mail); len(got) != 2 || m.said[0].Level != notice.Danger || b.lines("rules.foreign") != 6 {
		t.Error(got, b.lines("rules.foreign"))
	}
}

// Each code people are told of has its sentence.
func TestToldCodes(t *testing.T) {
	for code, level := range toldAs {
		for _, lang := range []text.Lang{text.JA, text.EN} {
			if s := lang.Say(code, nil); strings.HasPrefix(s, code) {
				t.Errorf("%s has no sentence", code)
			}
		}
		if level != notice.Info && level != notice.Caution && level != notice.Danger {
			t.Errorf("%s is %q", code, level)
		}
	}
	for _, code := range seldom {
		if toldAs[code] == "" {
			t.Errorf("%s is not told at all", code)
		}
	}
}

// A server that hangs, or says no, never delays an act.
func TestTellingNeverDelays(t *testing.T) {
	b, m := telling(t)
	m.hang = make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.cry(ctx) }()
	for range 3 {
		w := b.opened(time.Hour, 3389)
		if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "mail and webhook to hang", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.hung == 2 })
	}
	if _, err := b.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if len(m.heard(notice.Mail))+len(m.heard(notice.Webhook)) != 0 {
		t.Error("it did not hang, and this shows nothing")
	}
	close(m.hang)
	waitFor(t, "all to arrive", func() bool { return len(m.heard(notice.Mail)) >= 12 && len(m.heard(notice.Webhook)) >= 12 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for", what)
		}
	}
}

// What does not arrive is tried again, later and later, and the page says so.
func TestTriedAgain(t *testing.T) {
	b, m := telling(t)
	m.fail[notice.Mail] = text.NewFault("notice.timeout", "host", "smtp.example.jp", "port", 587)
	b.opened(time.Hour, 3389)
	b.deliverAll()
	if len(m.heard(notice.Webhook)) != 3 || len(m.heard(notice.Mail)) != 0 {
		t.Error("a bad mail server keeps the webhook from its own")
	}
	if _, ok := b.note("notice.failing"); ok {
		t.Error("alarmed at once")
	}
	b.time.pass(11 * time.Minute)
	if n, ok := b.note("notice.failing"); !ok || n.Args["n"] != 3 || n.Level != "caution" {
		t.Errorf("%+v", n)
	}
	due, err := b.db().DueNotices(t.Context(), notice.Mail, b.o.Clock.Wall(), 9)
	if err != nil || len(due) != 3 || due[0].Tries != 1 || due[0].Error != "notice.timeout" || !due[0].NextAt.Equal(noon.Add(time.Minute)) {
		t.Fatalf("%+v, %v", due, err)
	}
	// It goes on over a restart of the daemon.
	b.kill().start()
	delete(m.fail, notice.Mail)
	b.deliverAll()
	if got := m.heard(notice.Mail); len(got) != 3 {
		t.Error(got)
	}
	if _, ok := b.note("notice.failing"); ok {
		t.Error("alarmed though all arrived")
	}
}

// After a week a message is given up, which the page says until one arrives.
func TestGivenUp(t *testing.T) {
	b, m := telling(t)
	m.fail[notice.Mail] = errors.New("no fault of ours")
	b.tellNow("rules.foreign")
	for range 60 {
		b.deliverAll()
		b.time.pass(notice.LastPause + time.Minute)
	}
	if due, err := b.db().DueNotices(t.Context(), notice.Mail, b.o.Clock.Wall(), 9); err != nil || len(due) != 0 {
		t.Errorf("%+v, %v", due, err)
	}
	if n, ok := b.note("notice.failing"); !ok || n.Args["n"] != 1 {
		t.Errorf("%+v", n)
	}
	delete(m.fail, notice.Mail)
	b.tellNow("window.unknown_closed")
	b.deliverAll()
	if _, ok := b.note("notice.failing"); ok || len(m.heard(notice.Mail)) != 1 {
		t.Error("not over:", m.heard(notice.Mail))
	}
}

func (b *box) tellNow(code string) {
	b.record(b.t.Context(), people.Box, func(tx *store.Tx) error {
		return b.tell(tx, code, map[string]any{"mark": 1, "cut": 0})
	})
}

// On a full disk what was sent cannot be written down; it is not sent again.
func TestSentOnceOnFullDisk(t *testing.T) {
	b, m := telling(t)
	b.tellNow("rules.foreign")
	back := b.reserveGone()
	unwritten := outcomes{}
	for range 5 {
		b.deliverDue(t.Context(), notice.Mail, unwritten)
	}
	if got := m.heard(notice.Mail); len(got) != 1 {
		t.Error("sent", len(got), "times")
	}
	back()
	b.deliverDue(t.Context(), notice.Mail, unwritten)
	if n, _, err := b.db().NoticesFailing(t.Context()); err != nil || n != 1 || len(unwritten) != 0 { // the webhook's
		t.Error(n, err)
	}
}

// Ten and five minutes before its end a window is spoken of, once each.
func TestWarnings(t *testing.T) {
	b, m := telling(t)
	w := b.opened(30*time.Minute, 3389)
	b.deliverAll()
	m.said = nil
	said := func(want ...int) {
		t.Helper()
		b.warn(t.Context())
		b.warn(t.Context())
		b.deliverAll()
		var got []int
		for _, msg := range m.said {
			if msg.Channel == notice.Mail && msg.Code == "window.warning" {
				n, _ := msg.Args["minutes"].(interface{ Int64() (int64, error) }).Int64()
				got = append(got, int(n))
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	}
	said()
	if _, ok := b.note("gateway.ending_soon"); ok {
		t.Error("soon?")
	}
	b.time.pass(20*time.Minute + 3*time.Second)
	said(10)
	if n, ok := b.note("gateway.ending_soon"); !ok || n.Args["minutes"] != 10 || n.Link != "/windows/"+itoa(w.ID) {
		t.Errorf("%+v", n)
	}
	b.time.pass(5 * time.Minute)
	said(10, 5)
	b.kill().start() // and not again after a restart
	said(10, 5)
	if _, err := b.ExtendWindow(t.Context(), b.director(), w.ID, 20*time.Minute, true); err != nil {
		t.Fatal(err)
	}
	said(10, 5)
	b.time.pass(15 * time.Minute)
	said(10, 5, 10) // another end
	// Who opens for five minutes knows it.
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	short := b.opened(5*time.Minute, 104)
	b.time.pass(time.Minute)
	said(10, 5, 10)
	if n, ok := b.note("gateway.ending_soon"); !ok || n.Args["window"] != short.ID {
		t.Errorf("%+v", n)
	}
}

// Once a day the log's head goes out.
func TestDailyNotice(t *testing.T) {
	b, m := telling(t) // 12:00 in Tokyo
	b.remindDaily(t.Context())
	b.remindDaily(t.Context())
	b.deliverAll()
	if got := m.heard(notice.Mail); len(got) != 1 || got[0] != "notice.daily" {
		t.Fatal(got)
	}
	head := b.db().Head()
	if msg := m.said[0]; msg.Args["head"] != hexHash(head.Hash) || msg.Args["why"] != "notice.proof.none" || msg.Level != notice.Info {
		t.Errorf("%+v", msg)
	}
	if s := notice.Body(text.JA, m.said[0]); !strings.Contains(s, hexHash(head.Hash)) || !strings.Contains(s, "まだ行っていません") {
		t.Error(s)
	}
	b.time.pass(18 * time.Hour) // 6:00
	b.remindDaily(t.Context())
	b.deliverAll()
	if got := m.heard(notice.Mail); len(got) != 1 {
		t.Error("before the morning:", got)
	}
	b.mu.Lock()
	b.Gateway.proof = proof{Result: selftest.Result{At: b.o.Clock.Wall(), State: selftest.Failed}}
	b.mu.Unlock()
	b.time.pass(2 * time.Hour)
	b.remindDaily(t.Context())
	b.deliverAll()
	if got := m.heard(notice.Mail); len(got) != 2 || m.said[len(m.said)-1].Level != notice.Danger {
		t.Errorf("%v, %+v", got, m.said)
	}
}
