package upstream

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// BenchmarkExchange is what one question costs, the answering server in the
// same process included.
func BenchmarkExchange(b *testing.B) {
	plain := serve(b, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	second := serve(b, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	a := newAuthority(b)
	cert, _ := a.leaf(b, "dns.example", time.Hour)
	web, _, _ := serveHTTPS(b, cert, goodWeb)
	for what, c := range map[string]*Client{
		"UDP":     secureClient(b, a, Server{Addr: plain.addr}),
		"two UDP": secureClient(b, a, Server{Addr: plain.addr}, Server{Addr: second.addr}),
		"TLS":     secureClient(b, a, serveTLS(b, cert, answerAll).Server),
		"HTTPS":   secureClient(b, a, web),
	} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Exchange(context.Background(), question); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
