package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/text"
)

// fakeServer is somebody's list server.
type fakeServer struct {
	text  string
	err   error
	asked int
	have  subscribe.Seen // the last
	// during runs while a list is on its way.
	during func()
}

func (s *fakeServer) Fetch(_ context.Context, src subscribe.Source, have subscribe.Seen, w io.Writer) (subscribe.Got, error) {
	s.asked++
	s.have = have
	if s.during != nil {
		s.during()
	}
	sum := sha256.Sum256([]byte(s.text))
	tag := fmt.Sprintf("%x", sum[:4])
	switch {
	case s.err != nil:
		io.WriteString(w, s.text[:len(s.text)/2])
		return subscribe.Got{}, s.err
	case have.ETag == tag:
		return subscribe.Got{Unchanged: true}, nil
	}
	if _, err := io.WriteString(w, s.text); err != nil {
		return subscribe.Got{}, err
	}
	return subscribe.Got{Seen: subscribe.Seen{ETag: tag}, Sum: sum, Bytes: int64(len(s.text))}, nil
}

// numbered is a list of n names.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "0.0.0.0 n%d.ads.example\n", i)
	}
	return b.String()
}

const subscribed = "[[dns.list]]\nname = \"ads\"\nurl = \"https://lists.example/ads.txt\"\n\n[tools]"

// subscriber is a box with a list of its own and one that is fetched.
func subscriber(t *testing.T, s *fakeServer) *box {
	b := newBox(t)
	b.o.Lists = s
	b.edit("[tools]", subscribed)
	return b.start()
}

// later lets so much time go by and does what is due.
func (b *box) later(d time.Duration) {
	b.t.Helper()
	b.time.pass(d)
	b.checkLists(b.t.Context())
}

// view is the list of that name as people see it.
func (b *box) view(name string) ListView {
	b.t.Helper()
	all, err := b.NameLists(b.t.Context(), staff)
	if err != nil {
		b.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(v ListView) bool { return v.Name == name })
	if i < 0 {
		b.t.Fatalf("no list %s", name)
	}
	return all[i]
}

// A list is fetched some minutes after the start and then daily; what has not
// changed is not sent again, and all is known after a restart.
func TestSubscription(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := subscriber(t, s)
	b.checkLists(t.Context())
	if _, ok := b.note("gateway.list_waiting"); !ok || s.asked != 0 || b.view("ads").State != ListWaiting {
		t.Errorf("asked %d times at once, %s", s.asked, b.view("ads").State)
	}
	if b.listed("ads.lab.example") != "lab" {
		t.Error("the other list waits for it")
	}
	b.later(fetchFirst + fetchWithin)
	if b.listed("n1.ads.example") != "ads" || s.asked != 1 || b.lines("dns.list_changed") != 1 {
		t.Errorf("asked %d times, %q", s.asked, b.listed("n1.ads.example"))
	}
	if v := b.view("ads"); v.State != ListInUse || v.Names != 10 || v.Lines != 10 || v.Next.Sub(v.Checked) < fetchEvery-fetchSpread || v.Next.Sub(v.Checked) > fetchEvery+fetchSpread {
		t.Errorf("%+v", v)
	}
	b.later(fetchEvery - fetchSpread - time.Minute)
	if s.asked != 1 {
		t.Error("asked before its time")
	}
	before := b.lists.compiled
	b.later(2*fetchSpread + time.Minute)
	if s.asked != 2 || s.have.ETag == "" || b.lists.compiled != before {
		t.Errorf("asked %d times, with %+v", s.asked, s.have)
	}
	b.kill().start()
	if b.listed("n1.ads.example") != "ads" {
		t.Error("forgotten")
	}
	b.later(fetchFirst + fetchWithin)
	if s.asked != 2 {
		t.Error("asked again because of the restart")
	}
	s.text = numbered(12)
	b.later(fetchEvery + fetchSpread)
	if b.listed("n11.ads.example") != "ads" || s.have.ETag == "" || b.lines("dns.list_changed") != 2 {
		t.Error("what has changed is not in use", s.asked)
	}
	// A list the configuration no longer has leaves nothing behind.
	b.edit()
	b.Reload(t.Context())
	b.checkLists(t.Context())
	if left, _ := filepath.Glob(filepath.Join(b.textDir(), "*")); b.listed("n11.ads.example") != "" || len(left) != 0 {
		t.Error("left behind:", left)
	}
}

