package gateway

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/text"
	"monban/image"
)

// A Probe sees the box as those see it who use it.
type Probe struct {
	// Link says how a port is. A port that is not there is an error.
	Link func(iface string) (Link, error)
	// Names asks the name filter at an address of ours for our own name, which
	// must be that address among others, Page opens the page there, as a device
	// of the LAN would.
	Names, Page func(ctx context.Context, at netip.Addr) error
}

// A Link is how a port is.
type Link struct {
	Up      bool `json:"up"`      // somebody has switched it on
	Carrier bool `json:"carrier"` // there is something at the other end
}

// before is what the box was able to do when it left for another version. The
// other one need not do more: a cable that is out, or an address the ISP does
// not give, is no fault of it.
type before struct {
	Mode       Mode `json:"mode"`
	WANCarrier bool `json:"wan_carrier"`
	LANCarrier bool `json:"lan_carrier"`
	WANAddress bool `json:"wan_address"` // one of the internet's
}

// ableNow puts that down.
func (g *Gateway) ableNow() before {
	s := g.current()
	b := before{Mode: s.mode}
	if g.o.Probe.Link == nil {
		return b
	}
	wan, _ := g.o.Probe.Link(s.config.WAN.Interface) // what cannot be read was not there
	lan, _ := g.o.Probe.Link(s.config.LAN.Interface)
	b.WANCarrier, b.LANCarrier = wan.Carrier, lan.Carrier
	b.WANAddress = g.hasAddress(s.config.WAN.Interface)
	return b
}

func (g *Gateway) hasAddress(iface string) bool {
	as, err := g.o.LocalAddrs(iface)
	return err == nil && len(globals(as)) > 0
}

const (
	probeWithin = 3 * time.Second // each question, at all addresses
	// wholeFor is how long a whole reading of the database is good for: it is
	// long, and asked for every few seconds.
	wholeFor  = time.Hour
	keyHealth = "health" // setting: when health was asked for last
)

// Health says whether the box does its work, for whoever decides whether a new
// version stays. Nothing is taken on trust: all is read back or asked anew. In
// set-up mode there is no LAN to answer on yet, and nothing but closed rules to
// be had.
func (g *Gateway) Health(ctx context.Context) bootslot.Health {
	var h bootslot.Health
	check := func(ok *bool, err error) {
		if *ok = err == nil; err != nil {
			h.Why = append(h.Why, faultOf(err))
		}
	}
	was := g.ableBefore(ctx)
	check(&h.Rules, g.rulesHealth(was))
	check(&h.Links, g.linksHealth(was))
	names := g.o.Probe.Names
	if g.current().mode == SetUp {
		names = func(context.Context, netip.Addr) error { return nil } // not served yet
	}
	check(&h.DNS, g.answerHealth(ctx, names, "health.names"))
	check(&h.Page, g.answerHealth(ctx, g.o.Probe.Page, "health.page"))
	check(&h.Database, g.databaseHealth(ctx))
	return h
}

// ableBefore is what was put down when the box left the version before; what
// the console installed has nothing of the kind.
func (g *Gateway) ableBefore(ctx context.Context) before {
	g.loadFirmware(ctx)
	if t := g.keptFirmware().Trial; t != nil && t.Before != nil {
		return *t.Before
	}
	return before{}
}

// rulesHealth is whether the kernel holds the rules, and those of a site.toml
// that this version understands, if the one before did.
func (g *Gateway) rulesHealth(was before) error {
	s := g.current()
	g.mu.Lock()
	r := g.rules
	g.mu.Unlock()
	switch age := g.o.Clock.Wall().Sub(r.readAt).Abs(); {
	case !r.ok || r.err != nil || age >= 3*compareEvery:
		return text.NewFault("health.rules").Because(r.err)
	case was.Mode == Guarding && s.mode != Guarding, was.Mode == Kept && s.mode == SetUp:
		return text.NewFault("health.site").Because(s.fault)
	}
	return nil
}

