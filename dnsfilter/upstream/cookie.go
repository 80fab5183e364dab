package upstream

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
)

// cookies are what we and one server know each other by (RFC 7873): a forger
// who sees neither side cannot guess them.
type cookies struct {
	client string                 // ours for this server, hex; empty: we use none
	server atomic.Pointer[string] // the server's for us, hex; nil: it gave none
}

const clientCookie, maxServerCookie = 16, 64 // in hex digits (RFC 7873 section 4)

func newCookies(on bool) *cookies {
	if !on {
		return &cookies{}
	}
	random := make([]byte, clientCookie/2)
	rand.Read(random)
	return &cookies{client: hex.EncodeToString(random)}
}

// value is what goes into a question; empty: nothing.
func (c *cookies) value() string {
	if s := c.server.Load(); s != nil && c.client != "" {
		return c.client + *s
	}
	return c.client
}

// forged says that m, which else fits y, cannot be the server's: it holds
// another cookie than ours. The server's own is kept.
func (c *cookies) forged(y *query, m *dns.Msg) bool {
	got := cookieOf(m)
	if !y.cookie || got == "" {
		return false
	}
	theirs, ok := strings.CutPrefix(got, c.client)
	if !ok || len(theirs) > maxServerCookie {
		return true
	}
	if theirs != "" {
		c.server.Store(&theirs)
	}
	return false
}

// satisfied says whether m has the cookie that this server is known to send.
func (c *cookies) satisfied(y *query, m *dns.Msg) bool {
	return !y.cookie || c.server.Load() == nil || cookieOf(m) != ""
}

// forget takes the server for one without cookies until it sends one.
func (c *cookies) forget() { c.server.Store(nil) }

func cookieOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if k, ok := o.(*dns.EDNS0_COOKIE); ok {
				return strings.ToLower(k.Cookie)
			}
		}
	}
	return ""
}
