package pki

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"
)

// GetCertificate is for a tls.Config. It renews the page's certificate when
// its end is near or when the page got another name or address, so that a
// clinic never meets an expired one.
func (a *Authority) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	names := a.o.Names()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && !a.stale(names) {
		return a.leaf, nil
	}
	return a.renew(names)
}

// Uncovered are the names of the page that this CA may not sign, because they
// came after it: for them browsers will warn, until the CA is made anew.
func (a *Authority) Uncovered() []string {
	var out []string
	for _, n := range a.o.Names() {
		dns, addrs := split([]string{n})
		if len(dns) == 1 && dns[0] != Name && !a.ca.maySignName(dns[0]) || len(addrs) == 1 && !a.ca.maySignAddr(addrs[0]) {
			out = append(out, n)
		}
	}
	return out
}

// stale reports whether the leaf no longer serves. A clock before the leaf's
// time is believed only if it is synchronised: an unset one says nothing.
func (a *Authority) stale(names []string) bool {
	now := a.o.Now()
	leaf := a.leaf.Leaf
	return now.After(leaf.NotAfter.Add(-renewAt)) || now.Before(leaf.NotBefore) && a.o.Synced() || !slices.Equal(names, a.asked)
}

// renew makes the leaf anew. One that cannot be written is still used.
func (a *Authority) renew(names []string) (*tls.Certificate, error) {
	p, err := a.ca.newLeaf(names, a.moment())
	if err != nil {
		return nil, err
	}
	a.use(p, names)
	if err := p.write(a.o.Dir, leafFile, leafKeyFile); err != nil {
		a.o.Report(err)
	}
	return a.leaf, nil
}

// moment is now, or the best guess if the clock is not set: no earlier than
// this program, and no earlier than the last certificate.
func (a *Authority) moment() time.Time {
	now := a.o.Now()
	if a.o.Synced() {
		return now
	}
	now = later(now, floor)
	if a.leaf != nil {
		now = later(now, a.leaf.Leaf.NotBefore.Add(slack))
	}
	return now
}

func (a *Authority) use(p pair, names []string) {
	a.leaf = &tls.Certificate{Certificate: [][]byte{p.cert.Raw, a.ca.cert.Raw}, PrivateKey: p.key, Leaf: p.cert}
	a.asked = slices.Clone(names)
}

// readLeaf takes the last leaf up again, if it is of this CA; a broken or
// foreign one is made anew.
func (a *Authority) readLeaf() error {
	names := a.o.Names()
	p, err := readPair(a.o.Dir, leafFile, leafKeyFile)
	if err == nil && p.cert.CheckSignatureFrom(a.ca.cert) == nil {
		a.use(p, names)
		if a.covers(p, names) && !a.stale(names) {
			return nil
		}
	} else if err != nil && !errors.Is(err, errNone) {
		a.o.Report(fmt.Errorf("reading the page's certificate: %w", err))
	}
	_, err = a.renew(names)
	return err
}

// covers reports whether the leaf has exactly the names it would get today.
func (a *Authority) covers(p pair, names []string) bool {
	dns, addrs := split(names)
	want := []string{Name}
	for _, d := range dns {
		if d != Name && a.ca.maySignName(d) {
			want = append(want, d)
		}
	}
	if !slices.Equal(want, p.cert.DNSNames) {
		return false
	}
	var have []string
	for _, ip := range p.cert.IPAddresses {
		have = append(have, ip.String())
	}
	var need []string
	for _, ad := range addrs {
		if a.ca.maySignAddr(ad) {
			need = append(need, ad.String())
		}
	}
	return slices.Equal(need, have)
}
