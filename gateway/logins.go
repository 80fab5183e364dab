package gateway

import (
	"net/netip"
	"time"

	"monban/gateway/config"
	"monban/gateway/store"
)

// Logins keeps the page's sessions (an scs.Store). While there is no database
// nobody is signed in, and nobody can be.
type Logins struct{ g *Gateway }

// Logins returns the sessions of this gateway's database.
func (g *Gateway) Logins() Logins { return Logins{g} }

// in returns the database's sessions; one per database, as it demands.
func (l Logins) in() *store.Logins {
	db := l.g.db()
	if db == nil {
		return nil
	}
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	if l.g.logins == nil {
		l.g.logins = db.Logins(l.g.o.Clock.Wall)
	}
	return l.g.logins
}

// Find returns what was kept for token.
func (l Logins) Find(token string) ([]byte, bool, error) {
	if s := l.in(); s != nil {
		return s.Find(token)
	}
	return nil, false, nil
}

// Commit keeps b for token until expiry.
func (l Logins) Commit(token string, b []byte, expiry time.Time) error {
	if s := l.in(); s != nil {
		return s.Commit(token, b, expiry)
	}
	return nil // nobody to remember
}

// Delete ends the session of token.
func (l Logins) Delete(token string) error {
	if s := l.in(); s != nil {
		return s.Delete(token)
	}
	return nil
}

// Site is the configuration in force; zero in set-up mode.
func (g *Gateway) Site() config.Config { return g.current().config }

// Inside are the box's own addresses on the LAN: those of site.toml, or in
// set-up mode what the board's LAN port has.
func (g *Gateway) Inside() []netip.Addr {
	s := g.current()
	if s.mode == SetUp {
		if g.o.SetUpLAN == "" {
			return nil
		}
		as, _ := g.o.LocalAddrs(g.o.SetUpLAN) // a port that is not there has none
		return globals(as)
	}
	var out []netip.Addr
	for _, p := range s.config.LAN.Addresses {
		out = append(out, p.Addr())
	}
	return out
}

// PageNames are the host names and addresses the page answers to.
func (g *Gateway) PageNames() []string {
	var out []string
	for _, a := range g.Inside() {
		out = append(out, a.String())
	}
	if c := g.Site(); len(c.Page.Names) > 0 {
		return append(out, c.Page.Names...)
	}
	return append(out, config.PageName)
}

// Zone is the time zone people live in.
func (g *Gateway) Zone() *time.Location {
	if z := g.current().config.Timezone; z != nil {
		return z
	}
	return time.FixedZone("JST", 9*60*60)
}
