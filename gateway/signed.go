package gateway

import (
	"context"
	"crypto/ed25519"
	"errors"

	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/request"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// SiteID is what signed requests for this box name it by; empty until the
// page has its certificate authority.
func (g *Gateway) SiteID() string {
	if g.o.SiteID == nil {
		return ""
	}
	return g.o.SiteID()
}

// A checked request is a signed text that fits this box now.
type checked struct {
	signed request.Signed
	vendor config.Vendor
	signer string
	window window.Window // as window.Ask made it
}

// ReadRequest checks a signed request and says what it asks for. It records
// nothing.
func (g *Gateway) ReadRequest(ctx context.Context, who people.Actor, said string) (SignedRequest, error) {
	c, err := g.checkRequest(ctx, who, said)
	if err != nil {
		return SignedRequest{}, err
	}
	v := g.view(c.window)
	r := SignedRequest{Ask: askOf(c.signed.Request), Vendor: c.vendor.Label, Phone: c.vendor.Phone, Device: v.DeviceName,
		Signer: c.signer, MadeAt: c.signed.MadeAt, Source: c.window.Sources, Digest: c.signed.Digest(), ByName: v.ByName}
	r.Ways = g.ways(c.window)
	return r, nil
}

// RecordRequest checks a signed request again and records it, once.
func (g *Gateway) RecordRequest(ctx context.Context, who people.Actor, said string) (Window, error) {
	c, err := g.checkRequest(ctx, who, said)
	if err != nil {
		return Window{}, err
	}
	if err := g.nothingOwed(ctx, c.vendor.Name); err != nil {
		return Window{}, err
	}
	w := c.window
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.UseRequest(c.signed.Digest()); err != nil {
			return err
		}
		if w, err = tx.InsertWindow(w); err != nil {
			return err
		}
		args := g.describe(w)
		args["signer"] = c.signer
		return g.tell(tx, "window.requested_signed", args)
	})
	return g.view(w), on("text", err)
}

// checkRequest reads a signed request and wants it to be for this box, of a
// vendor's living key, fresh, not seen before, and within what the vendor has
// registered.
func (g *Gateway) checkRequest(ctx context.Context, who people.Actor, said string) (checked, error) {
	if err := may(who, people.ActAskWindow); err != nil {
		return checked{}, err
	}
	s, err := request.Parse(said)
	if err != nil {
		return checked{}, on("text", err)
	}
	c := checked{signed: s}
	var ok bool
	if c.vendor, ok = g.current().config.Vendor(s.Vendor); !ok {
		return checked{}, text.NewFault("window.vendor_unknown", "vendor", s.Vendor).On("text")
	}
	db := g.db()
	if db == nil {
		return checked{}, g.storeFault()
	}
	keys, err := db.VendorKeys(ctx)
	if err != nil {
		return checked{}, err
	}
	for _, k := range keys {
		if k.Vendor == s.Vendor && s.Verify(ed25519.PublicKey(k.Key)) {
			c.signer = k.Name
		}
	}
	if c.signer == "" {
		return checked{}, text.NewFault("request.unknown_key", "vendor", c.vendor.Label).On("text")
	}
	if id := g.SiteID(); id == "" || s.Site != id {
		return checked{}, text.NewFault("request.other_site", "site", s.Site, "here", id).On("text")
	}
	if err := s.Fresh(g.o.Clock.Wall()); err != nil {
		return checked{}, on("text", err)
	}
	if used, err := db.SeenRequest(ctx, s.Digest()); err != nil || used {
		return checked{}, errors.Join(err, text.NewFault("window.request_replayed").On("text"))
	}
	if c.window, err = g.request(ctx, who, askOf(s.Request)); err != nil {
		return checked{}, err
	}
	c.window.Request = s.Digest()
	return c, nil
}

func askOf(r request.Request) Ask {
	return Ask{Kind: r.Kind, Vendor: r.Vendor, Device: r.Device, Ports: r.Ports, Targets: r.Targets, Tool: r.Tool,
		Sources: r.Sources, Length: r.Length, NotBefore: r.NotBefore, Reason: r.Reason, Requester: r.Requester}
}

// Keys are the keys requests may be signed with.
func (g *Gateway) Keys(ctx context.Context, who people.Actor) ([]VendorKey, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	db := g.db()
	if db == nil {
		return nil, g.storeFault()
	}
	all, err := db.VendorKeys(ctx)
	if err != nil {
		return nil, err
	}
	var out []VendorKey
	for _, k := range all {
		out = append(out, keyView(k))
	}
	return out, nil
}

func keyView(k store.VendorKey) VendorKey {
	return VendorKey{ID: k.ID, Vendor: k.Vendor, Name: k.Name, Key: request.PublicText(ed25519.PublicKey(k.Key)), AddedBy: k.AddedBy, AddedAt: k.AddedAt}
}

// EnrolKey registers the key of a vendor's engineer.
func (g *Gateway) EnrolKey(ctx context.Context, who people.Actor, vendor, name, key string) (VendorKey, error) {
	if err := g.mayEnrol(who); err != nil {
		return VendorKey{}, err
	}
	v, ok := g.current().config.Vendor(vendor)
	if !ok {
		return VendorKey{}, text.NewFault("window.vendor_unknown", "vendor", vendor).On("vendor")
	}
	clean, err := people.Clean(name)
	if err != nil {
		return VendorKey{}, on("name", err)
	}
	pub, err := request.ParsePublic(key)
	if err != nil {
		return VendorKey{}, on("key", err)
	}
	k := store.VendorKey{Vendor: vendor, Name: clean, Key: pub, AddedBy: who, AddedAt: g.o.Clock.Wall()}
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if k, err = tx.AddVendorKey(k); err != nil {
			return err
		}
		return g.tell(tx, "vendor.key_enrolled", map[string]any{"vendor": v.Label, "name": clean, "key": request.Fingerprint(pub)})
	})
	return keyView(k), err
}

// RevokeKey ends a key. Requests signed with it are refused from now on.
func (g *Gateway) RevokeKey(ctx context.Context, who people.Actor, id int64) error {
	if err := g.mayEnrol(who); err != nil {
		return err
	}
	return g.act(ctx, who, func(tx *store.Tx) error {
		k, err := tx.RevokeVendorKey(id)
		if err != nil {
			return err
		}
		return g.tell(tx, "vendor.key_revoked", map[string]any{"vendor": k.Vendor, "name": k.Name, "key": request.Fingerprint(ed25519.PublicKey(k.Key))})
	})
}

func (g *Gateway) mayEnrol(who people.Actor) error {
	if err := may(who, people.ActEnrol); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	return nil
}
