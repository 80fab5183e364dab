// Package pki is the box's own small certificate authority: it keeps the page
// reachable by TLS without any cloud, and renews its certificate by itself.
//
// It listens to nothing and knows no page. The authority can sign for the
// box's own names and for private addresses only, so that its key, if stolen,
// makes nobody a bank.
package pki

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// Name is the box's name on the LAN (RFC 8375). Its name filter answers it.
const Name = "monban.home.arpa"

// File names in the directory. Keys are readable by their owner only.
const (
	CAFile      = "ca.pem"
	caKeyFile   = "ca.key"
	leafFile    = "page.pem"
	leafKeyFile = "page.key"
)

// Options are what an Authority is plugged to.
type Options struct {
	Dir string // required; made if missing, mode 0700
	// Names are the names and addresses the page answers to at the moment,
	// Name excepted; asked at every handshake.
	Names func() []string  // optional
	Now   func() time.Time // optional; time.Now
	// Synced says whether Now is worth something. A box without a clock
	// battery starts in 1970. Optional; always.
	Synced func() bool
	// Report is told what went wrong where no answer can carry it: a renewed
	// certificate that could not be written. Optional.
	Report func(error)
}

// An Authority is the CA and the certificate it keeps fresh. It may be used
// by many goroutines.
type Authority struct {
	o  Options
	ca pair

	mu    sync.Mutex
	leaf  *tls.Certificate
	asked []string // the names the leaf was asked for
}

// Open reads the authority from its directory, or makes it there. A CA that
// is there but cannot be read is an error and is never replaced: every PC of
// the clinic trusts it by hand.
func Open(o Options) (*Authority, error) {
	if o.Dir == "" {
		return nil, errors.New("pki: Dir is required")
	}
	if o.Names == nil {
		o.Names = func() []string { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Synced == nil {
		o.Synced = func() bool { return true }
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the certificate directory: %w", err)
	}
	a := &Authority{o: o}
	ca, err := readPair(o.Dir, CAFile, caKeyFile)
	switch {
	case errors.Is(err, errNone):
		if ca, err = newCA(o.Names(), later(o.Now(), floor)); err != nil {
			return nil, err
		}
		if err = ca.write(o.Dir, CAFile, caKeyFile); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("reading the CA: %w", err)
	case !ca.cert.IsCA:
		return nil, fmt.Errorf("reading the CA: %s is no CA certificate", CAFile)
	}
	a.ca = ca
	if err := a.readLeaf(); err != nil {
		return nil, err
	}
	return a, nil
}

// PEM is the CA certificate, as ca.pem holds it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.cert.Raw})
}

// Fingerprint is that of the CA certificate: what the label on the box shows
// the beginning of.
func (a *Authority) Fingerprint() string { return Fingerprint(a.ca.cert) }

// Fingerprint is the SHA-256 of a certificate as browsers and Windows show
// it: pairs of hex digits with colons.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	s := strings.ToUpper(hex.EncodeToString(sum[:]))
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(s[i : i+2])
	}
	return b.String()
}

// TLSConfig is how the page is served: TLS 1.3 only.
func (a *Authority) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: a.GetCertificate,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}
