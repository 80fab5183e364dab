package firewall

// A Field is something a rule can look at in a packet or its flow. Where it
// lies in the packet is known to package kernel alone.
type Field uint8

// The fields.
const (
	InIface Field = iota
	OutIface
	InType
	Family
	L4Proto
	Cast
	State
	CTMark
	Direction
	Source4
	Target4
	Source6
	Target6
	SourcePort
	TargetPort
	Flags
	ICMPKind
	ICMPv6Kind
	HopLimit
	SourceEther
	Reverse    // is there a route back to the source through the interface it came by
	TargetType // is the target an address of the box
	Status     // what became of its flow so far
)

var fields = map[Field]struct {
	text string
	t    Type
}{
	InIface:     {"iifname", TypeIfName},
	OutIface:    {"oifname", TypeIfName},
	InType:      {"meta iiftype", TypeIfType},
	Family:      {"meta nfproto", TypeFamily},
	L4Proto:     {"meta l4proto", TypeProto},
	Cast:        {"meta pkttype", TypePktType},
	State:       {"ct state", TypeCTState},
	CTMark:      {"ct mark", TypeMark},
	Direction:   {"ct direction", TypeCTDir},
	Source4:     {"ip saddr", TypeIPv4},
	Target4:     {"ip daddr", TypeIPv4},
	Source6:     {"ip6 saddr", TypeIPv6},
	Target6:     {"ip6 daddr", TypeIPv6},
	SourcePort:  {"th sport", TypePort},
	TargetPort:  {"th dport", TypePort},
	Flags:       {"tcp flags", TypeTCPFlags},
	ICMPKind:    {"icmp type", TypeICMP},
	ICMPv6Kind:  {"icmpv6 type", TypeICMPv6},
	HopLimit:    {"ip6 hoplimit", TypeInteger},
	SourceEther: {"ether saddr", TypeEther},
	Reverse:     {"fib saddr . iif oif", TypeReachable},
	TargetType:  {"fib daddr type", TypeAddrType},
	Status:      {"ct status", TypeCTStatus},
}

// Type is what the field holds.
func (f Field) Type() Type { return fields[f].t }

// String is the field as nft writes it.
func (f Field) String() string { return fields[f].text }

// States of a packet's flow, as bits of the field State.
const (
	StateInvalid     uint32 = 1
	StateEstablished uint32 = 2
	StateRelated     uint32 = 4
	StateNew         uint32 = 8
	StateUntracked   uint32 = 64
)

// StatusConfirmed is the bit of the field Status that says that the flow's
// first packet was let through, to where it went.
const StatusConfirmed uint32 = 8

// TCP flags, as bits of the field Flags.
const (
	FlagFIN uint8 = 1
	FlagSYN uint8 = 2
	FlagRST uint8 = 4
	FlagACK uint8 = 16
)
