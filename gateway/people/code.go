package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// alphabet is what codes on paper are made of: 32 signs, 5 bits each, none of
// which reads like another (after Crockford's base 32).
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	recoveryCodes = 10
	recoverySigns = 10 // 50 bits
	setupSigns    = 16 // 80 bits
	sealedCodes   = 5
)

// What a code is for is part of its hash, so that one for another use is no
// code at all.
const (
	setupUse  = "monban setup code\n"
	sealedUse = "monban sealed code\n"
)

// newCode returns n random signs in groups, for reading out.
func newCode(n, group int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	var b strings.Builder
	for i, r := range raw {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[r&31])
	}
	return b.String()
}

// plain undoes what typing does to a code: hyphens, spaces, capitals,
// full-width signs, and the letters that look like digits.
func plain(code string) string {
	if len(code) > 256 {
		return ""
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case r == 'o':
			return '0'
		case r == 'i' || r == 'l':
			return '1'
		case r == 'u':
			return 'v'
		case r < 0x80 && strings.ContainsRune(alphabet, r):
			return r
		}
		return -1
	}, strings.ToLower(norm.NFKC.String(code)))
	return s
}

// NewSetupCode returns a code of 80 random bits for the first account, in
// four groups of four, and what to keep of it.
func NewSetupCode() (code, hash string) {
	code = newCode(setupSigns, 4)
	return code, hashCode(setupUse, code)
}

// mostSetup and fewestDifferent bound a set-up code that somebody thought of.
const (
	mostSetup       = 64
	fewestDifferent = 6
)

// SetupCode returns a code that was brought to the box, in the form of
// NewSetupCode, and what to keep of it. It must have as many signs as one of
// the box's own, and not all alike.
func SetupCode(brought string) (code, hash string, ok bool) {
	s := plain(brought)
	different := map[rune]bool{}
	for _, r := range s {
		different[r] = true
	}
	if len(s) < setupSigns || len(s) > mostSetup || len(different) < fewestDifferent {
		return "", "", false
	}
	var groups []string
	for g := range slices.Chunk([]byte(s), 4) {
		groups = append(groups, string(g))
	}
	code = strings.Join(groups, "-")
	return code, hashCode(setupUse, code), true
}

// IsSetupCode reports whether code, as typed, is the one hash was kept of. It
// takes the same time wherever they differ.
func IsSetupCode(hash, code string) bool {
	return len(hash) == 2*sha256.Size && subtle.ConstantTimeCompare([]byte(hash), []byte(hashCode(setupUse, code))) == 1
}

// NewSealed returns five one-time codes of 80 random bits, to be printed and
// sealed in an envelope for break-glass, and what to keep of them.
func NewSealed() (codes, hashes []string) {
	for range sealedCodes {
		code := newCode(setupSigns, 4)
		codes, hashes = append(codes, code), append(hashes, hashCode(sealedUse, code))
	}
	return codes, hashes
}

// FindSealed returns the one of hashes that code, as typed, belongs to. It
// takes the same time whichever that is, or if there is none. The caller takes
// it out of the store in the same act.
func FindSealed(hashes []string, code string) (hash string, ok bool) {
	want := []byte(hashCode(sealedUse, code))
	for _, h := range hashes {
		if subtle.ConstantTimeCompare([]byte(h), want) == 1 {
			hash, ok = h, true
		}
	}
	return hash, ok
}

// hashCode is a plain hash: 80 random bits cannot be searched.
func hashCode(use, code string) string {
	sum := sha256.Sum256([]byte(use + plain(code)))
	return hex.EncodeToString(sum[:])
}

// NewRecovery returns ten one-time codes of 50 random bits for a lost second
// factor, and the hashes to keep. The hashes share a salt, so that checking a
// code costs one computation and not ten.
func (h *Hasher) NewRecovery(ctx context.Context) (codes, hashes []string, err error) {
	salt := newSalt()
	for range recoveryCodes {
		code := newCode(recoverySigns, 5)
		hash, err := h.hash(ctx, plain(code), salt, codeCost)
		if err != nil {
			return nil, nil, err
		}
		codes, hashes = append(codes, code), append(hashes, hash)
	}
	return codes, hashes, nil
}

// IsRecovery reports whether code, as typed, has the form of a recovery code
// and not of a one-time code.
func IsRecovery(code string) bool { return len(plain(code)) == recoverySigns }

// FindRecovery returns the one of hashes that code, as typed, belongs to, or
// "" if none. The caller takes it out of the store in the same act.
func (h *Hasher) FindRecovery(ctx context.Context, hashes []string, code string) (string, error) {
	code = plain(code)
	type computed struct {
		salt string
		cost cost
	}
	var done []computed
	found := ""
	for _, one := range hashes {
		_, c, salt, err := parsePHC(one)
		if err != nil {
			return "", err
		}
		if slices.Contains(done, computed{string(salt), c}) {
			continue
		}
		done = append(done, computed{string(salt), c})
		got, err := h.hash(ctx, code, salt, c)
		if err != nil {
			return "", err
		}
		for _, other := range hashes {
			if subtle.ConstantTimeCompare([]byte(other), []byte(got)) == 1 && len(code) == recoverySigns {
				found = other
			}
		}
	}
	if len(hashes) == 0 { // as slow as for somebody who has some
		if _, err := h.hash(ctx, code, make([]byte, saltLen), codeCost); err != nil {
			return "", fmt.Errorf("checking recovery code: %w", err)
		}
	}
	return found, nil
}
