package gateway

import (
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/gateway/config"
)

// refusal is how c has refused names answered; nil: as by default.
func refusal(c config.Config) *dnsfilter.Refusal {
	switch c.DNS.Refuse {
	case config.WithNoName:
		return &dnsfilter.Refusal{NoName: true}
	case config.WithPage:
		return &dnsfilter.Refusal{Page4: c.LAN.Addr4(), Page6: c.LAN.Addr6()}
	case config.WithZero:
	}
	return nil
}

// ruleNameLog tells the query log what site.toml lets it keep. Without one
// nothing changes.
func (g *Gateway) ruleNameLog() {
	s := g.current()
	if s.mode == SetUp {
		return
	}
	l := s.config.DNS.Log
	g.o.QueryLog.Set(querylog.Rules{Keep: time.Duration(l.Days) * 24 * time.Hour, Off: l.Days == 0, Mask: l.Mask})
}