// Whatever the server does, the old list serves on, the sentence is kept, and
// it is asked ever less often.
func TestFailedSubscription(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	s.err = text.NewFault("list.fetch_status", "list", "ads", "status", 503)
	b.later(fetchEvery + fetchSpread)
	for i, step := range []time.Duration{15, 30, 60, 120, 240} {
		if v := b.view("ads"); v.State != ListOld || v.Error == nil || v.Error.Code != "list.fetch_status" || b.listed("n1.ads.example") != "ads" || s.asked != 2+i {
			t.Fatalf("%d: %+v, asked %d times", i, v, s.asked)
		}
		b.later(step*time.Minute - time.Second)
		if s.asked != 2+i {
			t.Fatalf("asked again within %d minutes", step)
		}
		b.later(step*time.Minute/2 + time.Second)
	}
	b.later(tooOld)
	if n, ok := b.note("gateway.list_old"); !ok || n.Args["days"] != 4 {
		t.Errorf("%+v", n)
	}
	for content, code := range map[string]string{"rubbish it is": "list.no_names", "a\x00b": "list.binary", "<html>": "list.html"} {
		s.err, s.text = nil, content
		b.later(2 * fetchEvery)
		if v := b.view("ads"); v.Error == nil || v.Error.Code != code || b.listed("n1.ads.example") != "ads" {
			t.Errorf("%q: %+v", content, v.Error)
		}
	}
	s.text = numbered(11)
	b.later(2 * fetchEvery)
	if v := b.view("ads"); v.State != ListInUse || v.Error != nil || v.Names != 11 {
		t.Errorf("%+v", v)
	}
	if left, _ := filepath.Glob(filepath.Join(b.textDir(), newText+"*")); len(left) != 0 {
		t.Error("left behind:", left)
	}
}

// Before the first time there is nothing to serve on with, and that is said.
func TestNeverFetched(t *testing.T) {
	s := &fakeServer{err: text.NewFault("list.fetch_connect", "list", "ads", "host", "lists.example")}
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	if _, ok := b.note("gateway.list_never"); !ok || b.view("ads").State != ListMissing {
		t.Errorf("%+v", b.view("ads"))
	}
}

// A clock that is not set makes every certificate look wrong; it is waited for,
// which is said to who asks and costs nothing.
func TestSubscriptionWaitsForTheClock(t *testing.T) {
	s := &fakeServer{text: numbered(3)}
	b := subscriber(t, s)
	b.time.set(noon, false)
	what, err := b.CheckNameLists(t.Context(), b.director())
	b.later(fetchFirst + fetchWithin)
	if s.asked != 0 || err != nil || what != ListsNoClock || b.nextCheck() != fetchPoll || !b.view("ads").Next.IsZero() {
		t.Errorf("asked %d times; %q, %v; next in %v", s.asked, what, err, b.nextCheck())
	}
	b.later(clockWait)
	if s.asked != 1 {
		t.Error("waits for ever")
	}
}

// A full disk refuses the new list and keeps the old one.
func TestSubscriptionWithoutRoom(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	s.text, s.err = numbered(20), errors.New("write: no space left on device")
	b.later(fetchEvery + fetchSpread)
	if v := b.view("ads"); v.Error == nil || v.Error.Code != "list.fetch_disk" || b.listed("n1.ads.example") != "ads" {
		t.Errorf("%+v", v)
	}
	d, err := b.newDraft()
	if err != nil {
		t.Fatal(err)
	}
	defer d.drop()
	d.left = 1 << 10
	_, err = io.WriteString(d, numbered(100_000))
	if err = errors.Join(err, d.finish()); !errors.Is(err, errQuota) {
		t.Error(err)
	}
}

