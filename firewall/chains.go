package firewall

import "slices"

// way4 and way6 are the key of a way through: who, whom, protocol, port.
var (
	way4 = []Field{Source4, Target4, L4Proto, TargetPort}
	way6 = []Field{Source6, Target6, L4Proto, TargetPort}
)

const answers = StateEstablished | StateRelated

// prerouting: who may not be who he says he is, and whose target changes.
func prerouting(p Policy) []Chain {
	honest := Chain{Name: "honest", Hook: &Hook{"filter", "prerouting", PriorityMangle, Accept}, Rules: []Rule{
		when(state(answers)).why("its first packet was checked").accept(),
		when(begun()).why("its first packet was checked").accept(),
		when(in("lo")).why("the box to itself").accept(),
		when(from("probe_if")).why("self-test may claim any source").accept(),
		when(from("wan_if")).jump("honest_wan"),
		when(bySet("unrouted4", Source4)).accept(),
		when(bySet("unrouted6", Source6)).accept(),
		when(bySet("linkwide4", Target4)).accept(),
		when(bySet("linkwide6", Target6)).accept(),
		when(is(Reverse, num32(0))).why("source is not behind this interface").refuse(CountSpoofed),
	}}
	outside := Chain{Name: "honest_wan", Rules: []Rule{
		when(ip4(), protos(UDP), ports(SourcePort, 67), ports(TargetPort, 68), is(TargetType, num32(2))).
			why("DHCP servers may have private addresses").accept(),
		when(bySet("bogon4", Source4)).why("nobody outside has these").refuse(CountBogon),
		when(bySet("bogon6", Source6)).why("nobody outside has these").refuse(CountBogon),
	}}
	nat := Chain{Name: "dstnat", Hook: &Hook{"nat", "prerouting", PriorityDstNAT, Accept}, Rules: []Rule{
		when(from("wan_if")).jump("wan_dnat"),
		when(from("probe_if")).jump("wan_dnat"),
	}}
	wan := Chain{Name: "wan_dnat", Rules: []Rule{
		when(ip4(), protos(TCP, UDP), is(TargetType, num32(2))).why("open windows").
			do(Action{Do: DoDNATFrom, Name: "dnat4", Fields: []Field{Source4, L4Proto, TargetPort}}),
	}}
	masq := Chain{Name: "srcnat", Hook: &Hook{"nat", "postrouting", PrioritySrcNAT, Accept}}
	if p.Masquerade {
		masq.Rules = append(masq.Rules, when(toward("wan_if"), bySet("lan4", Source4)).do(Action{Do: DoMasquerade}))
	}
	chains := []Chain{honest, nat, wan, masq, outside}
	if !p.ServeDNS {
		return chains
	}
	capture := Chain{Name: "dns_capture", Rules: []Rule{
		when(ether(), within("dns_exempt", SourceEther)).why("its own DNS is left alone").leave(),
		when(ether(), protos(TCP, UDP), ports(TargetPort, 53), notBox()).why("who asks elsewhere").do(countAround()),
	}}
	if p.ObserveDNS {
		observed := within("answered_only", SourceEther)
		observed[0].Not = true
		capture.Rules = append(capture.Rules, when(ether(), observed).why("only observed").leave())
	}
	for _, a := range p.lanAddrs() {
		capture.Rules = append(capture.Rules,
			when(notTarget(a), protos(TCP, UDP), ports(TargetPort, 53)).why("every question is asked here").
				do(Action{Do: DoCount, Name: CountDNSCaptured}, Action{Do: DoDNAT, To: addr(a)}))
	}
	chains[1].Rules = append(chains[1].Rules, when(from("lan_if")).jump("dns_capture"))
	return append(chains, capture)
}

// common chains of input and forward.
func shared() []Chain {
	return []Chain{
		{Name: "governed", Rules: []Rule{
			when(within("win_live", CTMark)).why("its window is open").
				do(Action{Do: DoCountIn, Name: "win_bytes", Fields: []Field{CTMark}}, Action{Do: DoAccept}),
			when().why("its window is over").do(Action{Do: DoCountIn, Name: "win_dead", Fields: []Field{CTMark}},
				Action{Do: DoCount, Name: CountAfterEnd}, Action{Do: DoDrop}),
			when().do(Action{Do: DoDrop}),
		}},
		{Name: "fresh", Rules: []Rule{
			when(protos(TCP), notSYN()).why("no flow is taken up in the middle").refuse(CountMidstream),
		}},
		tried(),
	}
}

