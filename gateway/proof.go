package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/gateway/text"
)

// A proof is a self-test and what it was about: rules of another
// configuration or another boot prove nothing of these.
type proof struct {
	selftest.Result
	Generation int    `json:"generation"`
	BootID     string `json:"boot_id"`
	// Boot is CLOCK_BOOTTIME at the end of the run.
	Boot time.Duration `json:"boot"`
}

// RunSelfTest proves by packets that every way in is closed, and keeps the
// result as evidence.
func (g *Gateway) RunSelfTest(ctx context.Context, who people.Actor) error {
	if err := may(who, people.ActSelfTest); err != nil {
		return err
	}
	s := g.current()
	if g.o.SelfTest == nil || s.mode == SetUp {
		return text.NewFault("selftest.not_here")
	}
	var req selftest.Request
	var err error
	if req.WAN, err = g.o.LocalAddrs(s.config.WAN.Interface); err != nil {
		return text.NewFault("selftest.not_here").Because(err)
	}
	req.WAN = globals(req.WAN)
	for _, p := range s.config.LAN.Addresses {
		req.LAN = append(req.LAN, p.Addr())
	}
	g.mu.Lock()
	all := g.inventory.All(g.o.Clock.Wall())
	g.mu.Unlock()
	for _, d := range all {
		for _, a := range g.onLAN(d).Addrs {
			req.Devices = append(req.Devices, a.Addr)
		}
	}
	req.Devices = req.Devices[:min(len(req.Devices), selftest.MaxTargets)]
	req.Pages = pagePorts
	for _, w := range g.open() {
		req.Ports = append(req.Ports, w.Ports...)
	}
	req.Ports = req.Ports[:min(len(req.Ports), selftest.MaxPorts)]
	r, err := g.probing(ctx, req)
	if err != nil {
		return text.NewFault("selftest.not_here").Because(err)
	}
	p := proof{r, s.generation, g.o.BootID, g.o.Clock.Boot()}
	g.mu.Lock()
	g.proof = p
	g.mu.Unlock()
	g.record(ctx, who, func(tx *store.Tx) error {
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := tx.SetMeta(keyProof, b); err != nil {
			return err
		}
		return g.tell(tx, "selftest.ran."+string(r.State), map[string]any{"why": r.Why, "sent": r.Sent, "counted": r.Counted})
	})
	return nil
}

// Proof is what the last self-test showed; zero if there was none.
func (g *Gateway) Proof() selftest.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proof.Result
}

// globals leaves link-local addresses out: nobody outside the link has them.
func globals(as []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range as {
		if !a.IsLinkLocalUnicast() && !a.IsLoopback() {
			out = append(out, a)
		}
	}
	return out
}

// loadProof takes over the last self-test of an earlier start.
func (g *Gateway) loadProof(ctx context.Context, db *store.DB) {
	b, err := db.Meta(ctx, keyProof)
	if err != nil || b == nil {
		return
	}
	var p proof
	if json.Unmarshal(b, &p) == nil {
		g.mu.Lock()
		g.proof = p
		g.mu.Unlock()
	}
}

// CheckAudit verifies the whole log.
func (g *Gateway) CheckAudit(ctx context.Context, who people.Actor) (AuditCheck, error) {
	return g.CheckAuditAgainst(ctx, who, nil)
}

// CheckAuditAgainst verifies the whole log, and that it once had the given
// head. A log that does not verify is an answer, not an error.
func (g *Gateway) CheckAuditAgainst(ctx context.Context, who people.Actor, known *audit.Head) (AuditCheck, error) {
	if err := may(who, people.ActRead); err != nil {
		return AuditCheck{}, err
	}
	db := g.db()
	if db == nil {
		return AuditCheck{}, g.storeFault()
	}
	var against []audit.Head
	if known != nil {
		against = append(against, *known)
	}
	h, err := db.Verify(ctx, against...)
	c := AuditCheck{Head: hexHash(h.Hash), Count: h.Count, At: g.o.Clock.Wall()}
	var broken *audit.Broken
	if errors.As(err, &broken) {
		c.Bad, c.Why = broken.Line, broken.Why
		return c, nil
	}
	return c, err
}

func auditView(l audit.Line) AuditLine {
	v := AuditLine{Seq: l.Seq, At: l.At, Synced: l.Synced, Who: l.Who.Name, Role: string(l.Who.Role), Via: l.Who.Via,
		Code: l.Code, Hash: hexHash(l.Hash)}
	d := json.NewDecoder(bytes.NewReader(l.Args))
	d.UseNumber()         // a count of bytes is no float
	_ = d.Decode(&v.Args) // canonical JSON of an object, or the log does not verify
	return v
}
