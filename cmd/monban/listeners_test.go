package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"monban/gateway"
)

const socketHeading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func TestParseSockets(t *testing.T) {
	const table = socketHeading +
		"   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n" +
		"   1: 010AA8C0:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0\n" +
		"   2: 010AA8C0:01BB 150AA8C0:C000 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0\n" +
		"   3: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n" +
		"   4: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n" +
		"   5: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n"
	got, err := parseSockets(strings.NewReader(table), tcpListen)
	if err != nil {
		t.Fatal(err)
	}
	var want []netip.AddrPort
	for _, s := range []string{"127.0.0.1:53", "192.168.10.1:443", "[::]:22", "[2001:db8::1]:443", "127.0.0.1:80"} {
		want = append(want, netip.MustParseAddrPort(s))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The DHCP clients of systemd-networkd, as they stand in udp and udp6.
	const dhcp = socketHeading +
		" 1289: 0A7100CB:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000   998        0 9 2 0 0\n" +
		"  767: 000080FE00000000FF005450563412FE:0222 00000000000000000000000000000000:0000 07 0 0 0 998 0 9 2 0 0\n"
	got, err = parseSockets(strings.NewReader(dhcp), udpClose)
	want = []netip.AddrPort{netip.MustParseAddrPort("203.0.113.10:68"), netip.MustParseAddrPort("[fe80::5054:ff:fe12:3456]:546")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"short line\n", " 0: 0100007F 0 0A\n", " 0: 0100007F:10000 0 0A\n", " 0: 01007F:0035 0 0A\n", " 0: XX00007F:0035 0 0A\n", " 0: :0035 0 0A\n"} {
		if got, err := parseSockets(strings.NewReader(socketHeading+bad), tcpListen); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

// What this process listens on is found, TCP and UDP, IPv4 and IPv6; what it
// has closed or only connected is not.
func TestListenersReal(t *testing.T) {
	l4, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l4.Close()
	u4, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u4.Close()
	out, err := net.Dial("tcp4", l4.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	want := map[string]bool{l4.Addr().String() + "/tcp": true, u4.LocalAddr().String() + "/udp": true, out.LocalAddr().String() + "/tcp": false}
	if l6, err := net.Listen("tcp6", "[::1]:0"); err == nil { // not everywhere is IPv6
		defer l6.Close()
		want[l6.Addr().String()+"/tcp"] = true
	}
	got, err := listeners()
	if err != nil {
		t.Fatal(err)
	}
	for s, found := range want {
		if slices.ContainsFunc(got, func(l gateway.Listener) bool { return l.String() == s }) != found {
			t.Errorf("%s found: %v, want %v", s, !found, found)
		}
	}
}

// Whatever stands in the table: an error, or as many sockets as lines in that
// state, each one that can be written in the table again.
func FuzzParseSockets(f *testing.F) {
	f.Add(socketHeading + "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n")
	f.Add(socketHeading + "   0: 00000000000000000000000000000000:0016 0:0 0A\n   1: 010AA8C0:01BB 150AA8C0:C000 01 0\n")
	f.Add(socketHeading + " 0: 0100007F:10000 0 0A\n")
	f.Add(socketHeading + "0A 0A 0A 0A\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, table string) {
		got, err := parseSockets(strings.NewReader(table), tcpListen)
		if err != nil {
			return
		}
		lines := 0
		for i, l := range strings.Split(table, "\n") {
			if fields := strings.Fields(l); i > 0 && len(fields) > 3 && fields[3] == tcpListen {
				lines++
			}
		}
		if len(got) != lines {
			t.Fatalf("%d sockets of %d lines", len(got), lines)
		}
		for _, a := range got {
			if !a.IsValid() || a.Addr().Is4In6() {
				t.Fatalf("%v is no socket", a)
			}
		}
	})
}