// tried counts who is about to be refused. A full set counts nobody new, and
// the packet goes on to be refused all the same.
func tried() Chain {
	count := func(set string, f Field) Action { return Action{Do: DoCountIn, Name: set, Fields: []Field{f}} }
	return Chain{Name: "tried", Rules: []Rule{
		when(bySet("vendor4", Source4)).why("a vendor without a window").do(count("vtry4", Source4)),
		when(bySet("vendor6", Source6)).why("a vendor without a window").do(count("vtry6", Source6)),
		when(notBySet("vendor4", Source4)).why("a stranger").do(count("try4", Source4)),
		when(notBySet("vendor6", Source6)).why("a stranger").do(count("try6", Source6)),
		when().why("some, for the log").do(Action{Do: DoLog}),
	}}
}

func inputChains(p Policy) []Chain {
	input := base("input",
		when(governedFlow()).why("windows before everything").follow("governed"),
		when(state(answers)).why("answers").accept(),
		when(in("lo")).why("the box to itself").accept(),
		when(state(StateInvalid)).refuse(CountInvalid),
		when(state(StateNew)).jump("fresh"),
		when(from("lan_if")).follow("lan_box"),
		when(from("wan_if")).follow("wan_box"),
		when(from("probe_if")).follow("wan_box"),
		when(from("wg_if")).why("a tunnel leads to devices").refuse(CountTunnel),
		when().refuse(CountInput),
	)
	nd := when(ip6(), is(HopLimit, num8(255)), protos(ICMPv6))
	wan := Chain{Name: "wan_box", Rules: []Rule{
		when(ip4(), protos(UDP), ports(SourcePort, 67), ports(TargetPort, 68)).why("DHCP client").accept(),
		when(ip6(), linkLocal(), protos(UDP), ports(SourcePort, 547), ports(TargetPort, 546)).why("DHCPv6 client").accept(),
		when(nd.Match, is(ICMPv6Kind, num8(134), num8(135), num8(136))).why("IPv6 needs its neighbours").accept(),
		when(ip6(), linkLocal(), protos(ICMPv6), is(ICMPv6Kind, num8(130))).why("multicast routers ask").accept(),
		when(is(Cast, num8(1), num8(2))).refuse(CountNoise),
		when(begins(ip4(), UDP)).why("a window's tunnel").window("outer4", way4...),
		when(begins(ip6(), UDP)).why("a window's tunnel").window("outer6", way6...),
		when(from("wan_if")).jump("tried"),
	}}
	wan.Rules = append(wan.Rules, refusals(true)...)
	lan := Chain{Name: "lan_box", Rules: lanBox(p)}
	return append(shared(), input, wan, lan)
}

// lanBox is what the box answers to its LAN.
func lanBox(p Policy) []Rule {
	rules := []Rule{
		when(ip4(), protos(ICMP), is(ICMPKind, num8(8))).why("ping").accept(),
		when(ip6(), protos(ICMPv6), is(ICMPv6Kind, num8(128))).why("ping").accept(),
		when(ip6(), is(HopLimit, num8(255)), protos(ICMPv6), is(ICMPv6Kind, num8(133), num8(135), num8(136))).why("IPv6 needs its neighbours").accept(),
		when(ip6(), linkLocal(), protos(ICMPv6), is(ICMPv6Kind, num8(130))).why("multicast routers ask").accept(),
	}
	for _, to := range p.lanTargets() {
		if len(p.PagePorts) > 0 {
			rules = append(rules, when(from("lan_if"), to, protos(TCP), ports(TargetPort, p.PagePorts...)).why("the page").accept())
		}
		if p.ServeDNS && !p.SetUp {
			rules = append(rules, when(from("lan_if"), to, protos(TCP, UDP), ports(TargetPort, 53)).why("DNS").accept())
		}
	}
	return append(rules, when().refuse(CountLANToBox))
}

