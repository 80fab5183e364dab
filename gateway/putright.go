package gateway

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// check wants an open window in the kernel to be what was opened: to end when
// it should, and to have the ways between the vendor and its own device, all of
// them and no others. Only what differs is changed, so that sessions on the
// other ways notice nothing.
func (g *Gateway) check(ctx context.Context, w window.Window, l kernel.Live) {
	longer, ok := g.checkTime(ctx, w, l)
	if !ok {
		return
	}
	found := nothing
	if d, known := g.deviceByID(w.Device); known {
		if found, ok = g.checkWays(ctx, w, d, l); !ok {
			return
		}
	}
	switch {
	case longer || found == foreignWays:
		g.putRight(ctx, w)
	case found == movedAway:
		g.recordWindow(ctx, people.Box, func(tx *store.Tx) error { return g.tell(tx, "window.address_moved", g.describe(w)) })
	}
}

// What was found beside a window's own ways.
type oddity int

const (
	nothing     oddity = iota
	movedAway          // to an address of its device that another one has now
	foreignWays        // of somebody else's making
)

// checkTime gives a window the time it has left on record: more than that
// somebody else gave it, less is an extension that the kernel did not get. It
// is not ok if the window had to be opened anew.
func (g *Gateway) checkTime(ctx context.Context, w window.Window, l kernel.Live) (longer, ok bool) {
	left := w.Left(g.o.Clock.Boot())
	endless := l.Left == 0 && left > overdue
	longer = endless || l.Left > left+overdue
	if !longer && l.Left >= left-overdue {
		return false, true
	}
	_, err := g.o.Firewall.ExtendWindow(firewall.Mark(w.Mark), left)
	g.o.Log.Warn("window given the time it has on record", "window", w.ID, "had", l.Left, "left", left, "err", err)
	if err != nil && longer { // as good as over, or without an end, which cannot be moved
		g.reopen(ctx, w)
		return longer, false
	}
	return longer, true
}

// checkWays takes away what is not the window's own, and adds what it lacks. It
// is not ok if the window had to be opened anew.
func (g *Gateway) checkWays(ctx context.Context, w window.Window, d device.Device, l kernel.Live) (found oddity, ok bool) {
	c := g.current().config
	there := func(a netip.Addr) bool { return behind(c.LAN.Addresses, a) }
	home := func(a netip.Addr) bool { return there(a) && !g.elsewhere(a, d.MAC) }
	have, gates := ownWays(c, w, l, home)
	odd, shut := less(l, have), beyond(l.Gates, gates)
	if leadsAny(odd) || len(shut) > 0 {
		found = foreignWays
		if had, asked := ownWays(c, w, l, there); !leadsAny(less(l, had)) && len(asked) == len(l.Gates) {
			found = movedAway
		}
		g.o.Log.Error("window had ways that are not its own", "window", w.ID, "moved", found == movedAway, "passes", odd.Passes,
			"out", odd.OutPasses, "outer", odd.Outer, "egress", odd.Egress, "gates", shut)
		err := g.o.Firewall.RemoveWays(odd)
		if err == nil && len(shut) > 0 {
			err = g.o.Firewall.RemoveGates(l.Mark, shut)
		}
		if err != nil {
			g.o.Log.Error("ways not taken away", "window", w.ID, "err", err)
			g.reopen(ctx, w)
			return found, false
		}
	}
	if more := lacking(g.opening(w, d), have); leadsAny(more) {
		if err := g.o.Firewall.AddWays(more); err != nil {
			g.o.Log.Warn("ways a window lacks not added", "window", w.ID, "err", err)
		} else {
			g.o.Log.Info("window follows its device's addresses", "window", w.ID)
		}
	}
	return found, true
}

// ownWays are those ways and gates in the kernel that are the window's: as it
// was asked for, with an address of its device that is at home. That the device
// does not show one just now takes nothing away. Where a tool's names lead only
// the filter knows.
func ownWays(c config.Config, w window.Window, l kernel.Live, home func(netip.Addr) bool) (firewall.Opening, []firewall.Gate) {
	return firewall.Opening{
			Mark: l.Mark,
			Passes: only(l.Passes, func(p firewall.Pass) bool {
				return home(p.Inside.Addr()) && asked(c, w, p)
			}),
			OutPasses: only(l.OutPasses, func(p firewall.OutPass) bool {
				return home(p.Device) && slices.ContainsFunc(w.Targets, func(t window.Target) bool {
					return p.To == netip.AddrPortFrom(t.Addr, t.Port) && p.Proto == protocol(t.Proto)
				})
			}),
			Outer: only(l.Outer, func(p firewall.Outer) bool {
				return w.Kind == window.WireGuard && p.Box.Port() == c.WireGuard.Port && slices.Contains(w.Sources, p.Source)
			}),
			Egress: only(l.Egress, func(a netip.Addr) bool { return w.Kind == window.Tool && home(a) }),
		}, only(l.Gates, func(x firewall.Gate) bool {
			return w.Kind == window.Tool && home(x.Device)
		})
}

