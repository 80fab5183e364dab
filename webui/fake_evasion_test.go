package webui_test

import (
	"context"
	"time"

	"monban/gateway"
	"monban/gateway/people"
)

func (f *fake) Evasions(_ context.Context, _ people.Actor, day string) (gateway.EvasionDay, error) {
	d := f.evasion
	if day != "" && day != d.Day {
		return gateway.EvasionDay{Day: day, Days: d.Days}, f.broken
	}
	return d, f.broken
}

// evadedFake is namedFake with devices that went around the name filter.
func evadedFake() *fake {
	f := namedFake()
	at := f.now()
	day := at.In(time.FixedZone("JST", 9*3600))
	way := func(kind string, n, stopped uint64, what ...string) gateway.EvasionWay {
		return gateway.EvasionWay{Kind: kind, N: n, Stopped: stopped, First: at.Add(-5 * time.Hour), Last: at.Add(-time.Minute), What: what}
	}
	f.evasion = gateway.EvasionDay{Day: day.Format(time.DateOnly), Days: []string{day.Format(time.DateOnly), day.AddDate(0, 0, -1).Format(time.DateOnly)},
		Exempt: []string{"資格確認端末"},
		Devices: []gateway.EvasionDevice{
			{Device: "02:00:5e:10:00:01", DeviceName: "受付PC", ID: 1, Ways: []gateway.EvasionWay{way("plain", 12345, 12345), way("dns", 42, 42, "dns.google", "mozilla.cloudflare-dns.com"),
				way("https", 40, 40), way("tls", 7, 7)}},
			{Device: "8a:11:22:33:44:55", DeviceName: "8a:11:22:33:44:55", Ways: []gateway.EvasionWay{way("vpn", 9, 4, "api.nordvpn.com"), way("relay", 3, 3, "mask-api.icloud.com"), way("tor", 1, 0, "bridges.torproject.org")}},
		},
		Polite: []gateway.EvasionDevice{{Device: "02:00:5e:10:00:02", DeviceName: "受付のプリンタ", Ways: []gateway.EvasionWay{way("canary", 30, 30, "use-application-dns.net")}}}}
	return f
}
