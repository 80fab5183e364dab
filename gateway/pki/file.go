package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// A pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var errNone = errors.New("no certificate yet")

// readPair reads both files. errNone means that there is no certificate, and
// so nobody who trusts it: a key alone is what a crash left of making one.
func readPair(dir, certFile, keyFile string) (pair, error) {
	certPEM, err1 := os.ReadFile(filepath.Join(dir, certFile))
	keyPEM, err2 := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err1, fs.ErrNotExist) {
		return pair{}, errNone
	}
	if err := errors.Join(err1, err2); err != nil {
		return pair{}, err
	}
	cb, _ := pem.Decode(certPEM)
	kb, _ := pem.Decode(keyPEM)
	if cb == nil || kb == nil {
		return pair{}, fmt.Errorf("%s or %s holds no PEM", certFile, keyFile)
	}
	cert, err := x509.ParseCertificate(cb.Bytes)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w", certFile, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(kb.Bytes)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return pair{}, fmt.Errorf("%s is not the key of %s", keyFile, certFile)
	}
	return pair{cert: cert, key: key}, nil
}

// write puts both files in place, each whole or not at all. The key goes
// first: a certificate on disk always has its key.
func (p pair) write(dir, certFile, keyFile string) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("writing %s: %w", keyFile, err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := renameio.WriteFile(filepath.Join(dir, keyFile), key, 0o600, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("writing %s: %w", keyFile, err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
	if err := renameio.WriteFile(filepath.Join(dir, certFile), cert, 0o644, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("writing %s: %w", certFile, err)
	}
	return nil
}
