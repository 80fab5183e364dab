package upstream

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

var errPin = errors.New("the server's key is none of the pinned ones")

// tlsConfig is how s proves who it is: by a certificate for its name, or its
// address if it has none, or by a pinned key (RFC 8310 section 8).
func tlsConfig(s Server, roots *x509.CertPool) *tls.Config {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         cmp.Or(s.Name, s.Addr.Addr().String()),
		RootCAs:            roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(2),
	}
	if len(s.Pins) > 0 {
		// The pin takes the place of the usual check, in resumed sessions too.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 ||
				!slices.Contains(s.Pins, sha256.Sum256(cs.PeerCertificates[0].RawSubjectPublicKeyInfo)) {
				return errPin
			}
			return nil
		}
	}
	return c
}