// What a crash left half-written is swept away at the next start.
func TestHalfWrittenTexts(t *testing.T) {
	b := subscriber(t, &fakeServer{text: numbered(3)})
	b.later(fetchFirst + fetchWithin)
	if err := os.WriteFile(filepath.Join(b.textDir(), newText+"123"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	mine := b.textPath("new-sites") // a list may be called so
	if err := os.WriteFile(mine, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.sweepTexts()
	if err := os.Remove(mine); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(b.textDir(), "*"))
	if !slices.Equal(left, []string{b.textPath("ads")}) {
		t.Error(left)
	}
}

// A list for which there is no room beside the others is not fetched again and
// again: its text is as it should be.
func TestNoRoomBesideOthers(t *testing.T) {
	s := &fakeServer{text: numbered(3)}
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	for _, code := range []string{"list.too_big", "dns.too_many_lists"} {
		b.textLost("ads", fmt.Errorf("reading list ads: %w", text.NewFault(code)))
		if b.checkLists(t.Context()); s.asked != 1 {
			t.Errorf("%s: asked %d times", code, s.asked)
		}
	}
	b.textLost("ads", io.ErrUnexpectedEOF)
	if b.checkLists(t.Context()); s.asked != 2 {
		t.Errorf("a text that is lost: asked %d times", s.asked)
	}
}

// A damaged text is noticed when it is needed, the compiled lists serve on, and
// it is fetched anew whatever the server said of it.
func TestDamagedText(t *testing.T) {
	s := &fakeServer{text: numbered(1000)}
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	raw, err := os.ReadFile(b.textPath("ads"))
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0x10
	if err := os.WriteFile(b.textPath("ads"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	b.loadLists()
	if n, ok := b.note("gateway.list_unread"); !ok || n.Level != "caution" || b.listed("n1.ads.example") != "ads" {
		t.Errorf("%+v", n)
	}
	b.later(fetchFirst + fetchWithin)
	if s.have != (subscribe.Seen{}) || b.noteCodes() != "" || b.listed("n1.ads.example") != "ads" {
		t.Errorf("asked with %+v; %s", s.have, b.noteCodes())
	}
	// With nothing compiled either, the others serve.
	if err := errors.Join(os.Truncate(b.textPath("ads"), 20), os.Remove(b.compiledLists())); err != nil {
		t.Fatal(err)
	}
	b.kill().start()
	if n, ok := b.note("gateway.list_part"); !ok || n.Level != "danger" || b.listed("ads.lab.example") != "lab" || b.view("ads").State != ListMissing {
		t.Errorf("%+v, %+v", n, b.view("ads"))
	}
	b.later(fetchFirst + fetchWithin)
	if b.listed("n1.ads.example") != "ads" || b.noteCodes() != "" {
		t.Error("not mended:", b.noteCodes())
	}
}

// A list that must be one file is not asked for again once it is there; another
// hash, key or address makes another list of it.
func TestPinnedSubscription(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := newBox(t)
	b.o.Lists = s
	sum := sha256.Sum256([]byte(s.text))
	b.edit("[tools]", fmt.Sprintf("[[dns.list]]\nname = \"ads\"\nurl = \"https://lists.example/ads.txt\"\nsha256 = \"%x\"\n[tools]", sum))
	b.start()
	b.later(fetchFirst + fetchWithin)
	b.later(3 * fetchEvery)
	if s.asked != 1 || !b.view("ads").Pinned || !b.view("ads").Next.IsZero() {
		t.Errorf("asked %d times; %+v", s.asked, b.view("ads"))
	}
	b.edit("[tools]", subscribed)
	b.Reload(t.Context())
	if b.listed("n1.ads.example") != "ads" {
		t.Error("the old text is not in use meanwhile")
	}
	b.checkLists(t.Context())
	if s.asked != 2 || s.have != (subscribe.Seen{}) {
		t.Errorf("asked %d times with %+v", s.asked, s.have)
	}
}

// Somebody who cannot wait asks for all of them, but not all the time.
func TestCheckNameLists(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := subscriber(t, s)
	fails(t, second(b.CheckNameLists(t.Context(), staff)), "people.may_not")
	for i := range 3 {
		want := ListsChecked
		if i == 0 {
			want = ListsChecking
		}
		if what, err := b.CheckNameLists(t.Context(), b.director()); err != nil || what != want {
			t.Fatalf("%q, %v", what, err)
		}
		b.checkLists(t.Context())
	}
	if s.asked != 1 || b.listed("n1.ads.example") != "ads" {
		t.Errorf("asked %d times", s.asked)
	}
	b.time.pass(checkAgain)
	s.during = func() {
		if !b.view("ads").Busy {
			t.Error("nobody sees that it is on its way")
		}
	}
	if _, err := b.CheckNameLists(t.Context(), b.director()); err != nil {
		t.Fatal(err)
	}
	b.checkLists(t.Context())
	if s.asked != 2 || b.view("ads").Busy {
		t.Errorf("asked %d times", s.asked)
	}
}

// Without a database it goes on, and what was learnt reaches it later.
func TestSubscriptionWithoutDatabase(t *testing.T) {
	s := &fakeServer{text: numbered(10)}
	b := newBox(t)
	good := b.o.Store
	b.o.Store = noStore
	b.o.Lists = s
	b.edit("[tools]", subscribed)
	b.start()
	b.later(fetchFirst + fetchWithin)
	if b.listed("n1.ads.example") != "ads" {
		t.Fatal("waits for the database")
	}
	b.Gateway.o.Store = good
	b.keepOnce(t.Context())
	b.later(fetchEvery + fetchSpread)
	states, err := b.db().ListStates(t.Context())
	if err != nil || len(states) != 1 || states[0].Sum == "" || s.have.ETag == "" {
		t.Errorf("%+v, %v", states, err)
	}
}
