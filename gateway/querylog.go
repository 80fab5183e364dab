package gateway

import (
	"cmp"
	"context"
	"net/netip"
	"strings"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/run"
	"monban/gateway/text"
)

const (
	namesShown = 100             // questions of a page
	whyWithin  = 4 * time.Second // a page waits for a resolver outside
)

// keepQueryLog lets the query log write, and adds up what it wrote. Both end
// in that order, so that the last sums are kept, too.
func (g *Gateway) keepQueryLog(ctx context.Context) error {
	log := g.o.QueryLog
	if log == nil {
		<-ctx.Done()
		return nil
	}
	g.ruleNameLog()
	group, _ := run.NewGroup(ctx)
	group.Go("writing the query log", func(ctx context.Context) error {
		return log.Run(ctx, querylog.Sink{Owner: g.ownerOf, Since: g.nameMark, Counted: g.countNames})
	})
	group.Go("keeping the names' statistics", g.keepNameStats)
	err := group.Wait()
	g.writeNameStats(context.WithoutCancel(ctx), true)
	return err
}

// ownerOf is the key a client is counted under: its hardware address.
func (g *Gateway) ownerOf(client netip.Addr) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d, ok := g.inventory.ByAddr(client.Unmap().WithZone(""), g.o.Clock.Wall()); ok {
		return d.MAC.String()
	}
	return ""
}

// verdicts are the query log's words for people's scripts.
func verdicts() map[string]querylog.Verdict {
	return map[string]querylog.Verdict{"answered": querylog.Answered, "refused": querylog.Refused, "local": querylog.Local, "failed": querylog.Failed}
}

func verdictName(v querylog.Verdict) string {
	for name, x := range verdicts() {
		if x == v {
			return name
		}
	}
	return ""
}

// Names are questions for names, the newest first.
func (g *Gateway) Names(ctx context.Context, who people.Actor, q NameQuery) (NamePage, error) {
	if err := may(who, people.ActNames); err != nil {
		return NamePage{}, err
	}
	log := g.o.QueryLog
	if log == nil {
		return NamePage{}, text.NewFault("dns.log_off")
	}
	rules := log.Rules()
	if rules.Off {
		return NamePage{Off: true}, nil
	}
	want := querylog.Query{Name: namePart(q.Name), From: q.From, To: q.To, Before: q.Before, Limit: cmp.Or(q.Limit, namesShown)}
	var ok bool
	if want.Verdict, ok = verdicts()[q.Verdict]; !ok && q.Verdict != "" {
		return NamePage{}, text.NewFault("dns.bad_verdict").On("verdict")
	}
	var err error
	if want.Device, err = deviceKey(q.Device); err != nil {
		return NamePage{}, err
	}
	found, err := log.Read(ctx, want)
	if err != nil {
		return NamePage{}, text.NewFault("dns.log_unreadable").Because(err)
	}
	st := log.Stats()
	page := NamePage{Next: found.Next, Until: found.Until, Keep: log.Keep(), Masked: rules.Mask, Lost: st.Lost, Error: st.Error}
	called := map[string]string{}
	for _, r := range found.Records {
		v := NameRecord{ID: r.ID, At: r.At, Client: r.Client, Device: cmp.Or(r.Owner, r.Client.String()), Name: r.Name, Type: typeName(r.Type),
			Verdict: verdictName(r.Verdict), Reason: r.Reason, List: r.List, Line: r.Line, Via: r.Via, Tool: r.Tool}
		if _, known := called[v.Device]; !known {
			called[v.Device] = g.nameOfKey(v.Device)
		}
		v.DeviceName = called[v.Device]
		page.Records = append(page.Records, v)
	}
	return page, nil
}

// namePart is a part of a name as it stands in the log: a Japanese name is
// kept in its ASCII form.
func namePart(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if c, err := dnsfilter.Canonical(s); err == nil {
		s = strings.TrimSuffix(c, ".")
	}
	return s[:min(len(s), 253)]
}

