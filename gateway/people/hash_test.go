package people

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHash(t *testing.T) {
	h, ctx := NewHasher(), t.Context()
	phc, err := h.Hash(ctx, "correct horse ｂａｔｔｅｒｙ")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(phc, err)
	}
	for password, want := range map[string]bool{"correct horse ｂａｔｔｅｒｙ": true, "correct horse battery": true, "Correct horse battery": false, "": false} {
		if got, err := h.Verify(ctx, phc, password); err != nil || got != want {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	again, err := h.Hash(ctx, "correct horse battery")
	if err != nil || again == phc {
		t.Error("the same salt twice", err)
	}
}

// The vector of RFC 9106 cannot be had without secret and associated data;
// this one is of the reference implementation's test suite.
func TestKnownHash(t *testing.T) {
	const phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, err := NewHasher().Verify(t.Context(), phc, "password"); err != nil || !ok {
		t.Error(ok, err)
	}
}

// Nobody learns by the clock whether an account exists.
func TestNoAccountCostsTheSame(t *testing.T) {
	h, ctx := NewHasher(), t.Context()
	phc, err := h.Hash(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(phc string) time.Duration {
		best := time.Hour
		for range 5 {
			began := time.Now()
			if ok, err := h.Verify(ctx, phc, "y"); ok || err != nil {
				t.Fatal(ok, err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if with, without := fastest(phc), fastest(""); without < with/3 || without > with*3 {
		t.Errorf("%v with an account, %v without", with, without)
	}
	if ok, err := h.Verify(ctx, "", ""); ok || err != nil {
		t.Error("an empty password matched no hash", err)
	}
}

func TestTwoAtATime(t *testing.T) {
	h := NewHasher()
	h.slot <- struct{}{}
	h.slot <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a third hash did not wait:", err)
	}
	<-h.slot
	<-h.slot
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := h.Hash(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestParsePHCRefuses(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for _, s := range []string{"x", "$argon2i$v=19$m=256,t=2,p=1$" + salt + "$" + sum, "$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=4000000,t=2,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=256,t=99,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=256,t=2$" + salt + "$" + sum,
		"$argon2id$v=19$m=256,t=2,p=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$t=2,m=256,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$", "$argon2id$v=19$m=256,t=2,p=1$$" + sum, "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum + "$"} {
		if ok, err := NewHasher().Verify(t.Context(), s, "password"); ok || err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		sum, c, salt, err := parsePHC(s)
		if err == nil && (c.memory > 64*1024 || c.time > 8 || c.lanes > 4 || len(sum) < 16 || len(salt) < 8) {
			t.Errorf("%q gives cost %+v", s, c)
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add("0OoI-lLuU ９")
	f.Fuzz(func(t *testing.T, s string) {
		p := plain(s)
		if strings.Trim(p, alphabet) != "" || plain(p) != p {
			t.Errorf("%q becomes %q", s, p)
		}
	})
}
