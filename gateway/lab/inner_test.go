package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/text"
)

func TestSiteIsConsistent(t *testing.T) {
	addrs, macs, ports := map[netip.Addr]string{}, map[string]string{}, map[string]bool{}
	hosts := site()
	for i := range 3 {
		h, ok := added("added-"+string(rune('a'+i)), i)
		if !ok {
			t.Fatal("no room")
		}
		hosts = append(hosts, h)
	}
	for _, h := range hosts {
		for _, p := range h.Ports {
			if len(p.Name) > 15 || len(p.ToPort) > 15 {
				t.Errorf("%s: port name %q or %q is too long", h.Name, p.Name, p.ToPort)
			}
			if _, err := net.ParseMAC(p.MAC); err != nil || p.MAC != strings.ToLower(p.MAC) {
				t.Errorf("%s: MAC %q: %v", h.Name, p.MAC, err)
			}
			if other := macs[p.MAC]; other != "" {
				t.Errorf("%s and %s share %s", h.Name, other, p.MAC)
			}
			macs[p.MAC] = h.Name
			if p.To != "" && ports[p.To+"/"+p.ToPort] {
				t.Errorf("%s: %s/%s is taken", h.Name, p.To, p.ToPort)
			}
			ports[p.To+"/"+p.ToPort] = true
			for _, a := range p.Addrs {
				if other := addrs[a.Addr()]; other != "" {
					t.Errorf("%s and %s share %s", h.Name, other, a)
				}
				addrs[a.Addr()] = h.Name
			}
		}
	}
	if _, ok := added("last", lastAdded-firstAdded+1); ok {
		t.Error("the LAN never gets full")
	}
}

// The shipped example is the lab's configuration: both tell the same story.
func TestExampleConfigurationIsTheSite(t *testing.T) {
	c, err := config.Parse(config.Example)
	if err != nil {
		t.Fatal(err)
	}
	gw := gatewayHost()
	if c.WAN.Interface != gw.Ports[0].Name || c.LAN.Interface != gw.Ports[1].Name {
		t.Errorf("interfaces %s and %s", c.WAN.Interface, c.LAN.Interface)
	}
	for i, got := range [][]netip.Prefix{c.WAN.Addresses, c.LAN.Addresses} {
		for j, want := range gw.Ports[i].Addrs {
			if j >= len(got) || got[j] != want {
				t.Errorf("%s has %v, the lab %v", gw.Ports[i].Name, got, gw.Ports[i].Addrs)
				break
			}
		}
	}
	macs := map[string]string{}
	for _, d := range insiders() {
		macs[d.name] = d.mac
	}
	for _, d := range c.Devices {
		if macs[d.Name] != d.MAC.String() {
			t.Errorf("device %s has MAC %s, the lab %q", d.Name, d.MAC, macs[d.Name])
		}
	}
	if len(c.Vendors) == 0 || c.Vendors[0].Name != Vendor {
		t.Fatalf("vendors %+v", c.Vendors)
	}
	for _, a := range outsiders()[0].addrs {
		covered := false
		for _, p := range c.Vendors[0].Sources {
			covered = covered || p.Contains(netip.MustParseAddr(a))
		}
		if !covered {
			t.Errorf("the vendor's %s is in none of %v", a, c.Vendors[0].Sources)
		}
	}
	if n := strings.Join(c.Page.Names, " "); !strings.Contains(n, "127.0.0.1") {
		t.Errorf("page names %s: the lab's listener is not among them", n)
	}
}

func TestSysctlsAreWhereTheyAreWritten(t *testing.T) {
	for _, s := range firewall.Sysctls() {
		if _, err := os.Stat("/proc/sys/" + s.Key); err != nil {
			t.Logf("%s: %v (the kernel module may not be there)", s.Key, err)
		}
		if strings.Contains(s.Key, ".") && !strings.Contains(s.Key, "/") {
			t.Errorf("%s is not a path", s.Key)
		}
	}
}