// refusals count what nobody let in, by family and protocol, and drop it.
func refusals(toBox bool) []Rule {
	var rules []Rule
	for _, f := range []struct {
		n     int
		match []Match
	}{{4, ip4()}, {6, ip6()}} {
		for _, p := range []Proto{TCP, UDP} {
			rules = append(rules, when(f.match, protos(p)).refuse(Refused(toBox, f.n, p)))
		}
		rules = append(rules, when(f.match).refuse(Refused(toBox, f.n, 0)))
	}
	return rules
}

// forwardChains look at a flow once, when it is new: every packet after it
// passes two rules, or three while nobody answers. A flow that new rules would
// not let begin is taken out of conntrack when they are put in force (see
// Ruleset.Permits).
func forwardChains(p Policy) []Chain {
	forward := base("forward",
		when(governedFlow()).why("windows before everything").follow("governed"),
		when(state(answers)).why("answers").accept(),
		when(begun()).why("more of the same").accept(),
		when(state(StateInvalid)).refuse(CountInvalid),
		when(state(StateNew)).jump("fresh"),
		when(from("lan_if")).follow("lan_any"),
		when(from("wan_if")).follow("wan_lan"),
		when(from("probe_if")).follow("wan_lan"),
		when(from("wg_if")).follow("tunnel_lan"),
		when().refuse(CountForward),
	)
	anywhere := Chain{Name: "lan_any", Rules: []Rule{
		when(bySet("vendor4", Target4)).follow("to_vendor"),
		when(bySet("vendor6", Target6)).follow("to_vendor"),
		when(toward("wan_if")).follow("lan_out"),
		when().refuse(CountForward),
	}}
	vendor := Chain{Name: "to_vendor", Rules: []Rule{
		when(toward("wan_if"), ip4(), protos(TCP, UDP), within("allow4", way4...)).why("permitted for good").accept(),
		when(toward("wan_if"), ip6(), protos(TCP, UDP), within("allow6", way6...)).why("permitted for good").accept(),
		when(begins(ip4())).why("outbound windows").window("out4", way4...),
		when(begins(ip6())).why("outbound windows").window("out6", way6...),
		when().why("the inside does not dial vendors").refuse(CountVendor),
	}}
	wan := Chain{Name: "wan_lan", Rules: []Rule{
		when(begins(ip4())).why("inbound windows").window("win4", way4...),
		when(begins(ip6())).why("inbound windows").window("win6", way6...),
		when(from("wan_if")).jump("tried"),
	}}
	wan.Rules = append(wan.Rules, refusals(false)...)
	tunnel := Chain{Name: "tunnel_lan", Rules: []Rule{
		when(begins(ip4())).why("windows by tunnel").window("inner4", way4...),
		when(begins(ip6())).why("windows by tunnel").window("inner6", way6...),
		when().why("no window leads there").refuse(CountTunnel),
	}}
	return append([]Chain{forward, anywhere, vendor, wan, tunnel}, lanOut(p)...)
}

// lanOut is what the LAN may begin, but for what it dials at vendors. A gate
// opens before the block sets do, but never a vendor: those have been sorted
// out by then.
func lanOut(p Policy) []Chain {
	lan := Chain{Name: "lan_out", Rules: []Rule{
		when(begins(ip4())).why("outbound windows").window("out4", way4...),
		when(begins(ip6())).why("outbound windows").window("out6", way6...),
		when(begins(ip4())).why("addresses of an open tool window").window("gate4", way4[:2]...),
		when(begins(ip6())).why("addresses of an open tool window").window("gate6", way6[:2]...),
		when(bySet("blocked4", Target4)).refuse(CountBlocked),
		when(bySet("blocked6", Target6)).refuse(CountBlocked),
	}}
	chains := []Chain{}
	if p.ServeDNS {
		lan.Rules = append(lan.Rules,
			when(ether(), within("answered_only", SourceEther)).why("reaches what it was told").follow("answered"),
			when(state(StateNew), ether(), within("dns_exempt", SourceEther)).why("its own DNS is left alone").accept(),
			when(protos(TCP, UDP)).jump("dns_seen"))
		past := when(protos(TCP, UDP)).jump("dns_past")
		if !p.ObserveDNS {
			lan.Rules = append(lan.Rules, past)
		}
		chains = append(chains, dnsPast()...)
		chains = append(chains, Chain{Name: "answered", Rules: slices.Concat([]Rule{when(protos(TCP, UDP)).jump("dns_seen"), past}, []Rule{
			when(state(StateNew), ip4(), within("answered4", way4[:2]...)).why("told by name").accept(),
			when(state(StateNew), ip6(), within("answered6", way6[:2]...)).why("told by name").accept(),
			when(begins(ip4())).why("tool windows").window("egress4", Source4),
			when(begins(ip6())).why("tool windows").window("egress6", Source6),
			when().why("nobody told it that").refuse(CountUnanswered),
		})})
	}
	lan.Rules = append(lan.Rules,
		when(state(StateNew)).why("the LAN may go out").accept(),
		when().refuse(CountForward))
	return append(chains, lan)
}

