package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// cost is what one argon2id computation takes: time passes, memory in KiB,
// lanes.
type cost struct {
	time, memory uint32
	lanes        uint8
}

// The costs of new hashes. Passwords: 107 ms on a small server, 2–5 times
// that on the box (RFC 9106; OWASP's second choice). Codes of 50 random bits
// need less, and ten are made at once.
var (
	passwordCost = cost{2, 19 * 1024, 1}
	codeCost     = cost{1, 8 * 1024, 1}
)

const (
	saltLen = 16
	sumLen  = 32
	// slots bounds the memory that signing in can take: 2 × 19 MiB.
	slots = 2
)

// A Hasher computes argon2id, at most two at a time; further callers wait.
type Hasher struct{ slot chan struct{} }

// NewHasher returns the one Hasher of a process.
func NewHasher() *Hasher { return &Hasher{make(chan struct{}, slots)} }

// Hash returns the PHC string of password under a new salt. It fails only
// when ctx ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	return h.hash(ctx, password, newSalt(), passwordCost)
}

// Verify reports whether password is the one phc was made of. An empty phc
// costs the same time and is no match, so that nobody can tell by the clock
// which accounts exist. The error is for a string that Hash did not write, or
// for ctx.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (bool, error) {
	want, c, salt := make([]byte, sumLen), passwordCost, make([]byte, saltLen)
	if phc != "" {
		var err error
		if want, c, salt, err = parsePHC(phc); err != nil {
			return false, err
		}
	}
	got, err := h.sum(ctx, password, salt, c, len(want))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && phc != "", nil
}

func (h *Hasher) hash(ctx context.Context, password string, salt []byte, c cost) (string, error) {
	sum, err := h.sum(ctx, password, salt, c, sumLen)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.memory, c.time, c.lanes, b64(salt), b64(sum)), nil
}

// sum normalises the password first (NFKC, as NIST SP 800-63B asks), so that
// full-width letters of an input method are the same as plain ones.
func (h *Hasher) sum(ctx context.Context, password string, salt []byte, c cost, n int) ([]byte, error) {
	select {
	case h.slot <- struct{}{}:
		defer func() { <-h.slot }()
	case <-ctx.Done():
		return nil, fmt.Errorf("hashing password: %w", ctx.Err())
	}
	return argon2.IDKey(norm.NFKC.Bytes([]byte(password)), salt, c.time, c.memory, c.lanes, uint32(n)), nil
}

func newSalt() []byte {
	s := make([]byte, saltLen)
	rand.Read(s) // never fails; it ends the process instead
	return s
}

// parsePHC reads an argon2id PHC string. The cost is bounded, so that a
// changed database cannot make signing in eat the memory.
func parsePHC(s string) (sum []byte, c cost, salt []byte, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, c, nil, fmt.Errorf("parsing password hash: not argon2id in PHC form")
	}
	var m, t, p uint64
	for i, f := range strings.Split(part[3], ",") {
		name, value, _ := strings.Cut(f, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || i > 2 || name != []string{"m", "t", "p"}[i] {
			return nil, c, nil, fmt.Errorf("parsing password hash: cost %q", part[3])
		}
		*[]*uint64{&m, &t, &p}[i] = n
	}
	if m < 8 || m > 64*1024 || t < 1 || t > 8 || p < 1 || p > 4 {
		return nil, c, nil, fmt.Errorf("parsing password hash: cost %q out of bounds", part[3])
	}
	b64 := base64.RawStdEncoding.Strict()
	if salt, err = b64.DecodeString(part[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return nil, c, nil, fmt.Errorf("parsing password hash: bad salt")
	}
	if sum, err = b64.DecodeString(part[5]); err != nil || len(sum) < 16 || len(sum) > 64 {
		return nil, c, nil, fmt.Errorf("parsing password hash: bad sum")
	}
	return sum, cost{uint32(t), uint32(m), uint8(p)}, salt, nil
}
