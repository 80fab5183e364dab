package gateway

import (
	"crypto/ed25519"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/gateway/request"
	"monban/gateway/window"
)

// engineer is somebody of the vendor with an enrolled key.
type engineer struct {
	b   *box
	key ed25519.PrivateKey
}

func (b *box) engineer() engineer {
	b.t.Helper()
	key, err := request.NewKey()
	if err != nil {
		b.t.Fatal(err)
	}
	return engineer{b, key}
}

func (e engineer) enrol() VendorKey {
	e.b.t.Helper()
	k, err := e.b.EnrolKey(e.b.t.Context(), e.b.director(), "rececom-hoshu", "佐藤 次郎", request.PublicText(e.key.Public().(ed25519.PublicKey)))
	if err != nil {
		e.b.t.Fatal(err)
	}
	return k
}

// text is a signed request, changed as the test likes.
func (e engineer) text(change ...func(*request.Request)) string {
	e.b.t.Helper()
	r := request.Request{Site: e.b.SiteID(), Vendor: "rececom-hoshu", Kind: window.Inbound, Device: "rececom",
		Ports:   []window.Port{{Proto: window.TCP, Port: 3389, WAN: 3389}},
		Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")},
		Length:  time.Hour, Reason: "月次の更新", Requester: "佐藤 次郎", MadeAt: e.b.o.Clock.Wall().Add(-time.Hour), Nonce: request.NewNonce()}
	for _, f := range change {
		f(&r)
	}
	s, err := request.Sign(e.key, r)
	if err != nil {
		e.b.t.Fatal(err)
	}
	return s
}

// A signed request is shown, recorded once, and opens for its own source only.
func TestSignedRequest(t *testing.T) {
	b := newBox(t)
	b.o.SiteID = func() string {
		return request.SiteID("6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1")
	}
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	e := b.engineer()
	said := e.text()
	_, err := b.ReadRequest(t.Context(), staff, said)
	fails(t, err, "request.unknown_key")
	k := e.enrol()
	head := b.db().Head()
	r, err := b.ReadRequest(t.Context(), staff, said)
	if err != nil {
		t.Fatal(err)
	}
	if r.Signer != "佐藤 次郎" || r.Phone == "" || len(r.Ways) != 1 || r.Ways[0].Source.String() != "198.51.100.10/32" || b.db().Head() != head {
		t.Errorf("%+v", r)
	}
	w, err := b.RecordRequest(t.Context(), staff, said)
	if err != nil {
		t.Fatal(err)
	}
	if w.Request != r.Digest || !slices.Equal(w.Sources, []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")}) {
		t.Errorf("recorded %+v", w)
	}
	_, err = b.RecordRequest(t.Context(), staff, said)
	fails(t, err, "window.request_replayed")
	if _, err := b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false); err != nil {
		t.Fatal(err)
	}
	if err := b.RevokeKey(t.Context(), b.director(), k.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.ReadRequest(t.Context(), staff, e.text())
	fails(t, err, "request.unknown_key")
}

// What does not fit is refused, each with its sentence.
func TestSignedRequestRefused(t *testing.T) {
	b := newBox(t)
	b.o.SiteID = func() string {
		return request.SiteID("6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1")
	}
	b.start()
	b.seen(rececom, "192.168.10.31")
	e := b.engineer()
	e.enrol()
	other := request.SiteID("bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f16a09e667f3bcc908")
	for code, change := range map[string]func(*request.Request){
		"request.other_site":    func(r *request.Request) { r.Site = other },
		"request.too_old":       func(r *request.Request) { r.MadeAt = noon.Add(-25 * time.Hour) },
		"request.from_future":   func(r *request.Request) { r.MadeAt = noon.Add(time.Hour) },
		"window.source_outside": func(r *request.Request) { r.Sources = []netip.Prefix{netip.MustParsePrefix("203.0.113.99/32")} },
		"device.unknown":        func(r *request.Request) { r.Device = "kitchen" },
		"window.vendor_unknown": func(r *request.Request) { r.Vendor = "nobody" },
	} {
		_, err := b.RecordRequest(t.Context(), staff, e.text(change))
		fails(t, err, code)
	}
	stranger := b.engineer()
	_, err := b.RecordRequest(t.Context(), staff, stranger.text())
	fails(t, err, "request.unknown_key")
	if b.lines("window.requested_signed") != 0 {
		t.Error("something was recorded")
	}
}
