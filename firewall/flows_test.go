package firewall_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"monban/firewall"
)

var update = flag.Bool("update", false, "write want.nft of testdata/*.txtar anew")

// A scene is policy.json of a testdata file: the policy and the world, in
// words short enough to read.
type scene struct {
	firewall.Policy
	DNSExempt []string      // MAC addresses, for Policy.DNSExempt
	Answered  []string      // and for Policy.Answered
	Box       []netip.Addr  // addresses of the box besides those on the LAN
	Windows   []sceneWindow // open
	Probes    []string      // interfaces of a running self-test
	Routes    []sceneRoute  // besides the LAN and the WAN
	Told      []firewall.Gate
}

type sceneWindow struct {
	Mark    firewall.Mark
	Source  netip.Prefix
	Proto   firewall.Proto
	WANPort uint16
	Inside  netip.AddrPort
	Direct  bool       // by a tunnel
	Device  netip.Addr // of an outbound window
	To      netip.AddrPort
	Box     netip.AddrPort // of a tunnel's own flow
	Egress  netip.Addr     // of a tool window
	Gate    firewall.Gate
}

func (o sceneWindow) opening() firewall.Opening {
	op := firewall.Opening{Mark: o.Mark, For: time.Hour, ByName: true}
	switch {
	case o.Device.IsValid():
		op.OutPasses = []firewall.OutPass{{Device: o.Device, To: o.To, Proto: o.Proto}}
	case o.Box.IsValid():
		op.Outer = []firewall.Outer{{Source: o.Source, Box: o.Box}}
	case o.Egress.IsValid():
		op.Egress = []netip.Addr{o.Egress}
	case o.Source.IsValid():
		op.Passes = []firewall.Pass{{Source: o.Source, Proto: o.Proto, WANPort: o.WANPort, Inside: o.Inside, Direct: o.Direct}}
	}
	return op
}

type sceneRoute struct {
	To    netip.Prefix
	Iface string
}

func (s scene) world() firewall.World {
	w := firewall.World{Box: s.Box, Probes: s.Probes, Answered: s.Told, Gates: map[firewall.Mark][]firewall.Gate{}}
	for _, a := range []netip.Addr{s.LAN4, s.LAN6} {
		if a.IsValid() {
			w.Box = append(w.Box, a)
		}
	}
	for _, p := range s.LANPrefixes {
		w.Routes = append(w.Routes, firewall.Route{To: p, Iface: s.LAN[0]})
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		if len(s.WAN) > 0 {
			w.Routes = append(w.Routes, firewall.Route{To: netip.MustParsePrefix(all), Iface: s.WAN[0]})
		}
	}
	for _, r := range s.Routes {
		w.Routes = append(w.Routes, firewall.Route(r))
	}
	for _, o := range s.Windows {
		w.Open = append(w.Open, o.opening())
		if o.Gate.Device.IsValid() {
			w.Gates[o.Mark] = append(w.Gates[o.Mark], o.Gate)
		}
	}
	return w
}

// TestFlows reads testdata/*.txtar. Each holds a policy, who may talk to whom
// (flows) and the rules (want.nft). The flows are the specification; they are
// written by hand only. A line is
//
//	INTERFACE FROM TO PROTOCOL[:PORT] [word…] -> VERDICT [REASON]
//
// with these words: a state (established, related, invalid, untracked), begun,
// reply, ack (TCP that does not begin), mark=N (of the flow), sport=N, mac=M, icmp
// types as PORT, hops=N, multicast. REASON is a part of the deciding rule's
// comment, or "to ADDRESS:PORT" for a translated target, or "mark N", or "counted
// COUNTER". VERDICT is reject where the sender is told.
func TestFlows(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runFlows(t, name) })
	}
}

func section(a *txtar.Archive, name string) *txtar.File {
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		a.Files = append(a.Files, txtar.File{Name: name})
		i = len(a.Files) - 1
	}
	return &a.Files[i]
}

func readScene(t testing.TB, b []byte) scene {
	t.Helper()
	var s scene
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatal("policy.json:", err)
	}
	s.Policy.DNSExempt, s.Policy.Answered = macs(t, s.DNSExempt), macs(t, s.Answered)
	return s
}

func macs(t testing.TB, texts []string) (out []net.HardwareAddr) {
	for _, m := range texts {
		hw, err := net.ParseMAC(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, hw)
	}
	return out
}

func runFlows(t *testing.T, name string) {
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := readScene(t, section(a, "policy.json").Data)
	rs, err := firewall.Compile(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(section(a, "flows").Data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p, want, err := parseFlow(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		d := rs.Decide(p, s.world())
		verdict := d.Verdict.String()
		if d.Told {
			verdict = "reject"
		}
		got := fmt.Sprintf("%s %s to %s mark %d", verdict, d.Why, d.Target, d.Mark&0xffff)
		for _, c := range d.Counts {
			got += " counted " + c
		}
		if d.Masq {
			got += " masqueraded"
		}
		for _, w := range want {
			if !strings.Contains(got, w) || !strings.HasPrefix(got, want[0]) {
				t.Errorf("%s\n\tgot: %s (%s)", line, got, d.Chain)
				break
			}
		}
	}
	nft := section(a, "want.nft")
	if *update {
		nft.Data = []byte(rs.String())
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(nft.Data) != rs.String() {
		t.Errorf("rules are not want.nft; see them with -update\n%s", rs)
	}
}

func parseFlow(line string) (p firewall.Packet, want []string, err error) {
	left, right, ok := strings.Cut(line, "->")
	f := strings.Fields(left)
	if !ok || len(f) < 4 {
		return p, nil, fmt.Errorf("not a flow")
	}
	want = strings.SplitN(strings.TrimSpace(right), " ", 2)
	p = firewall.Packet{In: f[0], Flags: firewall.FlagSYN, HopLimit: 255, EtherSource: net.HardwareAddr{2, 0, 0, 0, 0, 1}, SourcePort: 50000}
	if f[0] == "box" {
		p.In = ""
	}
	if p.Source, err = netip.ParseAddr(f[1]); err != nil {
		return p, nil, err
	}
	if p.Target, err = netip.ParseAddr(f[2]); err != nil {
		return p, nil, err
	}
	proto, port, _ := strings.Cut(f[3], ":")
	if p.Proto, ok = map[string]firewall.Proto{"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "gre": 47}[proto]; !ok {
		return p, nil, fmt.Errorf("protocol %s", proto)
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	p.Port, p.Kind = uint16(n), uint8(n)
	for _, w := range f[4:] {
		key, val, _ := strings.Cut(w, "=")
		n, _ := strconv.ParseUint(val, 10, 16)
		switch key {
		case "established":
			p.State = firewall.StateEstablished
		case "related":
			p.State = firewall.StateRelated
		case "invalid":
			p.State = firewall.StateInvalid
		case "untracked":
			p.State = firewall.StateUntracked
		case "begun":
			p.Begun = true
		case "reply":
			p.Reply = true
		case "ack":
			p.Flags = firewall.FlagACK
		case "multicast":
			p.Several = true
		case "mark":
			p.Mark = firewall.Mark(n).ConntrackMark()
		case "sport":
			p.SourcePort = uint16(n)
		case "hops":
			p.HopLimit = uint8(n)
		case "mac":
			if p.EtherSource, err = net.ParseMAC(val); err != nil {
				return p, nil, err
			}
		default:
			return p, nil, fmt.Errorf("word %s", w)
		}
	}
	return p, want, nil
}
