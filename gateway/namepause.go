package gateway

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"monban/dnsfilter"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// pauses are how long the filter can be paused.
func pauses() []time.Duration { return []time.Duration{5 * time.Minute, 30 * time.Minute} }

// PauseAsk is a pause somebody wants, or wants to end: for a group by its name,
// for a device by its hardware address, with neither for all.
type PauseAsk struct {
	Group  string        `json:"group,omitempty"`
	Device string        `json:"device,omitempty"`
	Length time.Duration `json:"length,omitempty"`
}

// NamePause is a pause, in which lists, refusals of the clinic's own and safe
// search change nothing; all else that the filter does goes on.
type NamePause struct {
	Group      string        `json:"group,omitempty"`
	GroupLabel string        `json:"group_label,omitempty"`
	Device     string        `json:"device,omitempty"` // hardware address
	DeviceName string        `json:"device_name,omitempty"`
	Left       time.Duration `json:"left"`
}

// maxPauses bounds what is remembered; a clinic has fewer devices to look at.
const maxPauses = 64

// A namePause is a pause as it is kept.
type namePause struct {
	Group string        `json:"group,omitempty"`
	MAC   string        `json:"mac,omitempty"`
	To    time.Duration `json:"to"` // boot time
}

func (a namePause) same(b namePause) bool { return a.Group == b.Group && a.MAC == b.MAC }

// whose is the end of a code that says for whom a pause is; empty: for all.
func (a namePause) whose() string {
	switch {
	case a.Group != "":
		return "group"
	case a.MAC != "":
		return "device"
	}
	return ""
}

// resumed is the code of the line that p is over, and how that came.
func resumed(how string, p namePause) string {
	if p.whose() == "" {
		return "dns.resumed." + how
	}
	return "dns.resumed." + how + "." + p.whose()
}

// keyNamePauses is the setting that holds the pauses, so that they last
// through a start of the program; a boot ends them.
const keyNamePauses = "name_pauses"

type keptPauses struct {
	Boot   string      `json:"boot"`
	Pauses []namePause `json:"pauses"`
}

// PauseNames lets names through for 5 or 30 minutes that a list refuses, or
// that safe search renames.
func (g *Gateway) PauseNames(ctx context.Context, who people.Actor, ask PauseAsk) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	if !slices.Contains(pauses(), ask.Length) {
		return text.NewFault("dns.pause_length").On("length")
	}
	p, err := g.pauseOf(ask)
	if err != nil {
		return err
	}
	p.To = g.o.Clock.Boot() + ask.Length
	g.chosen.pausing.Lock()
	defer g.chosen.pausing.Unlock()
	next := append(g.pausesBut(func(q namePause) bool { return q.same(p) }), p)
	if len(next) > maxPauses {
		return text.NewFault("dns.pause_many", "max", maxPauses)
	}
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		args := g.pauseArgs(p)
		args["length"] = ask.Length.String()
		code := "dns.paused"
		if p.whose() != "" {
			code = "dns.paused." + p.whose()
		}
		return g.keepPauses(tx, next, code, args)
	}); err != nil {
		return err
	}
	g.setPauses(next)
	return nil
}

// ResumeNames ends a pause, or with neither group nor device every pause.
// Without one it does nothing.
func (g *Gateway) ResumeNames(ctx context.Context, who people.Actor, ask PauseAsk) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	p, err := g.pauseOf(ask)
	if err != nil {
		return err
	}
	g.chosen.pausing.Lock()
	defer g.chosen.pausing.Unlock()
	meant := func(q namePause) bool { return p.whose() == "" || q.same(p) }
	g.endPauses(ctx, who, meant, "by_hand")
	return nil
}

// endPauses ends those that are meant. chosen.pausing is held.
func (g *Gateway) endPauses(ctx context.Context, who people.Actor, meant func(namePause) bool, how string) {
	next := g.pausesBut(meant)
	over := g.pausesBut(func(q namePause) bool { return !meant(q) })
	if len(over) == 0 {
		return
	}
	g.setPauses(next) // first: a disk that is full must not keep the filter off
	for _, p := range over {
		g.record(ctx, who, func(tx *store.Tx) error { return g.keepPauses(tx, next, resumed(how, p), g.pauseArgs(p)) })
	}
}

// keepPauses is the part of an act that stores the pauses, with its line.
func (g *Gateway) keepPauses(tx *store.Tx, all []namePause, code string, args map[string]any) error {
	b, err := json.Marshal(keptPauses{g.o.BootID, all})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		b = nil
	}
	if err := tx.SetMeta(keyNamePauses, b); err != nil {
		return err
	}
	return tx.Audit(code, args)
}

// pauseOf checks for whom a pause is.
func (g *Gateway) pauseOf(ask PauseAsk) (namePause, error) {
	switch {
	case ask.Group != "":
		if _, ok := g.groupNamed(ask.Group); !ok {
			return namePause{}, text.NewFault("dns.group_unknown", "group", ask.Group).On("group")
		}
		return namePause{Group: ask.Group}, nil
	case ask.Device != "":
		d, ok := g.deviceByKey(ask.Device)
		if !ok {
			return namePause{}, text.NewFault("device.unknown", "device", ask.Device).On("device")
		}
		return namePause{MAC: d.MAC.String()}, nil
	}
	return namePause{}, nil
}

