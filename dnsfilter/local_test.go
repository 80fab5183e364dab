package dnsfilter

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"monban/dnsfilter/list"
)

// Every address of a local name leads back to it, the name that was first to
// the address; nothing else does.
func TestAddLocal(t *testing.T) {
	var p Policy
	four, six := netip.MustParseAddr("192.168.10.20"), netip.MustParseAddr("2001:db8:10::20")
	p.AddLocal("pc.monban.home.arpa", four, six)
	p.AddLocal("xray.monban.home.arpa", four)
	if d := p.Decide(Ask{Name: "xray.monban.home.arpa", Type: 1}); d.Action != Answer || len(d.Addrs) != 1 || d.Addrs[0] != four {
		t.Errorf("%+v", d)
	}
	const zeros = "0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
	for name, want := range map[string]string{"20.10.168.192.in-addr.arpa": "pc.monban.home.arpa", zeros: "pc.monban.home.arpa"} {
		if d := p.Decide(Ask{Name: name, Type: 12}); d.Action != Answer || d.Reason != Known || d.Host != want {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for name, want := range map[string]Action{"21.10.168.192.in-addr.arpa": NoName, "9.9.9.9.in-addr.arpa": Forward, "nobody.monban.home.arpa": NoName} {
		if d := p.Decide(Ask{Name: name, Type: 12}); d.Action != want {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// A way around is refused in a group's pause as well, and to groups without
// lists; what must work or is allowed is not.
func TestAround(t *testing.T) {
	b := list.NewBuilder(list.NewKey())
	if _, err := b.AddHosts(list.Source{Name: "bypass-dns", Text: strings.NewReader("||dns.example^\n0.0.0.0 doh.must.example\n0.0.0.0 doh.fine.example\n")}); err != nil {
		t.Fatal(err)
	}
	p := policy(t)
	p.Around, p.Groups = b.Build(), []Group{{Name: "g", Paused: true}}
	for name, want := range map[string]string{"a.dns.example": Bypass, "dns.example": Bypass, "doh.must.example": Needed, "doh.fine.example": Permitted,
		"www.example": Unlisted} {
		d := p.Decide(Ask{Client: netip.MustParseAddr("192.168.10.9"), Name: name, Type: 1})
		if d.Reason != want || (d.Action == Refuse) != (want == Bypass) || want == Bypass && (d.List != "bypass-dns" || d.Line != 1) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	denied, err := NewNames("dns.example") // that the clinic refuses it, too, makes it no less a way around
	if err != nil {
		t.Fatal(err)
	}
	p.Denied = denied
	if d := p.Decide(Ask{Client: netip.MustParseAddr("192.168.10.9"), Name: "a.dns.example", Type: 1}); d.Action != Refuse || d.Reason != Bypass {
		t.Errorf("refused by the clinic, too, in a pause: %+v", d)
	}
	if d := p.Judge(Ask{Name: "www.example", Type: 1}, []string{"cdn.dns.example"}, nil); d.Action != Refuse || d.Reason != Bypass || d.Via == "" {
		t.Errorf("an alias: %+v", d)
	}
}

// A reverse name costs the same however many devices have names.
func BenchmarkReverse(b *testing.B) {
	for _, n := range []int{1, 200, 2000} {
		var p Policy
		for i := range n {
			p.AddLocal(fmt.Sprintf("d%d.monban.home.arpa", i), netip.AddrFrom4([4]byte{192, 168, byte(i >> 8), byte(i)}),
				netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i >> 8), 15: byte(i)}))
		}
		for _, name := range []string{"0.0.168.192.in-addr.arpa", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"} {
			b.Run(fmt.Sprintf("%d/%s", n, name[len(name)-8:]), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if d := p.Decide(Ask{Name: name, Type: 12}); d.Host == "" {
						b.Fatal(d)
					}
				}
			})
		}
	}
}

// Looking a reverse name up allocates nothing.
func TestReverseAllocates(t *testing.T) {
	var p Policy
	for i := range 200 {
		p.AddLocal(fmt.Sprintf("d%d.monban.home.arpa", i), netip.AddrFrom4([4]byte{192, 168, 10, byte(i)}))
	}
	q := Ask{Name: "77.10.168.192.in-addr.arpa", Type: 12}
	if n := testing.AllocsPerRun(1000, func() { p.Decide(q) }); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
