package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Flows returns the conntrack entries of windows, open and over, until
// conntrack forgets them.
func (k *Kernel) Flows() ([]firewall.Flow, error) {
	entries, err := k.governed()
	if err != nil {
		return nil, err
	}
	var out []firewall.Flow
	for _, e := range entries {
		out = append(out, flowOf(e))
	}
	return out, nil
}

// governed dumps the entries whose mark has the governed bit; the kernel
// does the choosing.
func (k *Kernel) governed() ([]conntrack.Flow, error) {
	k.ctMu.Lock()
	defer k.ctMu.Unlock()
	es, err := k.ct.DumpFilter(conntrack.NewFilter().Mark(firewall.Governed).MarkMask(firewall.Governed), nil)
	if err != nil {
		return nil, fmt.Errorf("reading flows: %w", err)
	}
	return es, nil
}

func flowOf(e conntrack.Flow) firewall.Flow {
	end := func(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Unmap(), port) }
	o, r := e.TupleOrig, e.TupleReply
	return firewall.Flow{
		ID: e.ID, Mark: firewall.Mark(e.Mark), Proto: firewall.Proto(o.Proto.Protocol),
		Source: end(o.IP.SourceAddress, o.Proto.SourcePort),
		WAN:    end(o.IP.DestinationAddress, o.Proto.DestinationPort),
		Target: end(r.IP.SourceAddress, r.Proto.SourcePort),
		Start:  e.Timestamp.Start, End: e.Timestamp.Stop,
		In:  firewall.Count{Packets: e.CountersOrig.Packets, Bytes: e.CountersOrig.Bytes},
		Out: firewall.Count{Packets: e.CountersReply.Packets, Bytes: e.CountersReply.Bytes},
	}
}

// dropStale deletes entries of windows that are not live, nor the mark's own,
// that a new way of the mark meets: they lie between the same ends, and as
// tombstones of theirs would keep its flows out.
func (k *Kernel) dropStale(own firewall.Mark, meets func(firewall.Flow) bool, t liveTable) error {
	es, err := k.governed()
	if err != nil {
		return err
	}
	for _, e := range es {
		f := flowOf(e)
		if _, live := t.marks[f.Mark]; live || f.Mark == own || !meets(f) {
			continue
		}
		if err := k.deleteEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// deleteEntry forgets a flow. It is no error if conntrack has by itself.
func (k *Kernel) deleteEntry(e conntrack.Flow) error {
	k.ctMu.Lock()
	defer k.ctMu.Unlock()
	// The library takes the family from both tuples, the kernel looks up the first.
	err := k.ct.Delete(conntrack.Flow{TupleOrig: e.TupleOrig, TupleReply: e.TupleReply})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

func (k *Kernel) updateEntry(e conntrack.Flow) error {
	k.ctMu.Lock()
	defer k.ctMu.Unlock()
	return k.ct.Update(e)
}

// noWindow is a mark that is never live: of flows that a window has given up.
const noWindow = firewall.Governed

// strand ends flows of a live window before its end, by giving them a mark
// that is no window's. Deleting their entries could let the inside begin them
// anew.
func (k *Kernel) strand(m firewall.Mark, which func(firewall.Flow) bool) error {
	es, err := k.governed()
	if err != nil {
		return err
	}
	for _, e := range es {
		f := flowOf(e)
		if f.Mark != m || !which(f) {
			continue
		}
		err := k.updateEntry(conntrack.Flow{TupleOrig: e.TupleOrig, TupleReply: e.TupleReply, Mark: noWindow})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// countLive counts the mark's flows that could still carry data: a TCP entry
// that waits for its forgetting is none.
func (k *Kernel) countLive(m firewall.Mark) (int, error) {
	es, err := k.governed()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range es {
		if firewall.Mark(e.Mark) != m {
			continue
		}
		if tcp := e.ProtoInfo.TCP; tcp != nil && tcp.State >= tcpTimeWait && tcp.State != tcpSynSent2 {
			continue
		}
		n++
	}
	return n, nil
}

// States of TCP entries (enum tcp_conntrack).
const (
	tcpTimeWait = 7
	tcpSynSent2 = 9
)

// wakeUp is a time that has passed, to end a blocking read.
var wakeUp = time.Unix(1, 0)
