package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/store"
)

// held is a box whose list has shrunk and refuses a name that must work.
func heldBox(t *testing.T, s *fakeServer) (*box, ListView) {
	s.text = numbered(100)
	b := subscriber(t, s)
	b.later(fetchFirst + fetchWithin)
	s.text = numbered(49) + "||mhlw.go.jp^\n0.0.0.0 www.lab.example\n"
	b.later(fetchEvery + fetchSpread)
	v := b.view("ads")
	if v.State != ListHeld || v.Held == nil {
		t.Fatalf("%+v", v)
	}
	return b, v
}

// A list that shrinks by half, or begins to refuse what must work, waits; the
// last good one serves on, and people are told why.
func TestHeldList(t *testing.T) {
	s := &fakeServer{}
	b, v := heldBox(t, s)
	want := []store.HeldName{{Name: "www.mhlw.go.jp", Line: 50, Why: "厚生労働省"}, {Name: "www.lab.example", Line: 51, Why: fromSite}}
	if h := v.Held; h.Shrunk || h.Before != 100 || h.After != 51 || !slices.Equal(h.Refused, want) {
		t.Errorf("%+v", h)
	}
	if b.listed("n99.ads.example") != "ads" || b.listed("www.mhlw.go.jp") != "" {
		t.Error("the new list is in use")
	}
	if n, ok := b.note("gateway.list_held"); !ok || n.Level != "caution" || n.Link != listsPath {
		t.Errorf("%+v", n)
	}
	if b.lines("dns.list_held.refuses") != 1 || toldAs["dns.list_held.refuses"] != notice.Caution {
		t.Error("not on record, or nobody is told")
	}
	b.later(fetchEvery + fetchSpread) // the same again is no news
	if b.lines("dns.list_held.refuses") != 1 || b.view("ads").State != ListHeld {
		t.Error("told twice")
	}
	b.kill().start()
	if b.checkLists(t.Context()); b.view("ads").State != ListHeld || b.listed("n99.ads.example") != "ads" {
		t.Error("forgotten over a restart")
	}
	s.text = numbered(120)
	b.later(2 * fetchEvery)
	if v := b.view("ads"); v.State != ListInUse || v.Held != nil || b.listed("n119.ads.example") != "ads" {
		t.Errorf("a good one after it: %+v", v)
	}
	if left, _ := filepath.Glob(filepath.Join(b.textDir(), "*.held.gz")); len(left) != 0 {
		t.Error("left behind:", left)
	}
}

// What counts as too much of a change.
func TestWeigh(t *testing.T) {
	for i, x := range []struct {
		after string
		why   string
	}{
		{numbered(50), ""},
		{numbered(49), "shrunk"},
		{numbered(100) + "0.0.0.0 mhlw.go.jp\n", ""}, // that name alone, not what is below it
		{numbered(100) + "0.0.0.0 www.mhlw.go.jp\n", "refuses"},
		{numbered(100) + "||jp^\n", "refuses"},
		{numbered(100) + "||onshikaku.org^\n", "refuses"},
		{numbered(100) + "||jp^\n@@||jp^\n", ""},
		{numbered(100) + "||mhlw.go.jp^$client=0.0.0.0/0\n", "refuses"}, // to whomever, of whatever type
		{numbered(100) + "||mhlw.go.jp^$dnstype=A\n", "refuses"},
		{numbered(100) + "||mhlw.go.jp^\n@@||mhlw.go.jp^$client=~192.168.0.0/16\n", "refuses"},
		{numbered(100) + "/^www\\.mhlw/$client=reception\n", "refuses"},
		{"||org^\n", "both"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := &fakeServer{text: numbered(100)}
			b := subscriber(t, s)
			b.later(fetchFirst + fetchWithin)
			s.text = x.after
			b.later(fetchEvery + fetchSpread)
			why := ""
			if h := b.view("ads").Held; h != nil {
				why = heldWhy(h)
			}
			if why != x.why {
				t.Errorf("held %q, want %q", why, x.why)
			}
		})
	}
	t.Run("the first", func(t *testing.T) {
		s := &fakeServer{text: "||go.jp^\n"}
		b := subscriber(t, s)
		b.later(fetchFirst + fetchWithin)
		if v := b.view("ads"); v.State != ListHeld || b.listed("www.mhlw.go.jp") != "" {
			t.Errorf("%+v", v)
		}
	})
}

// A held text that is gone from the disk cannot be accepted; it is fetched
// again.
func TestHeldTextIsGone(t *testing.T) {
	s := &fakeServer{}
	b, v := heldBox(t, s)
	if err := os.Remove(b.heldPath("ads")); err != nil {
		t.Fatal(err)
	}
	fails(t, b.AcceptList(t.Context(), b.director(), "ads", v.Held.Sum), "dns.list_unknown")
	b.later(fetchEvery + fetchSpread)
	if v := b.view("ads"); v.State != ListHeld || stampOf(b.heldPath("ads")) == (stamp{}) || b.listed("n99.ads.example") != "ads" {
		t.Errorf("%+v", v)
	}
}

