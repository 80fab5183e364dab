package neigh

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
)

// frameLen is how much of a frame is copied up: all of an untagged one.
const frameLen = 1514

// ours lets the kernel drop what we sent ourselves (PACKET_OUTGOING) and what
// belongs to a VLAN interface on top of the one we listen on.
func ours() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipTrue: 2},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
}

// wanted lets the kernel pass only ARP and neighbour discovery, so that the
// clinic's traffic never wakes us.
func wanted() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherARP, SkipTrue: 6},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherIPv6, SkipTrue: 6},
		bpf.LoadAbsolute{Off: etherHead + ipv6NextHead, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoICMPv6, SkipTrue: 4},
		bpf.LoadAbsolute{Off: etherHead + ipv6Head, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: icmpRouterSolicit, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: icmpNeighbourAdvert, SkipTrue: 1},
		bpf.RetConstant{Val: frameLen},
		bpf.RetConstant{Val: 0},
	}
}

func filter() ([]bpf.RawInstruction, error) {
	raw, err := bpf.Assemble(slices.Concat(ours(), wanted()))
	if err != nil {
		return nil, fmt.Errorf("assembling frame filter: %w", err)
	}
	return raw, nil
}
