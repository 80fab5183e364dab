package gateway

import (
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/text"
)

// An invitation is good once, for one role, for seven days, from somebody who
// has just given his second factor; a newer one takes its place.
func TestInvitation(t *testing.T) {
	b, who, _ := settled(t)
	who.SteppedUp = noon
	b.time.pass(10 * time.Minute)
	_, err := b.Invite(t.Context(), who, people.Staff)
	fails(t, err, "people.step_up")
	invite := func(role people.Role) string {
		t.Helper()
		who.SteppedUp = b.o.Clock.Wall()
		c, err := b.Invite(t.Context(), who, role)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, role := range []people.Role{people.Console, people.System, "", "boss"} {
		who.SteppedUp = b.o.Clock.Wall()
		_, err := b.Invite(t.Context(), who, role)
		fails(t, err, "people.no_such_role")
	}
	old, code, other := invite(people.Staff), invite(people.Staff), invite(people.Inspector)
	_, err = b.BeginSetUp(t.Context(), outside, old, "受付", password)
	fails(t, err, "people.wrong_setup_code")
	_, err = b.BeginSetUp(t.Context(), inside, code, "院長", password)
	fails(t, err, "people.name_taken")
	if joined, _ := b.join(code, "受付"); joined.Role != people.Staff {
		t.Error(joined)
	}
	_, err = b.BeginSetUp(t.Context(), outside, code, "受付2", password)
	fails(t, err, "people.wrong_setup_code")
	b.time.pass(inviteFor - time.Second)
	if joined, _ := b.join(other, "検査員"); joined.Role != people.Inspector {
		t.Error(joined)
	}
	late := invite(people.Vendor)
	b.time.pass(inviteFor)
	_, err = b.BeginSetUp(t.Context(), outside, late, "業者", password)
	fails(t, err, "people.wrong_setup_code")
	all, err := b.People(t.Context(), who)
	if err != nil || len(all) != 3 || all[0].Name != "院長" || all[2].Name != "検査員" {
		t.Error(all, err)
	}
}

// Who began with an invitation is not let in by it once it was replaced or is
// over, and does not use up the one that took its place.
func TestReplacedInvitation(t *testing.T) {
	b, who, _ := settled(t)
	invite := func() string {
		t.Helper()
		who.SteppedUp = b.o.Clock.Wall()
		c, err := b.Invite(t.Context(), who, people.Director)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	begin := func(code, name string) string {
		t.Helper()
		b.time.pass(time.Minute)
		pending, err := b.BeginSetUp(t.Context(), inside, code, name, password)
		if err != nil {
			t.Fatal(err)
		}
		return pending
	}
	refused := func(pending string) {
		t.Helper()
		_, _, err := b.FinishSetUp(t.Context(), inside, pending, b.pendingCode(pending))
		fails(t, err, "people.wrong_setup_code")
	}
	leaked := begin(invite(), "偽院長")
	code := invite()
	refused(leaked)
	b.time.pass(time.Minute)
	if joined, _ := b.join(code, "副院長"); joined.Role != people.Director {
		t.Error("the new invitation is used up:", joined)
	}
	code = invite()
	b.time.pass(inviteFor - 5*time.Minute)
	late := begin(code, "遅い人")
	b.time.pass(5 * time.Minute)
	refused(late)
	all, err := b.People(t.Context(), who)
	if err != nil || len(all) != 2 || b.lines("people.joined") != 2 {
		t.Error(all, err)
	}
}

// A notice of a new account says whose it is in words, not only that there is
// one: a director more is another matter than a receptionist.
func TestJoinedIsToldWithItsRole(t *testing.T) {
	b, who, _ := settled(t)
	who.SteppedUp = b.o.Clock.Wall()
	code, err := b.Invite(t.Context(), who, people.Director)
	if err != nil {
		t.Fatal(err)
	}
	b.join(code, "副院長")
	for what, words := range map[string][2]string{
		"people.joined":  {"「院長」", "as director"},
		"people.invited": {"院長", "director"},
	} {
		lines := b.log()
		i := len(lines) - 1
		for lines[i].Code != what {
			i--
		}
		m := notice.Message{Code: what, Args: lines[i].Args}
		for n, lang := range []text.Lang{text.JA, text.EN} {
			if said := notice.Sentence(lang, m); !strings.Contains(said, words[n]) {
				t.Errorf("%s: %q does not say %q", what, said, words[n])
			}
		}
	}
}