// asked says whether a way in is from where and to which port the window is
// for. One whose translation is gone lets nobody in by itself.
func asked(c config.Config, w window.Window, p firewall.Pass) bool {
	from := slices.Contains(w.Sources, p.Source)
	if w.Kind == window.WireGuard {
		v, _ := c.Vendor(w.Vendor)
		from = p.Source.IsSingleIP() && slices.Contains(v.WireGuardAddresses, p.Source.Addr())
	}
	return from && p.Direct == (w.Kind == window.WireGuard) && slices.ContainsFunc(w.Ports, func(q window.Port) bool {
		return q.Port == p.Inside.Port() && protocol(q.Proto) == p.Proto && (p.WANPort == 0 || p.WANPort == q.WAN)
	})
}

// less are the ways the kernel holds but for the window's own.
func less(l kernel.Live, own firewall.Opening) firewall.Opening {
	return firewall.Opening{Mark: l.Mark, Passes: beyond(l.Passes, own.Passes), OutPasses: beyond(l.OutPasses, own.OutPasses),
		Outer: beyond(l.Outer, own.Outer), Egress: beyond(l.Egress, own.Egress)}
}

// lacking are the ways of want that have has not. To IPv4 a window leads to one
// address, and stays with the one it was opened to while that is the device's.
func lacking(want, have firewall.Opening) firewall.Opening {
	return firewall.Opening{
		Mark: want.Mark,
		Passes: only(beyond(want.Passes, have.Passes), func(p firewall.Pass) bool {
			return p.Inside.Addr().Is6() || !slices.ContainsFunc(have.Passes, func(h firewall.Pass) bool {
				return h.Inside.Addr() != p.Inside.Addr() && h.Inside.Port() == p.Inside.Port() && h.Source == p.Source && h.Proto == p.Proto
			})
		}),
		OutPasses: beyond(want.OutPasses, have.OutPasses), Outer: beyond(want.Outer, have.Outer), Egress: beyond(want.Egress, have.Egress),
	}
}

// leadsAny says whether an opening has any way.
func leadsAny(o firewall.Opening) bool {
	return len(o.Passes)+len(o.OutPasses)+len(o.Outer)+len(o.Egress) > 0
}

// beyond is what have has and want has not.
func beyond[T comparable](have, want []T) []T {
	return only(have, func(x T) bool { return !slices.Contains(want, x) })
}

func only[T any](all []T, keep func(T) bool) (out []T) {
	for _, x := range all {
		if keep(x) {
			out = append(out, x)
		}
	}
	return out
}

// reopen closes a window that could not be put right piece by piece, and opens
// it for the rest of its time. Its flows keep their mark and go on with it.
func (g *Gateway) reopen(ctx context.Context, w window.Window) {
	if _, err := g.o.Firewall.CloseWindow(firewall.Mark(w.Mark)); err != nil {
		g.o.Log.Error("window not closed to be put right", "window", w.ID, "err", err)
		return // the next turn tries again
	}
	g.restore(ctx, w)
}

// restore gives an open window back to a kernel that has it no more, for the
// rest of its time.
func (g *Gateway) restore(ctx context.Context, w window.Window) {
	d, ok := g.deviceByID(w.Device)
	left := w.Left(g.o.Clock.Boot())
	if !ok || left < 50*time.Millisecond {
		return
	}
	o := g.opening(w, d)
	if o.For = left; !leads(o) {
		return
	}
	given, err := g.giveBack(w.ID, o)
	if !given {
		return // closed while we looked
	}
	g.o.Log.Warn("window given the rest of its time", "window", w.ID, "left", left, "err", err)
	if err == nil {
		g.putRight(ctx, w)
	}
}

// putRight puts on record that an open window was not as it was opened.
func (g *Gateway) putRight(ctx context.Context, w window.Window) {
	g.recordWindow(ctx, people.Box, func(tx *store.Tx) error { return g.tell(tx, "window.put_right", g.describe(w)) })
}
