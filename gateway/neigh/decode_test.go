package neigh

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"monban/gateway/device"
)

// frame joins hex words, so that the cases below read like the RFC's pictures.
func frame(words ...string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(words, ""), " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

const (
	all    = "ffffffffffff"
	xray   = "001b21aabbcc"
	other  = "001b21aabbdd"
	lladdr = "fe80000000000000021b21fffeaabbcc"
	global = "20010db8000100000000000000000009"
	groupA = "ff0200000000000000000001ff000009"
	unspec = "00000000000000000000000000000000"
)

func ip6(hop, src, dst, icmp string) string {
	n := len(strings.ReplaceAll(icmp, " ", "")) / 2
	return "60000000" + hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) + "3a" + hop + src + dst + icmp
}

func cases() map[string]struct {
	frame []byte
	ok    bool
	addr  string
} {
	type c = struct {
		frame []byte
		ok    bool
		addr  string
	}
	arp := func(op, hw, ip string) []byte {
		return frame(all, xray, "0806", "0001 0800 06 04", op, hw, ip, "000000000000", "c0a80101")
	}
	ndp := func(hop, src, icmp string) []byte { return frame(all, xray, "86dd", ip6(hop, src, groupA, icmp)) }
	return map[string]c{
		"ARP request":                 {arp("0001", xray, "c0a80109"), true, "192.168.1.9"},
		"ARP reply":                   {arp("0002", xray, "c0a80109"), true, "192.168.1.9"},
		"ARP probe":                   {arp("0001", xray, "00000000"), true, ""},
		"ARP for somebody else":       {arp("0002", other, "c0a80109"), true, ""},
		"ARP for broadcast":           {arp("0002", xray, "ffffffff"), true, ""},
		"ARP of a third operation":    {arp("0003", xray, "c0a80109"), false, ""},
		"ARP from a group":            {frame(all, "010000000001", "0806", "00010800060400010100000000010a000001 000000000000 0a000002"), false, ""},
		"ARP cut short":               {arp("0001", xray, "c0a80109")[:41], false, ""},
		"NS":                          {ndp("ff", lladdr, "8700 0000 00000000"+global+"0101"+xray), true, "fe80::21b:21ff:feaa:bbcc"},
		"NS without option":           {ndp("ff", lladdr, "8700 0000 00000000"+global), true, "fe80::21b:21ff:feaa:bbcc"},
		"NS, address taken already?":  {ndp("ff", unspec, "8700 0000 00000000"+global), true, ""},
		"NS, option of another":       {ndp("ff", lladdr, "8700 0000 00000000"+global+"0101"+other), true, ""},
		"NS from behind a router":     {ndp("40", lladdr, "8700 0000 00000000"+global+"0101"+xray), false, ""},
		"NS, option of no length":     {ndp("ff", lladdr, "8700 0000 00000000"+global+"0100"+xray), false, ""},
		"NS, option too long":         {ndp("ff", lladdr, "8700 0000 00000000"+global+"0102"+xray), false, ""},
		"NA":                          {ndp("ff", lladdr, "8800 0000 60000000"+global+"0201"+xray), true, "2001:db8:1::9"},
		"NA without option":           {ndp("ff", lladdr, "8800 0000 60000000"+global), true, "fe80::21b:21ff:feaa:bbcc"},
		"NA for another":              {ndp("ff", lladdr, "8800 0000 60000000"+global+"0201"+other), true, ""},
		"RS":                          {ndp("ff", lladdr, "8500 0000 00000000"+"0101"+xray), true, "fe80::21b:21ff:feaa:bbcc"},
		"RA":                          {ndp("ff", lladdr, "8600 0000 4000 0708 00000000 00000000"+"0101"+xray+"050100000000 05dc"), true, "fe80::21b:21ff:feaa:bbcc"},
		"redirect":                    {ndp("ff", lladdr, "8900 0000 00000000"+global+global), false, ""},
		"echo":                        {ndp("ff", lladdr, "8000 0000 00000000"), false, ""},
		"NS cut short":                {ndp("ff", lladdr, "8700 0000 00000000"+global+"0101"+xray)[:80], false, ""},
		"IPv4":                        {frame(all, xray, "0800", "4500"), false, ""},
		"nothing":                     {nil, false, ""},
		"ICMPv6 with nothing in it":   {ndp("ff", lladdr, ""), false, ""},
		"NS from an IPv4 as IPv6":     {ndp("ff", "00000000000000000000ffffc0a80109", "8700 0000 00000000"+global), true, ""},
		"TCP in IPv6":                 {frame(all, xray, "86dd", "60000000 0008 06 ff", lladdr, groupA, "8700000000000000"), false, ""},
		"padded to the shortest size": {append(arp("0001", xray, "c0a80109"), make([]byte, 18)...), true, "192.168.1.9"},
	}
}

func TestDecode(t *testing.T) {
	for name, c := range cases() {
		m, addr, _, ok := decode(c.frame)
		want := netip.Addr{}
		if c.addr != "" {
			want = netip.MustParseAddr(c.addr)
		}
		if ok != c.ok || addr != want || ok && m.String() != "00:1b:21:aa:bb:cc" {
			t.Errorf("%s: %v %v %v, want %v %v", name, m, addr, ok, want, c.ok)
		}
	}
}

// Whatever comes: no panic, no address without a sender, and the kernel's
// filter lets through all that we would read. The seeds are the cases above.
func FuzzDecode(f *testing.F) {
	vm, err := bpf.NewVM(wanted())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, addr, source, ok := decode(b)
		if !ok {
			if addr.IsValid() {
				t.Fatalf("address %v of a frame that is none", addr)
			}
			return
		}
		if !m.Single() || addr.IsValid() && (addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback()) {
			t.Fatalf("%v uses %v", m, addr)
		}
		if addr.IsValid() && addr.Is4() != (source == device.FromARP) {
			t.Fatalf("%v by %s", addr, source)
		}
		if n, err := vm.Run(b); err != nil || n == 0 {
			t.Fatalf("filter drops a %s frame we can read: %d, %v", source, n, err)
		}
	})
}
