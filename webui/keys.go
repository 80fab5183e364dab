package webui

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/request"
	"monban/webui/view"
)

func (v *visit) vendors() error {
	m, err := v.vendorsModel()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.VendorsPage(v.frame("page.vendors.title"), m))
}

func (v *visit) vendorsModel() (view.Vendors, error) {
	keys, err := v.Gateway.Keys(v.r.Context(), v.who)
	if err != nil {
		return view.Vendors{}, err
	}
	f := v.r.PostForm
	m := view.Vendors{Site: v.siteID()}
	enrol := view.Enrol{Name: plain(f.Get("name")), Key: f.Get("key"), Fresh: v.fresh()}
	all := v.Gateway.Vendors(v.r.Context())
	for i, c := range all {
		one := v.vendor(c)
		one.ID = "vendor-" + strconv.Itoa(i+1)
		for _, k := range keys {
			if k.Vendor == c.Name {
				one.Keys = append(one.Keys, v.key(k))
			}
		}
		m.Vendors = append(m.Vendors, one)
		enrol.Vendors = append(enrol.Vendors, view.Choice{Value: c.Name, Label: one.Name, Chosen: f.Get("vendor") == c.Name || len(all) == 1})
	}
	if v.who.May(people.ActEnrol) && len(all) > 0 {
		m.Enrol = &enrol
	}
	return m, nil
}

func (v *visit) vendor(c gateway.Vendor) view.Vendor {
	out := view.Vendor{Name: vendorName(c), Facts: []view.Fact{
		{Name: v.say("page.fact.phone"), Value: firstOf(plain(c.Phone), v.say("page.vendors.no_phone"))},
		{Name: v.say("page.vendors.ranges"), Value: firstOf(strings.Join(list(c.Sources), ", "), v.say("page.vendors.no_ranges")), Code: true},
	}}
	switch {
	case c.WireGuard:
		out.Facts = append(out.Facts, view.Fact{Name: v.say("page.kind.wireguard"), Value: v.say("page.vendors.tunnel"),
			More: v.say("page.vendors.tunnel_key", "key", plain(c.TunnelKey), "port", int(c.TunnelPort))})
	case c.NoWireGuard != "":
		out.Facts = append(out.Facts, view.Fact{Name: v.say("page.kind.wireguard"), Value: v.say("page.vendors.no_tunnel"),
			More: v.say(c.NoWireGuard, "vendor", vendorName(c))})
	}
	if c.Owed != 0 {
		out.Owed = &view.Note{Level: view.Caution, Text: v.say("page.ask.owed", "vendor", vendorName(c), "n", c.Owed),
			URL: windowPath(c.Owed), LinkText: v.say("page.look")}
	}
	return out
}

func (v *visit) key(k gateway.VendorKey) view.Key {
	out := view.Key{ID: strconv.FormatInt(k.ID, 10), Name: plain(k.Name), Text: plain(k.Key), Fresh: v.fresh(),
		Added:     v.say("page.vendors.added", "name", v.named(k.AddedBy), "at", v.when(k.AddedAt)),
		CanRevoke: v.who.May(people.ActEnrol)}
	if pub, err := request.ParsePublic(k.Key); err == nil {
		out.Print = request.Fingerprint(pub)
	}
	return out
}

func (v *visit) enrolKey() error {
	f := v.r.PostForm
	who, err := v.second()
	if err == nil {
		var k gateway.VendorKey
		if k, err = v.Gateway.EnrolKey(v.r.Context(), who, f.Get("vendor"), f.Get("name"), f.Get("key")); err == nil {
			v.tell(view.Good, "page.enrol.done", "name", plain(k.Name))
			return v.to("/vendors")
		}
	}
	return v.vendorsAgain(err, "vendor", "name", "key", "totp")
}

func (v *visit) revokeKey() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	field := "totp-" + strconv.FormatInt(id, 10)
	who, err := v.secondIn(field)
	if err == nil {
		if err = allOn(v.Gateway.RevokeKey(v.r.Context(), who, id), field, "totp", "code"); err == nil {
			v.tell(view.Good, "page.vendors.revoked")
			return v.to("/vendors")
		}
	}
	return v.vendorsAgain(err, field)
}

func (v *visit) vendorsAgain(fault error, fields ...string) error {
	m, err := v.vendorsModel()
	if err != nil {
		return err
	}
	return v.again(fault, v.frame("page.vendors.title"), func(p view.Page) templ.Component { return view.VendorsPage(p, m) }, fields...)
}
