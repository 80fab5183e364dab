// Package request makes and reads signed maintenance requests: short texts
// that survive mail, fax and being read out on the telephone.
//
// It says what was signed and by which key. Whose key that is, whether the
// request was used before and whether its source is registered is for package
// gateway to know.
package request

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"monban/gateway/text"
	"monban/gateway/window"
)

// How far MadeAt may lie from the moment the request is handed in. A planned
// window may be later than that: NotBefore is not bound by it.
const (
	MaxAge   = 24 * time.Hour
	MaxAhead = 10 * time.Minute // engineers' clocks are wrong too
)

// A Request is what a vendor's engineer asks for. Which of Ports, Targets and
// Tool it has depends on its kind; the others are empty.
type Request struct {
	Kind   window.Kind
	Site   string // the box it is for, as SiteID writes it
	Vendor string // name in site.toml
	Device string // name, MAC or address

	Ports   []window.Port   // Inbound and WireGuard
	Targets []window.Target // Outbound
	Tool    string          // Tool
	// Sources are where the engineer comes from, a part of the vendor's
	// ranges. Inbound and WireGuard need one.
	Sources []netip.Prefix

	Length    time.Duration // whole seconds
	NotBefore time.Time     // UTC, whole seconds; zero: on approval
	Reason    string
	Requester string    // the engineer
	MadeAt    time.Time // UTC, whole seconds
	// Nonce tells two requests apart that ask for the same in one second.
	Nonce [8]byte
}

// Signed is a request together with its signature, as Parse read it. A
// signature that is there may still be wrong: see Verify.
type Signed struct {
	Request
	body, signature []byte
}

// signing separates these signatures from any other use of the same key
// (Ed25519ctx, RFC 8032, 5.1).
func signing() *ed25519.Options { return &ed25519.Options{Context: "monban request 1"} }

// Sign returns the text of r, signed: a first line that says what it is, then
// numbered lines of groups. Texts of r are cleaned as people.CleanText does,
// times rounded down to seconds. The error joins Faults whose fields are
// "site", "vendor", "device", "ports", "target", "tool", "source", "for",
// "at", "reason" and "requester", or is one request.too_long.
func Sign(key ed25519.PrivateKey, r Request) (string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return "", text.NewFault("request.bad_key_file")
	}
	r = r.normal()
	if err := r.check(); err != nil {
		return "", err
	}
	body, err := encode(r)
	if err != nil {
		return "", err
	}
	signature, err := key.Sign(nil, body, signing())
	if err != nil {
		return "", fmt.Errorf("signing the request: %w", err)
	}
	return Signed{body: body, signature: signature}.Text(), nil
}

// Verify reports whether the holder of pub's private key signed the request.
func (s Signed) Verify(pub ed25519.PublicKey) bool {
	return len(pub) == ed25519.PublicKeySize && ed25519.VerifyWithOptions(pub, s.body, s.signature, signing()) == nil
}

// Digest is the SHA-256, in hex, of what was signed. It names the request: a
// second signature over the same makes no other of it.
func (s Signed) Digest() string {
	sum := sha256.Sum256(s.body)
	return hex.EncodeToString(sum[:])
}

// Fresh refuses a request that was made too long before now, or after it. The
// error is a Fault.
func (r Request) Fresh(now time.Time) error {
	switch age := now.Sub(r.MadeAt); {
	case age > MaxAge:
		return text.NewFault("request.too_old", "hours", int(age.Hours()))
	case age < -MaxAhead:
		return text.NewFault("request.from_future", "minutes", int(-age.Minutes()))
	}
	return nil
}

// NewNonce returns a random nonce.
func NewNonce() (n [8]byte) {
	rand.Read(n[:])
	return n
}