// deviceKey is a device as the log knows it: a hardware address, or a bare
// address.
func deviceKey(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if a, err := netip.ParseAddr(s); err == nil { // before a MAC: 2001:db8:10::200 has twelve digits, too
		return a.Unmap().WithZone("").String(), nil
	}
	mac, err := device.ParseMAC(s)
	if err != nil {
		return "", text.NewFault("dns.bad_client").On("device")
	}
	return mac.String(), nil
}

// WhyName says what becomes of a name that device asks for (its hardware
// address or what it is called; empty: whoever has the address client), and why.
func (g *Gateway) WhyName(ctx context.Context, who people.Actor, name, device string, client netip.Addr) (NameWhy, error) {
	if err := may(who, people.ActExplain); err != nil {
		return NameWhy{}, err
	}
	client = client.Unmap().WithZone("")
	key := g.ownerOf(client)
	if device != "" {
		d, ok := g.deviceCalled(device)
		if !ok {
			return NameWhy{}, text.NewFault("device.unknown", "device", device).On("device")
		}
		key = d.MAC.String()
		if client, ok = g.askingAddr(key); !ok && groupOfDevice(g.current().config, d.MAC).Name != config.DefaultGroup {
			return NameWhy{}, text.NewFault("dns.device_unseen", "device", g.nameOfKey(key)).On("device")
		}
	}
	x, err := g.explain(ctx, name, client)
	if err != nil {
		return NameWhy{}, err
	}
	return NameWhy{Explanation: x, Device: key, DeviceName: g.nameOfKey(key), Paused: g.pauseLeftFor(key)}, nil
}

// explain is the resolver's Explain for a name as a person types or pastes it,
// with the whole address of a page as well. It says the canonical name.
func (g *Gateway) explain(ctx context.Context, typed string, client netip.Addr) (Explanation, error) {
	name, err := dnsfilter.Canonical(nameIn(typed))
	if err != nil || name == "" {
		return Explanation{}, text.NewFault("dns.bad_name", "name", typed).On("name")
	}
	if g.o.Resolver == nil {
		return Explanation{}, text.NewFault("dns.off")
	}
	ctx, stop := context.WithTimeout(ctx, whyWithin)
	defer stop()
	x, err := g.o.Resolver.Explain(ctx, name, client)
	x.Name = name
	if x.List != "" {
		x.Since = g.listSince(x.List)
	}
	g.explainGroup(&x)
	return x, err
}

// listSince is when a list, as it is now, came to this box.
func (g *Gateway) listSince(name string) time.Time {
	for _, l := range g.current().config.DNS.Lists {
		switch {
		case l.Name != name:
		case l.URL != "":
			return g.subState(l).Changed
		default:
			if s := stampOf(l.Path(g.listDir())); s != (stamp{}) {
				return s.mod.UTC()
			}
		}
	}
	return time.Time{}
}

// nameIn is the name in what somebody copied from a browser.
func nameIn(s string) string {
	s = strings.TrimSpace(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	if _, host, ok := strings.Cut(s, "@"); ok {
		s = host
	}
	if host, port, ok := strings.Cut(s, ":"); ok && strings.Trim(port, "0123456789") == "" {
		s = host
	}
	return strings.TrimSuffix(s, ".")
}

// nameNotes are what people should know about names.
func (g *Gateway) nameNotes() (notes []Note) {
	if n := g.wishes(); n > 0 {
		notes = append(notes, Note{Code: "gateway.name_wishes", Level: "info", Args: map[string]any{"n": n}, Link: "/names/why"})
	}
	if g.o.QueryLog.Stats().Error != "" {
		notes = append(notes, Note{Code: "gateway.query_log", Level: "caution"})
	}
	return notes
}

// dayOf are the bounds of a day (2026-11-21) in the clinic's zone.
func (g *Gateway) dayOf(day string) (from, to time.Time, err error) {
	t, err := time.ParseInLocation(time.DateOnly, day, g.Zone())
	if err != nil {
		return t, t, text.NewFault("attempt.day", "day", day[:min(len(day), len(time.DateOnly))]).On("day")
	}
	return t, t.AddDate(0, 0, 1), nil
}