// The director alone answers, with a second factor, for what he has seen.
func TestAnswerHeldList(t *testing.T) {
	s := &fakeServer{}
	b, v := heldBox(t, s)
	tired := b.director()
	tired.SteppedUp = time.Time{}
	deputy := staff
	deputy.Deputy = true
	for code, err := range map[string]error{
		"people.may_not":   b.AcceptList(t.Context(), deputy, "ads", v.Held.Sum),
		"people.step_up":   b.AcceptList(t.Context(), tired, "ads", v.Held.Sum),
		"dns.list_unknown": b.AcceptList(t.Context(), b.director(), "ads", "another"),
	} {
		fails(t, err, code)
	}
	fails(t, b.RefuseList(t.Context(), b.director(), "lab", v.Held.Sum), "dns.list_unknown")
	if err := b.AcceptList(t.Context(), b.director(), "ads", v.Held.Sum); err != nil {
		t.Fatal(err)
	}
	if b.listed("n99.ads.example") != "" || b.listed("www.mhlw.go.jp") != "ads" || b.lines("dns.list_accepted") != 1 {
		t.Error("accepted, and not in use")
	}
	fails(t, b.AcceptList(t.Context(), b.director(), "ads", v.Held.Sum), "dns.list_unknown")
	s.text += "0.0.0.0 more.example\n" // the same name again is no news
	b.later(fetchEvery + fetchSpread)
	if b.view("ads").State != ListInUse || b.listed("more.example") != "ads" {
		t.Errorf("%+v", b.view("ads"))
	}
}

func TestRefuseHeldList(t *testing.T) {
	s := &fakeServer{}
	b, v := heldBox(t, s)
	if err := b.RefuseList(t.Context(), b.director(), "ads", v.Held.Sum); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b.later(fetchEvery + fetchSpread)
		if v := b.view("ads"); v.State != ListInUse || b.listed("n99.ads.example") != "ads" || b.lines("dns.list_refused") != 1 || b.lines("dns.list_held.refuses") != 1 {
			t.Errorf("%+v", v)
		}
		b.kill().start()
	}
	if left, _ := filepath.Glob(filepath.Join(b.textDir(), "*.held.gz")); len(left) != 0 {
		t.Error("left behind:", left)
	}
}

// A crash between the record and the move of the file is made good.
func TestAcceptedAndCrashed(t *testing.T) {
	s := &fakeServer{}
	b, v := heldBox(t, s)
	held, err := os.ReadFile(b.heldPath("ads"))
	if err != nil {
		t.Fatal(err)
	}
	st, _ := b.subOf("ads")
	st.Sum, st.Held, st.Accepted = v.Held.Sum, nil, true
	if err := b.act(t.Context(), b.director(), func(tx *store.Tx) error {
		return errors.Join(tx.PutListState(st), tx.Audit("dns.list_accepted", nil))
	}); err != nil {
		t.Fatal(err)
	}
	b.kill().start()
	b.checkLists(t.Context())
	if now, err := os.ReadFile(b.textPath("ads")); err != nil || !bytes.Equal(held, now) {
		t.Error("the old text is in use", err)
	}
	if b.loadLists(); b.listed("www.mhlw.go.jp") != "ads" {
		t.Error("the old list is in use")
	}
	b.checkLists(t.Context())
	if st, _ := b.subOf("ads"); st.Accepted {
		t.Error("not settled")
	}
}

// Who has accepted one text has accepted no other: a crash after a later one
// was put aside, and before that was stored, does not bring it into use.
func TestAcceptedIsNotTheNext(t *testing.T) {
	for name, settle := range map[string]func(*box){
		"accepted": func(*box) {},
		"settled": func(b *box) { // accepted before a crash, put in place after it
			st, _ := b.subOf("ads")
			st.Accepted = true
			if err := b.act(t.Context(), b.director(), func(tx *store.Tx) error {
				return errors.Join(tx.PutListState(st), tx.Audit("dns.list_accepted", nil))
			}); err != nil {
				t.Fatal(err)
			}
			b.kill().start()
			b.checkLists(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, v := heldBox(t, &fakeServer{})
			if err := b.AcceptList(t.Context(), b.director(), "ads", v.Held.Sum); err != nil {
				t.Fatal(err)
			}
			settle(b)
			mine, err := os.ReadFile(b.textPath("ads"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(b.heldPath("ads"), []byte("the next"), 0o600); err != nil {
				t.Fatal(err)
			}
			b.kill().start()
			b.checkLists(t.Context())
			if now, err := os.ReadFile(b.textPath("ads")); err != nil || !bytes.Equal(mine, now) {
				t.Error("what nobody has accepted is in use", err)
			}
		})
	}
}

// The names that must work are such.
func TestPinnedNames(t *testing.T) {
	all, err := pinned(newBox(t).start().current().config)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.name] || p.why == "" || !strings.Contains(p.name, ".") {
			t.Errorf("%+v", p)
		}
		seen[p.name] = true
	}
	if len(all) < 20 || !seen["www.mhlw.go.jp"] || !seen["www.lab.example"] {
		t.Errorf("%d names", len(all))
	}
}

