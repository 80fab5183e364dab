package server

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// echoUpstream answers every question with one address, by hand: what it costs
// is little beside two system calls.
func echoUpstream(t testing.TB) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadBuffer(1 << 20)
	go func() {
		pkt, out := make([]byte, maxQuery), make([]byte, 0, maxQuery)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(pkt)
			if err != nil {
				return
			}
			end := headerSize
			for end < n && pkt[end] != 0 {
				end += 1 + int(pkt[end])
			}
			if end += 5; end > n {
				continue
			}
			out = append(out[:0], pkt[:end]...)
			out = append(out, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xcb\x00\x71\x01"...)
			out = append(out, pkt[end:n]...) // its OPT record
			out[2], out[3], out[7] = out[2]|0x80, 0x80, 1
			conn.WriteToUDPAddrPort(out, from)
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// cpu is what the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCold is what a name costs that nobody asked for before: client,
// server and resolver in one process, 32 questions under way. cpu-ns/op is the
// time of all processors; ×echo sets it against that of a plain exchange of the
// same client with the resolver. A cold name holds one such exchange and the
// server's own work.
func BenchmarkCold(b *testing.B) {
	for what, n := range map[string]int{"one resolver": 1, "two resolvers": 2} {
		b.Run(what, func(b *testing.B) {
			o := upstream.Options{MixCase: true, Cookies: true}
			for range n {
				o.Servers = append(o.Servers, upstream.Server{Addr: echoUpstream(b)})
			}
			c, err := upstream.New(o)
			if err != nil {
				b.Fatal(err)
			}
			_, addr := start(b, c)
			b.ReportAllocs()
			began := cpu()
			b.ResetTimer()
			askMany(b, addr, b.N)
			b.StopTimer()
			cold := cpu() - began
			began = cpu()
			askMany(b, o.Servers[0].Addr.String(), b.N)
			echo := cpu() - began
			b.ReportMetric(float64(cold)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(cold)/float64(max(echo, 1)), "×echo")
		})
	}
}

// askMany asks addr for n names, each another.
func askMany(t testing.TB, addr string, n int) {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	pkt, _ := ask("n0000000000.cold.example.", dns.TypeA).Pack()
	buf := make([]byte, 1500)
	const window = 32
	for sent, got := 0, 0; got < n; {
		for sent < n && sent-got < window {
			binary.BigEndian.PutUint16(pkt, uint16(sent))
			copy(pkt[headerSize+2:], fmt.Appendf(buf[:0], "%010d", sent))
			if _, err := conn.Write(pkt); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		m, err := conn.Read(buf)
		if err != nil || m < headerSize || buf[7] != 1 {
			t.Fatalf("answer %d: %x, %v", got, buf[:m], err)
		}
		got++
	}
}
