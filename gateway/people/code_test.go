package people_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/people"
)

func TestSetupCode(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code, hash := people.NewSetupCode()
		if seen[code] || len(code) != 19 || strings.Trim(code, "0123456789abcdefghjkmnpqrstvwxyz-") != "" {
			t.Fatal(code)
		}
		seen[code] = true
		if strings.Contains(hash, code) || !people.IsSetupCode(hash, code) {
			t.Fatal(hash)
		}
	}
	code, hash := people.NewSetupCode()
	typed := strings.ToUpper(strings.ReplaceAll(code, "-", " "))
	typed = strings.NewReplacer("0", "O", "1", "l", "2", "２").Replace(typed)
	if !people.IsSetupCode(hash, typed) {
		t.Errorf("%q as typed from %q", typed, code)
	}
	_, other := people.NewSetupCode()
	for _, bad := range []string{"", "-", code[:18], code + "0", strings.Repeat("x", 1000)} {
		if people.IsSetupCode(hash, bad) {
			t.Errorf("%q was taken", bad)
		}
	}
	if people.IsSetupCode(other, code) || people.IsSetupCode("", "") || people.IsSetupCode("", code) {
		t.Error("a code for another hash was taken")
	}
}

func TestSealed(t *testing.T) {
	codes, hashes := people.NewSealed()
	if len(codes) != 5 || len(hashes) != 5 {
		t.Fatal(codes, hashes)
	}
	for i, code := range codes {
		if len(code) != 19 || strings.Trim(code, "0123456789abcdefghjkmnpqrstvwxyz-") != "" || slices.Contains(codes[:i], code) {
			t.Fatal(code)
		}
		typed := strings.ToUpper(strings.ReplaceAll(code, "-", " "))
		if hash, ok := people.FindSealed(hashes, typed); !ok || hash != hashes[i] {
			t.Errorf("%q: %q, %v", typed, hash, ok)
		}
	}
	left := slices.Delete(slices.Clone(hashes), 2, 3)
	for _, bad := range []string{codes[2], "", "-", codes[1][:18], codes[1] + "0", codes[0] + codes[1], strings.Repeat("x", 1000)} {
		if hash, ok := people.FindSealed(left, bad); ok || hash != "" {
			t.Errorf("%q: %q", bad, hash)
		}
	}
	if _, ok := people.FindSealed(nil, codes[0]); ok {
		t.Error("a code of none was found")
	}
	// Each kind of code is good for its own use only.
	setup, hash := people.NewSetupCode()
	if _, ok := people.FindSealed([]string{hash}, setup); ok || people.IsSetupCode(hashes[0], codes[0]) {
		t.Error("a code was taken for one of another kind")
	}
}

func TestRecovery(t *testing.T) {
	h, ctx := people.NewHasher(), t.Context()
	codes, hashes, err := h.NewRecovery(ctx)
	if err != nil || len(codes) != 10 || len(hashes) != 10 {
		t.Fatal(codes, err)
	}
	found, err := h.FindRecovery(ctx, hashes, strings.ToUpper(codes[3]))
	if err != nil || found != hashes[3] {
		t.Error(found, err)
	}
	left := append(append([]string{}, hashes[:3]...), hashes[4:]...)
	for _, bad := range []string{codes[3], "", "00000-00000", codes[4] + "0"} {
		if found, err := h.FindRecovery(ctx, left, bad); found != "" || err != nil {
			t.Errorf("%q: %q, %v", bad, found, err)
		}
	}
	if !people.IsRecovery(strings.ToUpper(codes[0])) || people.IsRecovery("123456") || people.IsRecovery("") {
		t.Error("what looks like a recovery code")
	}
	if found, err := h.FindRecovery(ctx, nil, codes[0]); found != "" || err != nil {
		t.Error(found, err)
	}
}

// The codes of RFC 6238 appendix B, their last six digits.
func TestTOTPVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got, err := people.TOTPCode(secret, time.Unix(at, 0)); err != nil || got != want {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, want)
		}
	}
}

func TestTOTP(t *testing.T) {
	secret := people.NewTOTP()
	now := time.Unix(1_800_000_015, 0)
	code := func(steps int) string {
		c, err := people.TOTPCode(secret, now.Add(time.Duration(steps)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for steps, want := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, ok := people.CheckTOTP(secret, code(steps), now, 0)
		if ok != want || ok && step != now.Unix()/30+int64(steps) {
			t.Errorf("%d steps: %v, %d", steps, ok, step)
		}
	}
	used, ok := people.CheckTOTP(secret, code(0), now, 0)
	if !ok {
		t.Fatal("right code refused")
	}
	if _, ok := people.CheckTOTP(secret, code(0), now, used); ok {
		t.Error("a code worked twice")
	}
	if _, ok := people.CheckTOTP(secret, code(-1), now, used); ok {
		t.Error("an older code worked after a newer one")
	}
	if _, ok := people.CheckTOTP(secret, code(1), now, used); !ok {
		t.Error("the next code did not work")
	}
	wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３").Replace(code(0)[:3] + " " + code(0)[3:])
	if _, ok := people.CheckTOTP(secret, wide, now, 0); !ok {
		t.Errorf("%q did not work", wide)
	}
	for _, bad := range []string{"", "12345", code(0) + "1", "abcdef"} {
		if _, ok := people.CheckTOTP(secret, bad, now, 0); ok {
			t.Errorf("%q worked", bad)
		}
	}
	if _, ok := people.CheckTOTP(nil, code(0), now, 0); ok {
		t.Error("an account without a secret let somebody in")
	}
	if people.TOTPAhead(used, now) || !people.TOTPAhead(used, now.Add(-time.Hour)) {
		t.Error("clock set back")
	}
	if u := people.TOTPURL(secret, "さくら医院", "院長"); !strings.HasPrefix(u, "otpauth://totp/") || !strings.Contains(u, "secret="+people.TOTPText(secret)) {
		t.Error(u)
	}
}
