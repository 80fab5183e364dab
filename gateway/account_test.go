package gateway

import (
	"slices"
	"testing"
	"time"

	"monban/gateway/people"
)

const another = "別の牛 石けん はさみ えんぴつ 九つ"

// signedIn says whether a sign-in of who would be taken by the page.
func (b *box) signedIn(who people.Actor) bool {
	b.t.Helper()
	now, err := b.Actor(b.t.Context(), who.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return now.Renewed == who.Renewed
}

// renewing is a box that tells people, with an inspector, who has just stepped
// up in the first of two sessions, and a director.
func renewing(t *testing.T) (b *box, m *mouth, here, elsewhere, director people.Actor, recovery []string) {
	b, m = telling(t)
	director, _ = b.account("院長", people.Director)
	elsewhere, recovery = b.account("検査員", people.Inspector)
	b.time.pass(time.Minute)
	here, err := b.StepUp(t.Context(), inside, elsewhere, b.totp("検査員"))
	if err != nil {
		t.Fatal(err)
	}
	b.time.pass(time.Minute)
	return b, m, here, elsewhere, director, recovery
}

// renewed is what holds after each act: it is on record and told, and of the
// person's sign-ins only the one it came by goes on.
func (b *box) renewed(m *mouth, now, here, elsewhere, director people.Actor, code string) {
	b.t.Helper()
	b.deliverAll()
	if b.lines(code) != 1 || !slices.Contains(m.heard("mail"), code) || !slices.Contains(m.heard("webhook"), code) {
		b.t.Errorf("%s: %d lines, by mail %v", code, b.lines(code), m.heard("mail"))
	}
	if !b.signedIn(now) || b.signedIn(here) || b.signedIn(elsewhere) || !b.signedIn(director) {
		b.t.Error("who is still signed in:", b.signedIn(now), b.signedIn(here), b.signedIn(elsewhere), b.signedIn(director))
	}
	if now.ID != here.ID || !now.SteppedUp.Equal(here.SteppedUp) || now.Via != "page" {
		b.t.Errorf("%+v goes on", now)
	}
	// What is over cannot do it again, however fresh its second factor.
	here.SteppedUp = b.o.Clock.Wall()
	current := password
	if code == "people.password_changed" {
		current = another
	}
	_, err := b.SetPassword(b.t.Context(), inside, here, current, another)
	if !is(err, "people.renewed_elsewhere") || b.lines(code) != 1 {
		b.t.Error("a sign-in that is over did it again:", err)
	}
}

// notStepped tries each act without the second factor of a moment ago.
func (b *box) notStepped(who people.Actor) {
	b.t.Helper()
	head := b.db().Head()
	_, set := b.SetPassword(b.t.Context(), inside, who, password, another)
	_, factor := b.BeginFactor(b.t.Context(), who)
	_, _, recovery := b.NewRecoveryCodes(b.t.Context(), inside, who)
	for _, err := range []error{set, factor, recovery} {
		if !is(err, "people.step_up") {
			b.t.Error("without the second factor:", err)
		}
	}
	if b.db().Head() != head {
		b.t.Error("refused, and done")
	}
}

func TestRenewWantsSecondFactor(t *testing.T) {
	b, _, here, elsewhere, _, _ := renewing(t)
	b.notStepped(elsewhere)
	wrong, err := b.StepUp(t.Context(), outside, elsewhere, "000000")
	fails(t, err, "people.wrong_totp")
	b.notStepped(wrong)
	b.time.pass(time.Hour)
	b.notStepped(here) // too long ago
}

func TestSetPassword(t *testing.T) {
	b, m, here, elsewhere, director, _ := renewing(t)
	for bad, want := range map[string]string{"short": "people.password_short", "password12345678!": "people.password_common",
		"検査員検査員 さくら 検査員検査員": "people.password_context"} {
		_, err := b.SetPassword(t.Context(), inside, here, password, bad)
		fails(t, err, want)
	}
	_, err := b.SetPassword(t.Context(), inside, here, another, another)
	fails(t, err, "people.wrong_password")
	now, err := b.SetPassword(t.Context(), inside, here, password, another)
	if err != nil {
		t.Fatal(err)
	}
	b.renewed(m, now, here, elsewhere, director, "people.password_changed")
	_, err = b.SignIn(t.Context(), inside, "検査員", password, b.totp("検査員"))
	fails(t, err, "people.wrong_sign_in")
	got, err := b.SignIn(t.Context(), inside, "検査員", another, b.totp("検査員"))
	if err != nil || !b.signedIn(got) {
		t.Error(got, err)
	}
	if _, err := b.SignIn(t.Context(), inside, "院長", password, b.totp("院長")); err != nil {
		t.Error("the director's password:", err)
	}
	// The log names the person and the place, never what was typed.
	for _, l := range b.log() {
		if l.Code == "people.password_changed" && (len(l.Args) != 2 || l.Args["name"] != "検査員" || l.Args["source"] != inside.String()) {
			t.Error(l.Args)
		}
	}
	b.kill().start() // and it lasts
	b.time.pass(time.Minute)
	if got, err = b.SignIn(t.Context(), inside, "検査員", another, b.totp("検査員")); err != nil || got.Renewed != now.Renewed {
		t.Error(got, err)
	}
}

func TestNewFactor(t *testing.T) {
	b, m, here, elsewhere, director, _ := renewing(t)
	first, err := b.BeginFactor(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	pending, err := b.BeginFactor(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = b.PendingSetUp(t.Context(), first); !is(err, "people.setup_expired") {
		t.Error("two at once:", err)
	}
	if secret, url, err := b.PendingSetUp(t.Context(), pending); err != nil || len(secret) < 26 || url == "" {
		t.Error(secret, url, err)
	}
	code := func() string { return b.pendingCode(pending) }
	// It is nobody else's, and no set-up.
	_, err = b.FinishFactor(t.Context(), inside, director, pending, code())
	fails(t, err, "people.factor_expired")
	_, _, err = b.FinishSetUp(t.Context(), inside, pending, code())
	fails(t, err, "people.setup_expired")
	_, err = b.FinishFactor(t.Context(), inside, here, pending, b.totp("検査員"))
	fails(t, err, "people.wrong_totp")
	// The old one holds until then.
	if _, err := b.StepUp(t.Context(), inside, here, b.totp("検査員")); err != nil || !b.signedIn(elsewhere) {
		t.Error("the old one:", err)
	}
	b.time.pass(10 * time.Minute)
	last := code()
	old := b.totp("検査員")
	now, err := b.FinishFactor(t.Context(), inside, here, pending, last)
	if err != nil {
		t.Fatal(err)
	}
	b.renewed(m, now, here, elsewhere, director, "people.factor_changed")
	for _, refused := range []string{old, last} { // another's now, and used
		_, err = b.SignIn(t.Context(), inside, "検査員", password, refused)
		fails(t, err, "people.wrong_sign_in")
	}
	b.time.pass(time.Minute)
	if got, err := b.SignIn(t.Context(), inside, "検査員", password, b.totp("検査員")); err != nil || !b.signedIn(got) {
		t.Error("the new one:", got, err)
	}
	_, err = b.FinishFactor(t.Context(), inside, now, pending, "000000")
	fails(t, err, "people.factor_expired")

	now.SteppedUp = b.o.Clock.Wall()
	if pending, err = b.BeginFactor(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	late := code()
	b.time.pass(pendingFor + time.Second)
	_, err = b.FinishFactor(t.Context(), inside, now, pending, late)
	fails(t, err, "people.factor_expired")
	if b.lines("people.factor_changed") != 1 {
		t.Error("more than once on record")
	}
}

// A lost phone costs one recovery code: it lets in, and a new authenticator be
// registered.
func TestLostPhone(t *testing.T) {
	b, _, recovery := settled(t)
	who, err := b.SignIn(t.Context(), inside, "院長", password, recovery[0])
	if err != nil {
		t.Fatal(err)
	}
	pending, err := b.BeginFactor(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.FinishFactor(t.Context(), inside, who, pending, b.pendingCode(pending)); err != nil {
		t.Fatal(err)
	}
	if a, err := b.Account(t.Context(), who); err != nil || a.RecoveryLeft != 9 {
		t.Error(a, err)
	}
}

func TestNewRecoveryCodes(t *testing.T) {
	b, m, here, elsewhere, director, recovery := renewing(t)
	left := func() int {
		t.Helper()
		a, err := b.Account(t.Context(), here)
		if err != nil {
			t.Fatal(err)
		}
		return a.RecoveryLeft
	}
	if _, err := b.StepUp(t.Context(), inside, here, recovery[0]); err != nil || left() != 9 {
		t.Error(left(), err)
	}
	now, codes, err := b.NewRecoveryCodes(t.Context(), inside, here)
	if err != nil || len(codes) != 10 || left() != 10 {
		t.Fatal(codes, left(), err)
	}
	b.renewed(m, now, here, elsewhere, director, "people.recovery_renewed")
	_, err = b.SignIn(t.Context(), inside, "検査員", password, recovery[1])
	fails(t, err, "people.wrong_sign_in")
	if got, err := b.SignIn(t.Context(), inside, "検査員", password, codes[9]); err != nil || !b.signedIn(got) || left() != 9 {
		t.Error(got, left(), err)
	}
	if a, err := b.Account(t.Context(), director); err != nil || a.RecoveryLeft != 10 {
		t.Error("the director's:", a, err)
	}
	if _, err := b.Account(t.Context(), people.Actor{ID: 99, Role: people.Director}); !is(err, "people.gone") {
		t.Error(err)
	}
}
