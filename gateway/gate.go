package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Closing waits for no disk. g.acts is held over the record of an act, so that
// whoever closes does not wait for it: he takes g.gate, which is held over the
// kernel alone, says what he wants closed, and closes it. Whatever opens a
// window, gives it back or lengthens it asks under g.gate first, and so never
// undoes that. What was closed goes on record under g.acts, when it is free.

// A closer wants a window closed.
type closer struct {
	who people.Actor
	how window.How
	at  time.Time // the kernel closed it; zero: not yet
	cut int       // live flows that ended
}

// A stop wants every window closed, also those that are being opened.
type stop struct {
	who people.Actor
	n   int // windows it ended
}

// shut puts the wish to close a window where nothing opens it against, and
// closes it in the kernel. If the kernel fails, the wish stays: the keeper
// tries again and never gives the window back. g.gate is held.
func (g *Gateway) shut(w window.Window, who people.Actor, how window.How) error {
	c := g.closing[w.ID]
	c.who, c.how = who, how
	n, err := g.o.Firewall.CloseWindow(firewall.Mark(w.Mark))
	if c.cut += n; err == nil && c.at.IsZero() {
		c.at = g.o.Clock.Wall()
	}
	g.closing[w.ID] = c
	if err != nil {
		signal(g.edge)
		return fmt.Errorf("closing window %d: %w", w.ID, err)
	}
	return nil
}

// wanted says whether somebody wants a window closed.
func (g *Gateway) wanted(id int64) (closer, bool) {
	g.gate.Lock()
	defer g.gate.Unlock()
	c, ok := g.closing[id]
	return c, ok
}

// isShut says whether the kernel has closed a window on somebody's wish.
func (g *Gateway) isShut(id int64) bool {
	c, _ := g.wanted(id)
	return !c.at.IsZero()
}

// unwish takes a wish back, and says what came of it.
func (g *Gateway) unwish(id int64) closer {
	g.gate.Lock()
	defer g.gate.Unlock()
	c := g.closing[id]
	delete(g.closing, id)
	return c
}

// stopped is the last wish to close everything. What began before the next one
// is not opened after it.
func (g *Gateway) stopped() *stop {
	g.gate.Lock()
	defer g.gate.Unlock()
	return g.stop
}

// unwanted says who wants a window closed that began when since was the last
// wish to close everything. g.gate is held.
func (g *Gateway) unwanted(id int64, since *stop) (closer, bool) {
	if c, ok := g.closing[id]; ok || g.stop == since {
		return c, ok
	}
	return closer{who: g.stop.who, how: window.ByHand}, true
}

// withdrawNames refuses the names of tools whose windows the kernel has closed,
// before that is on record.
func (g *Gateway) withdrawNames() {
	if !slices.ContainsFunc(g.open(), func(w window.Window) bool { return w.Kind == window.Tool && g.isShut(w.ID) }) {
		return
	}
	if err := g.setNames(); err != nil {
		g.o.Log.Error("names not as planned", "err", err)
	}
}

// letIn puts a window into the kernel and remembers it as open, unless somebody
// wants it closed. From then on nothing may leave it open unknown.
func (g *Gateway) letIn(w *window.Window, way firewall.Opening, since *stop) (held kernel.Live, c *closer, err error) {
	g.gate.Lock()
	defer g.gate.Unlock()
	if c, unwanted := g.unwanted(w.ID, since); unwanted {
		if _, one := g.closing[w.ID]; !one {
			g.stop.n++
		}
		return held, &c, nil
	}
	open, err := w.Opened()
	if err != nil {
		return held, nil, err
	}
	way.For = w.Left(g.o.Clock.Boot())
	if held, err = g.o.Firewall.OpenWindow(way); err != nil {
		return held, nil, err
	}
	*w = open
	g.remember(open)
	return held, nil, nil
}

// closedUnopened ends a window that somebody closed while its opening was put
// on record. The kernel never had it.
func (g *Gateway) closedUnopened(ctx context.Context, w window.Window, c closer) (Window, error) {
	g.unwish(w.ID)
	over, err := w.Close(c.how, c.who, g.o.Clock.Wall(), window.Tally{})
	if err != nil {
		return Window{}, err
	}
	g.settled(ctx, c.who, w.State, over)
	return g.view(over), text.NewFault("window.not_now", "state", string(over.State), "to", string(window.Open))
}

// hold remembers a window that was open when since was the last wish to close
// everything. If there is a newer one, the keeper closes it.
func (g *Gateway) hold(w window.Window, since *stop) {
	g.gate.Lock()
	defer g.gate.Unlock()
	if c, unwanted := g.unwanted(w.ID, since); unwanted {
		g.closing[w.ID] = c
	}
	g.remember(w)
}

// lengthen gives a window its new end in the kernel, unless somebody has closed
// it meanwhile.
func (g *Gateway) lengthen(w window.Window) (open bool, err error) {
	g.gate.Lock()
	defer g.gate.Unlock()
	if _, unwanted := g.closing[w.ID]; unwanted {
		g.remember(w) // as it is on record
		return false, nil
	}
	if _, err := g.o.Firewall.ExtendWindow(firewall.Mark(w.Mark), w.Left(g.o.Clock.Boot())); err != nil {
		return true, err
	}
	g.remember(w)
	return true, nil
}

// giveBack opens a window anew that the kernel has lost, unless somebody wants
// it closed.
func (g *Gateway) giveBack(id int64, o firewall.Opening) (given bool, err error) {
	g.gate.Lock()
	defer g.gate.Unlock()
	if _, unwanted := g.closing[id]; unwanted {
		return false, nil
	}
	_, err = g.o.Firewall.OpenWindow(o)
	return true, err
}
