package people

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// The TOTP of RFC 6238 as every authenticator app has it: SHA-1, 6 digits,
// 30 s. One step to either side is accepted (RFC 6238 section 5.2).
const (
	totpSecret = 20
	totpStep   = 30
	totpSkew   = 1
)

// NewTOTP returns a new shared secret.
func NewTOTP() []byte {
	s := make([]byte, totpSecret)
	rand.Read(s)
	return s
}

// TOTPText is the secret as people type it into an app that cannot scan.
func TOTPText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TOTPURL is what the enrolment's QR code holds.
func TOTPURL(secret []byte, clinic, person string) string {
	q := url.Values{"secret": {TOTPText(secret)}, "issuer": {clinic},
		"algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + clinic + ":" + person, RawQuery: q.Encode()}
	return u.String()
}

// CheckTOTP reports whether code, as typed, is right at time at and was not
// used before: its time step must be later than last, the last one used. It
// returns the step to keep as last; keeping it must be part of the act, so
// that of two requests with one code one fails.
func CheckTOTP(secret []byte, code string, at time.Time, last int64) (step int64, ok bool) {
	code = plain(code)
	now := at.Unix() / totpStep
	if len(secret) < 16 || len(code) != 6 {
		return last, false
	}
	for s := now - totpSkew; s <= now+totpSkew; s++ {
		want, err := codeAt(secret, s)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			return s, true
		}
	}
	return last, false
}

// TOTPAhead reports whether last is a step that cannot have come yet: the
// clock was set back, and every code would be taken for a used one until it
// has caught up. The gateway then resets last, with a line in the log.
func TOTPAhead(last int64, at time.Time) bool { return last > at.Unix()/totpStep+totpSkew }

// TOTPCode returns the code of secret at time at, for tests and the lab's
// pretend authenticator.
func TOTPCode(secret []byte, at time.Time) (string, error) {
	return codeAt(secret, at.Unix()/totpStep)
}

func codeAt(secret []byte, step int64) (string, error) {
	if step < 0 {
		return "", fmt.Errorf("one-time code: time before 1970")
	}
	return hotp.GenerateCodeCustom(TOTPText(secret), uint64(step),
		hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}
