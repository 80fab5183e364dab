package gateway

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// Bounds of what people without an account may wish for: in all, and on one
// device, until somebody answers.
const (
	maxPageWishes   = 50
	maxDeviceWishes = 10
)

// viaLAN is how somebody came who only has a device in the house.
const viaLAN = "lan"

// BlockedName says why the device at client does not get name, to whoever
// stands before it; ok is false if it does get it, for all we know.
func (g *Gateway) BlockedName(ctx context.Context, client netip.Addr, name string) (w NameWhy, ok bool) {
	if g.o.Resolver == nil || g.current().mode == SetUp {
		return NameWhy{}, false
	}
	client = client.Unmap().WithZone("")
	x, err := g.explain(ctx, name, client)
	if err != nil || x.Action != "refuse" {
		return NameWhy{}, false
	}
	key := g.ownerOf(client)
	w = NameWhy{Explanation: x, Device: key, DeviceName: g.nameOfKey(key)}
	if d, known := g.deviceByKey(key); known {
		key = d.MAC.String()
	} else {
		key = ""
	}
	if a, ok := g.wished(store.Allow{Name: w.Name, MAC: key}); ok {
		w.Wished = a.Asked
	}
	return w, true
}

// ForPeople says whether it is for people to let the name through: a list
// refuses it, or the clinic itself, or it is a way around us.
func (w NameWhy) ForPeople() bool {
	return w.Action == "refuse" && (w.Reason == dnsfilter.Listed || w.Reason == dnsfilter.Denied || w.Reason == dnsfilter.Bypass)
}

// WishBlocked records that somebody at the device at client would like a name
// to be let through that a list or the clinic refuses there now. It needs no
// account: it changes nothing but what the director is asked. The same wish
// twice is one.
func (g *Gateway) WishBlocked(ctx context.Context, client netip.Addr, name, reason string) (NameAllow, error) {
	client = client.Unmap().WithZone("")
	w, ok := g.BlockedName(ctx, client, name)
	if !ok || !w.ForPeople() {
		return NameAllow{}, text.NewFault("dns.allow_useless", "name", name).On("name")
	}
	a, err := g.checkAllow(ctx, AllowAsk{Name: w.Name, Device: w.Device, Reason: reason}, true)
	if err != nil {
		return NameAllow{}, err
	}
	if was, ok := g.wished(a); ok {
		return g.allowView(was), nil
	}
	all, here := g.pageWishes(a.MAC)
	if all >= maxPageWishes || here >= maxDeviceWishes {
		return NameAllow{}, text.NewFault("dns.wish_full")
	}
	who := people.Actor{Name: w.DeviceName, Role: people.Visitor, Via: viaLAN}
	if who.Name == "" {
		who.Name = client.String()
	}
	a.AskedBy, a.Asked = who, g.o.Clock.Wall().UTC().Truncate(time.Millisecond)
	if err := g.actAllow(ctx, who, &a, "dns.wished_page."); err != nil {
		return NameAllow{}, err
	}
	return g.allowView(a), nil
}

// pageWishes counts wishes of people without an account that wait for an
// answer, and those of them on one device.
func (g *Gateway) pageWishes(mac string) (all, here int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.chosen.allows {
		if a.At.IsZero() && a.AskedBy.Via == viaLAN {
			if all++; a.MAC == mac {
				here++
			}
		}
	}
	return all, here
}

// ExportNames are the questions for names that q wants, to take along: at most
// maxExport, the newest first; more says that there are others. The log gets a
// line about it.
func (g *Gateway) ExportNames(ctx context.Context, who people.Actor, q NameQuery) (all []NameRecord, more bool, err error) {
	if err := may(who, people.ActNames); err != nil {
		return nil, false, err
	}
	for q.Limit = exportStep; len(all) < maxExport; {
		page, err := g.Names(ctx, who, q)
		if err != nil {
			return nil, false, err
		}
		if page.Off {
			return nil, false, text.NewFault("dns.log_off")
		}
		all = append(all, page.Records...)
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	args := map[string]any{"n": len(all), "device": q.Device, "name": q.Name, "verdict": q.Verdict}
	filter := []string{g.nameOfKey(q.Device), q.Name}
	if !q.From.IsZero() {
		args["from"], args["to"] = q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339)
		filter = append(filter, q.From.In(g.Zone()).Format(time.DateOnly))
	}
	filter = slices.DeleteFunc(filter, func(s string) bool { return s == "" })
	code := "dns.exported"
	switch {
	case q.Verdict != "" && len(filter) > 0:
		code = "dns.exported.both"
	case q.Verdict != "":
		code = "dns.exported.verdict"
	case len(filter) == 0:
		code = "dns.exported_all"
	}
	args["filter"] = strings.Join(filter, ", ")
	err = g.act(ctx, who, func(tx *store.Tx) error { return tx.Audit(code, args) })
	return all, q.Before != 0, err
}

const (
	maxExport  = 10_000
	exportStep = 1000
)