// hiddenPorts are what encrypted DNS comes to besides 853 (RFC 7858, 9250): HTTPS
// and QUIC, and those of DNSCrypt and of DNS over QUIC before it had a number. Any
// other service has them, too.
var hiddenPorts = []uint16{443, 784, 5443, 8443, 8853}

// dnsPast are the chains that count per device what DNS goes past us, and that
// refuse it. What is captured has been counted there. A full set counts no
// further device, so counting and refusing are rules of their own.
func dnsPast() []Chain {
	seen := Chain{Name: "dns_seen", Rules: []Rule{
		when(ether(), ports(TargetPort, 853)).why("DNS over TLS and QUIC").do(countAround()),
		when(ether(), bySet("doh4", Target4), ports(TargetPort, hiddenPorts...)).why("DNS over HTTPS").do(countAround()),
		when(ether(), bySet("doh6", Target6), ports(TargetPort, hiddenPorts...)).why("DNS over HTTPS").do(countAround()),
	}}
	return []Chain{seen, {Name: "dns_past", Rules: slices.Concat(
		turnAway(CountDNSRefused, "not asked past us", ports(TargetPort, 53)),
		turnAway(CountDNSTLS, "DNS over TLS and QUIC", ports(TargetPort, 853)),
		turnAway(CountDoH, "DNS over HTTPS", bySet("doh4", Target4), ports(TargetPort, hiddenPorts...)),
		turnAway(CountDoH, "DNS over HTTPS", bySet("doh6", Target6), ports(TargetPort, hiddenPorts...)))}}
}

// countAround counts a device and the port it went past us by.
func countAround() Action {
	return Action{Do: DoCountIn, Name: "around", Fields: []Field{SourceEther, TargetPort}}
}

// notBox matches what is not for an address of the box, link-local ones
// included.
func notBox() []Match {
	ms := is(TargetType, num32(2))
	ms[0].Not = true
	return ms
}

// outputChains let the box talk to both sides, but not into tunnels: what
// belongs to a flow of a tunnel has its mark. A tunnel of ours that speaks first
// again, after its flow was forgotten, does so in its window's name.
func outputChains(Policy) []Chain {
	outer4 := []Field{Target4, Source4, L4Proto, SourcePort}
	outer6 := []Field{Target6, Source6, L4Proto, SourcePort}
	return []Chain{base("output",
		when(governedFlow()).why("windows before everything").follow("governed"),
		when(out("lo")).why("the box to itself").accept(),
		when(toward("lan_if")).accept(),
		when(toward("wan_if"), begins(ip4(), UDP)).why("a window's tunnel").window("outer4", outer4...),
		when(toward("wan_if"), begins(ip6(), UDP)).why("a window's tunnel").window("outer6", outer6...),
		when(toward("wan_if")).accept(),
		when(toward("probe_if")).accept(),
		when().refuse(CountOutput),
	)}
}

// setUpChains: the page on the LAN and nothing else, in or out. No window
// passes, since nothing leads to "governed".
func setUpChains(p Policy) []Chain {
	input := base("input",
		when(in("lo")).why("the box to itself").accept(),
		when(state(StateInvalid)).refuse(CountInvalid),
		when(from("lan_if"), state(StateEstablished)).why("the page").accept(),
		when(from("lan_if")).follow("lan_box"),
		when().refuse(CountInput),
	)
	return []Chain{
		input,
		{Name: "lan_box", Rules: lanBox(p)},
		base("forward", when().refuse(CountForward)),
		base("output", when(out("lo")).why("the box to itself").accept(), when(toward("lan_if")).accept(), when().refuse(CountOutput)),
	}
}
