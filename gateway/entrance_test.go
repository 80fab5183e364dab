package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
)

const password = "正しい馬 電池 ホチキス 七つ"

// code is the set-up code as it lies in the state directory.
func (b *box) code() string {
	b.t.Helper()
	c, err := os.ReadFile(filepath.Join(b.dir, "setup-code"))
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(string(c))
}

// totp is the code somebody's authenticator shows now.
func (b *box) totp(name string) string {
	b.t.Helper()
	p, err := b.db().PersonNamed(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := people.TOTPCode(p.TOTP, b.o.Clock.Wall())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// pendingCode is what the authenticator of somebody who is joining shows.
func (b *box) pendingCode(pending string) string {
	b.t.Helper()
	p, err := b.pendingPerson(pending)
	if err != nil {
		b.t.Fatal(err)
	}
	c, _ := people.TOTPCode(p.person.TOTP, b.o.Clock.Wall())
	return c
}

// join makes an account by a code.
func (b *box) join(code, name string) (people.Actor, []string) {
	b.t.Helper()
	pending, err := b.BeginSetUp(b.t.Context(), inside, code, name, password)
	if err != nil {
		b.t.Fatal(err)
	}
	who, recovery, err := b.FinishSetUp(b.t.Context(), inside, pending, b.pendingCode(pending))
	if err != nil {
		b.t.Fatal(err)
	}
	return who, recovery
}

// hashed is what everybody in these tests knows by heart, hashed once: that
// takes long on purpose.
var hashed = sync.OnceValue(func() (k struct {
	password        string
	codes, recovery []string
}) {
	h := people.NewHasher()
	k.password, _ = h.Hash(context.Background(), password)
	k.codes, k.recovery, _ = h.NewRecovery(context.Background())
	return k
})

// account makes an account past the entrance, with a secret of its own.
func (b *box) account(name string, role people.Role) (people.Actor, []string) {
	b.t.Helper()
	p := people.Person{Name: name, Role: role, Password: hashed().password, TOTP: people.NewTOTP(), Recovery: hashed().recovery,
		Counter: b.o.Clock.Wall().Unix() / 30} // he has just shown a code
	if err := b.act(b.t.Context(), people.Box, func(tx *store.Tx) (err error) {
		if p, err = tx.InsertPerson(p); err != nil {
			return err
		}
		return tx.Audit("people.joined", map[string]any{"name": name, "role": string(role), "source": ""})
	}); err != nil {
		b.t.Fatal(err)
	}
	return p.Actor("page"), hashed().codes
}

// settled is a box with a director.
func settled(t *testing.T) (*box, people.Actor, []string) {
	b := newBox(t).start()
	who, recovery := b.account("院長", people.Director)
	b.time.pass(time.Minute)
	return b, who, recovery
}

// The code makes one director and is gone, from the disk too.
func TestSetUpCode(t *testing.T) {
	b := newBox(t).start()
	code := b.code()
	if fi, err := os.Stat(filepath.Join(b.dir, "setup-code")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	if !b.SetUpNeeded(t.Context()) {
		t.Error("nobody is here, and no set-up is needed")
	}
	b.kill().start()
	if b.code() != code {
		t.Error("a restart made another code")
	}
	for _, wrong := range []string{"", "0000-0000-0000-0000"} {
		_, err := b.BeginSetUp(t.Context(), outside, wrong, "院長", password)
		fails(t, err, "people.wrong_setup_code")
	}
	_, err := b.BeginSetUp(t.Context(), inside, code, "院長", "short")
	if len(codes(err)) == 0 {
		t.Error("a short password is good enough")
	}
	first, err := b.BeginSetUp(t.Context(), inside, code, "院長", password)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.BeginSetUp(t.Context(), inside, code, "偽院長", password)
	if err != nil {
		t.Fatal(err)
	}
	secret, url, err := b.PendingSetUp(t.Context(), first)
	if err != nil || len(secret) < 26 || !strings.HasPrefix(url, "otpauth://totp/") {
		t.Error(secret, url, err)
	}
	_, _, err = b.FinishSetUp(t.Context(), inside, first, "000000x")
	fails(t, err, "people.wrong_totp")
	who, recovery, err := b.FinishSetUp(t.Context(), inside, first, b.pendingCode(first))
	if err != nil || who.Role != people.Director || who.Name != "院長" || who.ID == 0 || len(recovery) != 10 || !who.SteppedUp.Equal(noon) {
		t.Fatalf("%+v, %d codes, %v", who, len(recovery), err)
	}
	_, _, err = b.FinishSetUp(t.Context(), netip.MustParseAddr("192.168.10.22"), second, b.pendingCode(second))
	fails(t, err, "people.wrong_setup_code")
	_, _, err = b.FinishSetUp(t.Context(), outside, first, "000000")
	fails(t, err, "people.setup_expired")
	_, err = b.BeginSetUp(t.Context(), outside, code, "誰か", password)
	fails(t, err, "people.wrong_setup_code")
	if _, err := os.Stat(filepath.Join(b.dir, "setup-code")); !os.IsNotExist(err) {
		t.Error("the used code still lies there", err)
	}
	b.kill().start()
	if _, err := os.Stat(filepath.Join(b.dir, "setup-code")); !os.IsNotExist(err) || b.SetUpNeeded(t.Context()) {
		t.Error("a second code was made", err)
	}
	if b.lines("setup.code_made") != 1 || b.lines("people.joined") != 1 {
		t.Error("the record is wrong")
	}
}

func TestSetUpExpires(t *testing.T) {
	b := newBox(t).start()
	pending, err := b.BeginSetUp(t.Context(), inside, b.code(), "院長", password)
	if err != nil {
		t.Fatal(err)
	}
	b.time.pass(pendingFor)
	if _, _, err := b.PendingSetUp(t.Context(), pending); err != nil {
		t.Error("too early:", err)
	}
	code := b.pendingCode(pending)
	b.time.pass(time.Second)
	_, _, err = b.PendingSetUp(t.Context(), pending)
	fails(t, err, "people.setup_expired")
	_, _, err = b.FinishSetUp(t.Context(), inside, pending, code)
	fails(t, err, "people.setup_expired")
	b.join(b.code(), "院長") // the code itself is still good
}

// Whatever is wrong, the answer is the same, and the log keeps no name that
// might be a password.
func TestSignInSaysNothing(t *testing.T) {
	b, _, _ := settled(t)
	good := b.totp("院長")
	for i, x := range []struct{ name, password, code string }{
		{"院長", "間違った馬 電池 ホチキス", good},
		{"院長", password, "000000"},
		{"院長", password, ""},
		{"誰もいない", password, good},
		{password, password, good},
	} {
		from := netip.AddrFrom4([4]byte{192, 168, 10, byte(100 + i)})
		_, err := b.SignIn(t.Context(), from, x.name, x.password, x.code)
		fails(t, err, "people.wrong_sign_in")
	}
	b.time.set(b.o.Clock.Wall(), false)
	_, err := b.SignIn(t.Context(), outside, "誰もいない", password, good)
	fails(t, err, "people.wrong_sign_in_unsynced")
	b.time.set(b.o.Clock.Wall(), true)
	who, err := b.SignIn(t.Context(), inside, " 院長", password, good)
	if err != nil || who.Role != people.Director || !who.SteppedUp.Equal(noon.Add(time.Minute)) {
		t.Error(who, err)
	}
	n := 0
	for _, l := range b.log() {
		if l.Code == "people.sign_in_failed" {
			n++
			if name := l.Args["name"]; name != "院長" && name != "" {
				t.Errorf("the log keeps %q", name)
			}
		}
	}
	if n != 6 || b.lines("people.signed_in") != 1 {
		t.Errorf("%d failures on record", n)
	}
}

// Guessing is slowed down, by source and by name, and never locks out the one
// who is sitting inside.
func TestSignInLimited(t *testing.T) {
	b, who, _ := settled(t)
	if _, err := b.SignIn(t.Context(), inside, "院長", password, b.totp("院長")); err != nil {
		t.Fatal(err)
	}
	b.time.pass(time.Minute)
	waited := false
	for range 6 { // one and the same limit at every door
		_, err := b.StepUp(t.Context(), outside, who, "000000")
		waited = slices.Equal(codes(err), []string{"people.wait"})
	}
	if !waited {
		t.Error("six tries at once")
	}
	_, err := b.SignIn(t.Context(), outside, "院長", password, b.totp("院長"))
	fails(t, err, "people.wait") // right or wrong, nothing is checked
	if _, err := b.SignIn(t.Context(), inside, "院長", password, b.totp("院長")); err != nil {
		t.Error("locked out by somebody else:", err)
	}
	b.time.pass(time.Minute)
	if _, err := b.SignIn(t.Context(), outside, "院長", password, b.totp("院長")); err != nil {
		t.Error("after the wait:", err)
	}
	// Of IPv6 a whole /64 is one source.
	for n := range 7 {
		_, err = b.BeginSetUp(t.Context(), netip.MustParseAddr(fmt.Sprintf("2001:db8:10::%x", n+1)), "0000", "誰", password)
	}
	fails(t, err, "people.wait")
}

// Of two who bring one code at once, one comes in; later nobody does.
func TestCodeOnce(t *testing.T) {
	for _, x := range []struct {
		name string
		code func(b *box, recovery []string) string
	}{
		{"one-time code", func(b *box, _ []string) string { return b.totp("院長") }},
		{"recovery code", func(_ *box, recovery []string) string { return recovery[3] }},
		{"clock set back", func(b *box, _ []string) string {
			b.time.set(noon.Add(-48*time.Hour), true)
			return b.totp("院長")
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			b, _, recovery := settled(t)
			code := x.code(b, recovery)
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { _, errs[i] = b.SignIn(t.Context(), inside, "院長", password, code) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("together: %v, %v", errs[0], errs[1])
			}
			_, err := b.SignIn(t.Context(), inside, "院長", password, code)
			fails(t, err, "people.wrong_sign_in")
			if b.lines("people.signed_in") != 1 {
				t.Error("signed in on record:", b.lines("people.signed_in"))
			}
		})
	}
}

func TestRecoveryAndClockOnRecord(t *testing.T) {
	b, who, recovery := settled(t)
	if _, err := b.StepUp(t.Context(), outside, who, recovery[0]); err != nil {
		t.Fatal(err)
	}
	p, err := b.db().PersonNamed(t.Context(), "院長")
	if err != nil || len(p.Recovery) != 9 || b.lines("people.recovery_used") != 1 {
		t.Error(len(p.Recovery), err)
	}
	b.time.set(noon.Add(-24*time.Hour), false)
	if _, err := b.SignIn(t.Context(), inside, "院長", password, b.totp("院長")); err != nil {
		t.Error("locked out by the clock:", err)
	}
	if b.lines("people.clock_set_back") != 1 {
		t.Error("not on record")
	}
	b.time.set(noon.Add(time.Hour), true)
	if _, err := b.SignIn(t.Context(), inside, "院長", password, b.totp("院長")); err != nil {
		t.Error("and back again:", err)
	}
}

func TestStepUp(t *testing.T) {
	b, who, _ := settled(t)
	_, err := b.StepUp(t.Context(), inside, who, "000000")
	fails(t, err, "people.wrong_totp")
	code := b.totp("院長")
	got, err := b.StepUp(t.Context(), inside, who, code)
	if err != nil || !got.SteppedUp.Equal(noon.Add(time.Minute)) || got.ID != who.ID {
		t.Error(got, err)
	}
	b.time.pass(time.Second)
	_, err = b.StepUp(t.Context(), inside, who, code)
	fails(t, err, "people.wrong_totp")
	if b.lines("people.stepped_up") != 1 || b.lines("people.sign_in_failed") != 2 {
		t.Error("the record is wrong")
	}
}

// Somebody whose account was closed is out, wherever he tries.
func TestDisabled(t *testing.T) {
	b, who, recovery := settled(t)
	gone, _ := b.account("受付", people.Staff)
	if got, err := b.Actor(t.Context(), gone.ID); err != nil || got.Role != people.Staff {
		t.Error(got, err)
	}
	if err := b.act(t.Context(), who, func(tx *store.Tx) error {
		p, err := tx.Person(gone.ID)
		if err != nil {
			return err
		}
		p.Disabled = true
		if err := tx.PutPerson(p); err != nil {
			return err
		}
		return tx.Audit("people.joined", nil)
	}); err != nil {
		t.Fatal(err)
	}
	b.time.pass(time.Minute)
	_, err := b.Actor(t.Context(), gone.ID)
	fails(t, err, "people.gone")
	_, err = b.Actor(t.Context(), 99)
	fails(t, err, "people.gone")
	_, err = b.SignIn(t.Context(), inside, "受付", password, b.totp("受付"))
	fails(t, err, "people.wrong_sign_in")
	_, err = b.StepUp(t.Context(), inside, gone, b.totp("受付"))
	fails(t, err, "people.wrong_totp")
	if all, err := b.People(t.Context(), who); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
	// Another's recovery code does not help either.
	_, err = b.StepUp(t.Context(), inside, gone, recovery[0])
	fails(t, err, "people.wrong_totp")
}

// The page's sign-ins live in the database and nowhere else.
func TestLogins(t *testing.T) {
	b := newBox(t).start()
	l := b.Logins()
	if err := l.Commit("token", []byte("x"), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := l.Find("token"); !ok || string(v) != "x" || err != nil {
		t.Error(v, ok, err)
	}
	b.time.pass(2 * time.Hour)
	if _, ok, err := l.Find("token"); ok || err != nil {
		t.Error("still signed in", err)
	}
	if err := l.Delete("token"); err != nil {
		t.Error(err)
	}
	b.kill()
	b.o.Store = noStore
	b.start()
	l = b.Logins()
	if _, ok, err := l.Find("token"); ok || err != nil {
		t.Error("signed in without a database", err)
	}
	if err := l.Commit("token", nil, noon); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"sign in": func() error { _, err := b.SignIn(context.Background(), inside, "院長", password, ""); return err }(),
		"set up": func() error {
			_, err := b.BeginSetUp(context.Background(), inside, "x", "院長", password)
			return err
		}(),
		"actor": func() error { _, err := b.Actor(context.Background(), 1); return err }(),
	} {
		if got := codes(err); !slices.Equal(got, []string{"store.not_a_database"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