func TestEveryFaultHasASentence(t *testing.T) {
	for _, code := range []string{"lab.no_namespaces", "lab.running", "lab.not_running", "lab.dir_long", "lab.listen",
		"lab.no_host", "lab.no_command", "lab.host_exists", "lab.bad_name", "lab.full", "lab.gateway_failed",
		"lab.gateway_runs", "lab.gateway_down", "lab.gateway_ended", "lab.next", "lab.next_again"} {
		for _, l := range []text.Lang{text.JA, text.EN} {
			if s := l.Say(code, nil); strings.HasPrefix(s, code) {
				t.Errorf("no sentence for %s in %s", code, l)
			}
		}
	}
}

// A receiver sums what it got, the sum included, and must get all ones.
func TestChecksumVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := make([]byte, 2*rapid.IntRange(0, 20).Draw(t, "words"))
		for i := range head {
			head[i] = rapid.Byte().Draw(t, "byte")
		}
		body := append([]byte{0, 0}, rapid.SliceOfN(rapid.Byte(), 0, 61).Draw(t, "body")...)
		binary.BigEndian.PutUint16(body, checksum(head, body))
		if got := checksum(head, body); got != 0 {
			t.Fatalf("%x", got)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte{0x45}, true)
	f.Add(append(make([]byte, 13), 0x12, 0, 0, 0, 0, 0, 0), false)
	f.Fuzz(func(t *testing.T, b []byte, v4 bool) {
		_, _, flags, ok := parseAnswer(b, v4)
		if ok && flags&(flagRST|flagACK) == 0 {
			t.Errorf("flags %x answer a SYN", flags)
		}
	})
}

// Whatever is captured, what is said of it lies within it.
func FuzzParsePacket(f *testing.F) {
	four := []byte{0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x1e, 0x61, 0, 7, 0, 12, 0, 0}
	f.Add(four)
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 20, 6, 64}, make([]byte, 52)...))
	refused := append([]byte{0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1, 3, 3, 0, 0, 0, 0, 0, 0}, four...)
	f.Add(refused)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parsePacket(b)
		if ok && (!p.from.IsValid() || !p.to.IsValid() || p.from.Addr().Is4() != p.to.Addr().Is4() || p.length < 0) {
			t.Errorf("%x is %+v", b, p)
		}
	})
	if p, ok := parsePacket(four); !ok || p.length != 32 || p.from.String() != "192.0.2.1:7777" || p.to.String() != "192.0.2.2:7" {
		f.Errorf("%+v %v", p, ok)
	}
	if p, ok := parsePacket(refused); !ok || p.length != 56 || p.from.String() != "192.0.2.2:7" || p.to.String() != "192.0.2.1:7777" || protocol(p.proto) != "icmp" {
		f.Errorf("%+v %v", p, ok)
	}
}

// What a client sends must neither crash the lab nor leave files open.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"op":"add","name":"x"}` + "\n"))
	f.Add([]byte("{}\n{\n"))
	f.Add([]byte(`{"op":"exec"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, theirs, err := wirePair()
		if err != nil {
			t.Fatal(err)
		}
		defer w.conn.Close()
		go func() {
			theirs.Write(b)
			theirs.Close()
		}()
		for range 1 + strings.Count(string(b), "\n") {
			var r request
			files, err := w.receive(&r)
			closeAll(files)
			if err != nil {
				return
			}
		}
	})
}

func TestWireCarriesFiles(t *testing.T) {
	a, theirs, err := wirePair()
	if err != nil {
		t.Fatal(err)
	}
	b, err := wireOf(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer b.conn.Close()
	defer a.conn.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	long := strings.Repeat("x", 1<<20) // more than a socket holds at once
	go a.send(request{Op: "exec", Name: long}, w)
	var got request
	files, err := b.receive(&got)
	if err != nil || got.Name != long || len(files) != 1 {
		t.Fatalf("%d files, name of %d: %v", len(files), len(got.Name), err)
	}
	files[0].WriteString("hello")
	buf := make([]byte, 5)
	if _, err := r.Read(buf); err != nil || string(buf) != "hello" {
		t.Errorf("%q %v", buf, err)
	}
	closeAll(files)
}
