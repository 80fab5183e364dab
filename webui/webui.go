// Package webui is the page people use the gateway by: routes, sessions,
// headers, and the translation of gateway types into view models.
//
// It decides nothing about the clinic: every act is a call of a gateway method
// that authorises the actor by itself. What pages look like is package view.
package webui

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"monban/gateway/text"
	"monban/webui/static"
)

// Options are what a page is plugged to.
type Options struct {
	Gateway  Gateway      // required; its Staffing is used if it has that
	Sessions scs.Store    // required; keeps no token but its hash
	Log      *slog.Logger // required
	// Names are the host names and addresses the page answers to, without
	// port, besides pki.Name and the address a connection came to; a request
	// for any other is refused, which is what stops DNS rebinding. It is asked
	// on every request.
	Names func() []string  // required
	Now   func() time.Time // optional; time.Now
	// Zone is the time zone people live in; optional, asked on every request.
	Zone func() *time.Location
	Lang text.Lang // optional; what a browser sees that never chose
	// CA is the certificate a PC must trust, in PEM, and Fingerprint what it
	// is compared by. Optional; without it none is offered.
	CA          []byte
	Fingerprint string
}

// site is the page with everything it needs.
type site struct {
	Options
	staffing Staffing // nil: a gateway without further people
	sessions *scs.SessionManager
	assets   *static.Assets
	sheets   sheets
	known    known
}

// New returns the handler of the whole page. It must be reached by TLS, on
// the LAN side only.
func New(o Options) (http.Handler, error) {
	s, err := newSite(o)
	if err != nil {
		return nil, err
	}
	mux, err := s.mux(s.routes(), s.lost)
	if err != nil {
		return nil, err
	}
	return s.guard(mux), nil
}

// Plain returns the handler of the page without TLS. It says what this box is
// and hands out the certificate a PC must trust before it can do better;
// everything else leads to the page by TLS. In the place of a refused site,
// whose name is answered with our address, it says why.
func Plain(o Options) (http.Handler, error) {
	s, err := newSite(o)
	if err != nil {
		return nil, err
	}
	mux, err := s.mux([]route{
		{http.MethodGet, "/{$}", anyone, (*visit).alive},
		{http.MethodGet, "/alive", anyone, (*visit).alive},
		{http.MethodGet, "/monban-ca.cer", anyone, (*visit).certificate},
	}, toTLS)
	if err != nil {
		return nil, err
	}
	return s.blocked(s.guard(mux)), nil
}

// toTLS leads to the same place by TLS. The host was checked by guard.
func toTLS(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusFound)
}

func newSite(o Options) (*site, error) {
	if o.Gateway == nil || o.Sessions == nil || o.Log == nil || o.Names == nil {
		return nil, errors.New("webui: Gateway, Sessions, Log and Names are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lang == "" {
		o.Lang = text.JA
	}
	if o.Zone == nil {
		jst := time.FixedZone("JST", 9*60*60)
		o.Zone = func() *time.Location { return jst }
	}
	assets, err := static.Load()
	if err != nil {
		return nil, fmt.Errorf("loading the page's assets: %w", err)
	}
	s := &site{Options: o, assets: assets}
	s.staffing, _ = o.Gateway.(Staffing)
	s.sessions = s.newSessions()
	return s, nil
}