func (g *Gateway) pauseArgs(p namePause) map[string]any {
	switch {
	case p.Group != "":
		label := p.Group
		if group, ok := g.groupNamed(p.Group); ok && group.Label != "" {
			label = group.Label
		}
		return map[string]any{"group": label}
	case p.MAC != "":
		return map[string]any{"device": g.nameOfKey(p.MAC), "mac": p.MAC}
	}
	return map[string]any{}
}

func (g *Gateway) groupNamed(name string) (config.Group, bool) {
	all := g.current().config.DNS.AllGroups()
	i := slices.IndexFunc(all, func(x config.Group) bool { return x.Name == name })
	if i < 0 {
		return config.Group{}, false
	}
	return all[i], true
}

func (g *Gateway) pausesBut(no func(namePause) bool) []namePause {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.chosen.pauses), no)
}

func (g *Gateway) setPauses(all []namePause) {
	g.mu.Lock()
	g.chosen.pauses = all
	g.mu.Unlock()
	signal(g.edge)
	g.putNames()
}

// runningPauses are those whose time is not over.
func (g *Gateway) runningPauses() []namePause {
	now := g.o.Clock.Boot()
	return g.pausesBut(func(p namePause) bool { return p.To <= now })
}

// endOverPauses ends the pauses whose time is over.
func (g *Gateway) endOverPauses(ctx context.Context) {
	now := g.o.Clock.Boot()
	g.chosen.pausing.Lock()
	defer g.chosen.pausing.Unlock()
	g.endPauses(ctx, people.Box, func(p namePause) bool { return p.To <= now }, "ran_out")
}

// loadPauses reads the pauses an earlier run has left, once there is a
// database. Those of an earlier boot are over: their clock is no longer there.
func (g *Gateway) loadPauses(ctx context.Context) {
	db := g.db()
	g.chosen.pausing.Lock()
	defer g.chosen.pausing.Unlock()
	if db == nil || g.chosen.pausesLoaded {
		return
	}
	b, err := db.Meta(ctx, keyNamePauses)
	if err != nil {
		g.troubled(err)
		return
	}
	g.chosen.pausesLoaded = true
	var kept keptPauses
	if b == nil || json.Unmarshal(b, &kept) != nil {
		return
	}
	now := g.pausesBut(func(namePause) bool { return false }) // there is none before there is a database
	if kept.Boot == g.o.BootID {
		g.setPauses(append(now, kept.Pauses[:min(len(kept.Pauses), maxPauses)]...))
		return
	}
	for _, p := range kept.Pauses {
		g.record(ctx, people.Box, func(tx *store.Tx) error {
			return g.keepPauses(tx, now, resumed("restart", p), g.pauseArgs(p))
		})
	}
}

// namePaused adds the pauses to a policy. A paused device is moved to a copy of
// its group that is.
func (g *Gateway) namePaused(p *dnsfilter.Policy) {
	copies := map[uint8]uint8{}
	for _, pause := range g.runningPauses() {
		switch {
		case pause.MAC == "":
			for i := range p.Groups {
				p.Groups[i].Paused = p.Groups[i].Paused || pause.Group == "" || pause.Group == p.Groups[i].Name
			}
		default:
			for _, a := range g.addrsOf(pause.MAC) {
				of := p.Members[a]
				at, ok := copies[of]
				if !ok {
					at = uint8(len(p.Groups)) // at most two for each of site.toml
					copies[of] = at
					group := p.Groups[of]
					group.Paused = true
					p.Groups = append(p.Groups, group)
				}
				p.Members[a] = at
			}
		}
	}
}

// addrsOf are the addresses by which the device with that key asks now.
func (g *Gateway) addrsOf(key string) []netip.Addr {
	mac, err := device.ParseMAC(key)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	known := g.inventory.All(g.o.Clock.Wall())
	g.mu.Unlock()
	return holdingsOf(known)[mac]
}

// pauseLeft is what remains of a pause for all.
func (g *Gateway) pauseLeft() time.Duration {
	return g.longestPause(func(p namePause) bool { return p.whose() == "" })
}

// pauseLeftFor is what remains of the pauses that hold for a device; the empty
// key is one that nobody knows.
func (g *Gateway) pauseLeftFor(key string) time.Duration {
	group := g.current().config.DNS.AllGroups()[0]
	if d, ok := g.deviceByKey(key); ok {
		group = groupOfDevice(g.current().config, d.MAC)
	}
	return g.longestPause(func(p namePause) bool {
		return p.whose() == "" || p.Group == group.Name || key != "" && p.MAC == key
	})
}

func (g *Gateway) longestPause(meant func(namePause) bool) (left time.Duration) {
	now := g.o.Clock.Boot()
	for _, p := range g.runningPauses() {
		if meant(p) {
			left = max(left, p.To-now)
		}
	}
	return left
}

// namePauses are the pauses as people see them, the longest first.
func (g *Gateway) namePauses() []NamePause {
	now := g.o.Clock.Boot()
	var out []NamePause
	for _, p := range g.runningPauses() {
		v := NamePause{Group: p.Group, Device: p.MAC, Left: p.To - now}
		if p.Group != "" {
			group, _ := g.groupNamed(p.Group)
			v.GroupLabel = group.Label
		}
		if p.MAC != "" {
			v.DeviceName = g.nameOfKey(p.MAC)
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b NamePause) int { return int((b.Left - a.Left) / time.Millisecond) })
	return out
}
