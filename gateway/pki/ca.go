package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// How long certificates last. Browsers refuse a leaf of more than 398 days
// from a public CA; ours keeps to the same.
const (
	caYears  = 10
	leafTime = 397 * 24 * time.Hour
	renewAt  = 30 * 24 * time.Hour // before the end
	slack    = 24 * time.Hour      // PCs' clocks are wrong too
)

// epoch is the beginning of every CA's time, long before any box: a PC whose
// clock is a year behind still takes it. floor is the earliest moment this
// program can run at; a clock that says less is not set.
var (
	epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	floor = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// permitted are the addresses a CA may sign for: RFC 1918, RFC 3927, RFC 4193
// and link-local, so that a change of address needs no new CA on every PC.
var permitted = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// newCA makes an authority that may sign for Name, the permitted ranges and
// the extra names, and for nothing else: the constraint is critical
// (RFC 5280, 4.2.1.10), so that who does not understand it refuses the CA.
func newCA(extra []string, now time.Time) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making the CA key: %w", err)
	}
	id, err := keyID(key)
	if err != nil {
		return pair{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return pair{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, SubjectKeyId: id,
		Subject:   pkix.Name{CommonName: "Monban " + hex.EncodeToString(id[:4]), Organization: []string{"Monban"}},
		NotBefore: epoch, NotAfter: now.AddDate(caYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{Name},
	}
	for _, p := range permitted {
		t.PermittedIPRanges = append(t.PermittedIPRanges, ipNet(p))
	}
	dns, addrs := split(extra)
	for _, d := range dns {
		if d != Name {
			t.PermittedDNSDomains = append(t.PermittedDNSDomains, d)
		}
	}
	for _, a := range addrs {
		if !slices.ContainsFunc(permitted, func(p netip.Prefix) bool { return p.Contains(a) }) {
			t.PermittedIPRanges = append(t.PermittedIPRanges, ipNet(netip.PrefixFrom(a, a.BitLen())))
		}
	}
	return sign(t, t, key, key)
}

// newLeaf makes the page's certificate for names, without those the CA may
// not sign.
func (p pair) newLeaf(names []string, now time.Time) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making the page's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return pair{}, err
	}
	from := now.Add(-slack)
	to := from.Add(leafTime)
	if p.cert.NotAfter.Before(to) {
		to = p.cert.NotAfter
	}
	dns, addrs := split(names)
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: Name},
		NotBefore: from, NotAfter: to, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{Name},
	}
	for _, d := range dns {
		if d != Name && p.maySignName(d) {
			t.DNSNames = append(t.DNSNames, d)
		}
	}
	for _, a := range addrs {
		if p.maySignAddr(a) {
			t.IPAddresses = append(t.IPAddresses, a.AsSlice())
		}
	}
	return sign(t, p.cert, key, p.key)
}

func (p pair) maySignName(name string) bool {
	for _, d := range p.cert.PermittedDNSDomains {
		if name == d || strings.HasSuffix(name, "."+d) {
			return true
		}
	}
	return false
}

func (p pair) maySignAddr(a netip.Addr) bool {
	for _, n := range p.cert.PermittedIPRanges {
		if n.Contains(a.AsSlice()) {
			return true
		}
	}
	return false
}

func sign(t, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), by)
	if err != nil {
		return pair{}, fmt.Errorf("signing the certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return pair{}, fmt.Errorf("reading back the certificate: %w", err)
	}
	return pair{cert: cert, key: key}, nil
}

// split tells host names from addresses; what is neither is left out.
func split(names []string) (dns []string, addrs []netip.Addr) {
	for _, n := range names {
		n = strings.TrimSuffix(strings.ToLower(strings.Trim(n, "[] ")), ".")
		if a, err := netip.ParseAddr(n); err == nil {
			addrs = append(addrs, a.Unmap().WithZone(""))
		} else if hostName(n) {
			dns = append(dns, n)
		}
	}
	return dns, addrs
}

// hostName reports whether s is made of letters, digits and hyphens (RFC 1123).
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// newSerial is 127 random bits and never zero (CA/Browser Forum BR 7.1).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("making a serial: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

func keyID(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("writing the CA key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}