// What the clinic refuses itself, for everybody, until somebody takes it back.
func TestDenyName(t *testing.T) {
	b := newBox(t)
	b.edit("must_work = [", "deny = [\"site.example\"]\nallow = [\"ads.lab.example\"]\nmust_work = [")
	b.start()
	reason := func(name string) string {
		t.Helper()
		x, err := b.Explain(t.Context(), staff, name, inside)
		if err != nil {
			t.Fatal(err)
		}
		return x.Reason
	}
	if reason("www.site.example") != "dns.reason.denied" || reason("ads.lab.example") != "dns.reason.permitted" {
		t.Error("site.toml:", reason("www.site.example"), reason("ads.lab.example"))
	}
	_, err := b.DenyName(t.Context(), staff, "games.example", "")
	fails(t, err, "people.may_not")
	d, err := b.DenyName(t.Context(), b.director(), "https://Games.Example/x", "診療中のため")
	if err != nil || d.Name != "games.example" || reason("www.games.example") != "dns.reason.denied" || b.lines("dns.denied_name") != 1 {
		t.Errorf("%+v, %v, %s", d, err, reason("www.games.example"))
	}
	if _, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: "fine.example"}); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]string{
		"games.example": "dns.deny_taken", "jp": "dns.deny_wide", "a b": "dns.bad_name", "": "dns.bad_name", "mhlw.go.jp": "dns.deny_needed",
		"go.jp": "dns.deny_needed", "lab.example": "dns.deny_needed", "x.www.lab.example": "dns.deny_allowed", "x.fine.example": "dns.deny_allowed",
		"ads.lab.example": "dns.deny_allowed", "monban.home.arpa": "dns.deny_local", "printer.local": "dns.deny_local", "use-application-dns.net": "dns.deny_local",
	} {
		_, err := b.DenyName(t.Context(), b.director(), name, "")
		fails(t, err, code)
	}
	b.kill().start()
	if reason("games.example") != "dns.reason.denied" {
		t.Error("forgotten over a restart")
	}
	all, err := b.Denies(t.Context(), inspector)
	if err != nil || len(all) != 2 || all[0].Name != "site.example" || all[1].ID != d.ID || all[1].Reason != "診療中のため" || all[1].By.ID != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	fails(t, b.EndDeny(t.Context(), staff, d.ID), "people.may_not")
	fails(t, b.EndDeny(t.Context(), b.director(), 99), "dns.deny_unknown")
	if err := b.EndDeny(t.Context(), people.Actor{Name: "root", Role: people.Console, Via: "socket"}, d.ID); err != nil {
		t.Fatal(err)
	}
	if reason("games.example") == "dns.reason.denied" || b.lines("dns.deny_ended") != 1 {
		t.Error("still refused")
	}
}

// What cannot be read is not taken for none.
func TestDeniesUnread(t *testing.T) {
	b := newBox(t)
	b.edit("must_work = [", "deny = [\"site.example\"]\nmust_work = [")
	good := b.o.Store
	b.o.Store = noStore
	b.start()
	all, err := b.Denies(t.Context(), inspector)
	fails(t, err, "store.not_a_database")
	if len(all) != 1 || all[0].Name != "site.example" {
		t.Errorf("%+v", all)
	}
	b.Gateway.o.Store = good
	b.keepOnce(t.Context())
	if _, err := b.Denies(t.Context(), inspector); err != nil {
		t.Error(err)
	}
}

// Who does not answer for lists does not see what the clinic pays for them with.
func TestSecretsInAddressesOfLists(t *testing.T) {
	b := newBox(t)
	b.edit("[tools]", strings.ReplaceAll(subscribed, "lists.example/ads.txt", "lists.example/a%20b/ads.txt?token=geheim&x=1"))
	b.start()
	for who, want := range map[string]string{"staff": "https://lists.example/a%20b/ads.txt", "director": "https://lists.example/a%20b/ads.txt?token=geheim&x=1"} {
		all, err := b.NameLists(t.Context(), map[string]people.Actor{"staff": staff, "director": b.director()}[who])
		if err != nil || len(all) < 2 || all[1].URL != want {
			t.Errorf("%s: %+v, %v", who, all, err)
		}
	}
	if got := bare("https://me:geheim@lists.example:8443/p?q=geheim#geheim"); got != "https://lists.example:8443/p" {
		t.Error(got)
	}
}