// linksHealth is whether the ports are as site.toml says, as far as they were
// before.
func (g *Gateway) linksHealth(was before) error {
	s := g.current()
	if s.mode == SetUp {
		_, err := g.linkUp(g.o.SetUpLAN, false)
		return err
	}
	lan, err := g.linkUp(s.config.LAN.Interface, was.LANCarrier)
	if err != nil {
		return err
	}
	// Without a cable IPv6 has no usable addresses yet (RFC 4862, 5.4).
	want := slices.DeleteFunc(slices.Clone(s.config.LAN.Addresses), func(p netip.Prefix) bool { return p.Addr().Is6() && !lan.Carrier })
	if err := g.holds(s.config.LAN.Interface, want); err != nil {
		return err
	}
	wan, err := g.linkUp(s.config.WAN.Interface, was.WANCarrier)
	switch {
	case err != nil:
		return err
	case was.WANAddress && !g.hasAddress(s.config.WAN.Interface):
		return text.NewFault("health.no_address", "port", s.config.WAN.Interface)
	case !wan.Carrier: // it has its addresses when somebody plugs it in
		return nil
	}
	return g.holds(s.config.WAN.Interface, s.config.WAN.Addresses)
}

func (g *Gateway) linkUp(iface string, carrier bool) (Link, error) {
	if g.o.Probe.Link == nil {
		return Link{}, text.NewFault("health.no_port", "port", iface)
	}
	l, err := g.o.Probe.Link(iface)
	switch {
	case err != nil:
		return l, text.NewFault("health.no_port", "port", iface).Because(err)
	case !l.Up:
		return l, text.NewFault("health.down", "port", iface)
	case carrier && !l.Carrier:
		return l, text.NewFault("health.no_carrier", "port", iface)
	}
	return l, nil
}

// holds says whether a port has these addresses of ours.
func (g *Gateway) holds(iface string, want []netip.Prefix) error {
	as, err := g.o.LocalAddrs(iface)
	for _, p := range want {
		if err != nil || !slices.Contains(as, p.Addr()) {
			return text.NewFault("health.address", "port", iface, "address", p.Addr().String()).Because(err)
		}
	}
	return nil
}

// answerHealth asks at each address of ours on the LAN that can be used.
func (g *Gateway) answerHealth(ctx context.Context, ask func(context.Context, netip.Addr) error, code string) error {
	at := g.Inside()
	if l, err := g.linkUp(g.lanInterface(), true); err != nil && !l.Carrier && len(at) > 1 {
		at = slices.DeleteFunc(at, netip.Addr.Is6)
	}
	if len(at) == 0 || ask == nil {
		return text.NewFault(code, "address", "-")
	}
	soon, stop := context.WithTimeout(ctx, probeWithin)
	defer stop()
	for _, a := range at {
		if err := ask(soon, a); err != nil {
			return text.NewFault(code, "address", a.String()).Because(err)
		}
	}
	return nil
}

// databaseHealth is whether the database can be read and written, where it
// outlasts a restart: a version that cannot open the partition for records,
// perhaps because its key is sealed to another one, works in memory. All pages
// were looked at when it was opened; the log is verified now and then.
func (g *Gateway) databaseHealth(ctx context.Context) error {
	if g.o.Data.State == image.DataVolatile {
		return text.NewFault(g.o.Data.Why) // it may be this version that cannot open the partition
	}
	db := g.db()
	if db == nil {
		return g.storeFault()
	}
	now := g.o.Clock.Boot()
	g.firm.mu.Lock()
	whole := g.firm.whole
	g.firm.mu.Unlock()
	if whole == 0 || now-whole > wholeFor {
		if _, err := db.Verify(ctx); err != nil {
			return text.NewFault("health.log").Because(err)
		}
		g.firm.mu.Lock()
		g.firm.whole = now
		g.firm.mu.Unlock()
	}
	b, err := g.o.Clock.Wall().UTC().MarshalText()
	if err != nil {
		return text.NewFault("health.log").Because(err)
	}
	return db.PutMeta(ctx, keyHealth, b)
}
