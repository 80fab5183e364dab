package gateway

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// WindowSheet is all the evidence of one window: request, steps, rule,
// sessions held against the request, and every line of the log about it.
func (g *Gateway) WindowSheet(ctx context.Context, who people.Actor, id int64) (Sheet, error) {
	w, err := g.WindowByID(ctx, who, id)
	if err != nil {
		return Sheet{}, err
	}
	db := g.db()
	if db == nil {
		return Sheet{}, g.storeFault()
	}
	s := Sheet{Clinic: g.current().config.Clinic, Window: w}
	steps, err := db.Transitions(ctx, id)
	if err != nil {
		return Sheet{}, err
	}
	for _, t := range steps {
		s.Steps = append(s.Steps, Step{From: t.From, To: t.To, At: t.At, Who: t.Who})
	}
	for _, x := range w.Sessions {
		m := Match{Session: x}
		m.Source, m.Target, m.Time = w.Match(x)
		s.Matches = append(s.Matches, m)
	}
	lines, err := db.AuditOfWindow(ctx, id)
	if err != nil {
		return Sheet{}, err
	}
	for _, l := range lines {
		s.Lines = append(s.Lines, auditView(l))
	}
	s.Hash, err = s.sum()
	return s, err
}

// sum is the SHA-256, in hex, of the canonical JSON of the sheet without its
// hash. While the kernel still counts what it refuses of a window that is
// over, a later sheet says more and has another hash.
func (s Sheet) sum() (string, error) {
	b, err := audit.Canonical(struct {
		Clinic  string      `json:"clinic"`
		Window  Window      `json:"window"`
		Steps   []Step      `json:"steps"`
		Matches []Match     `json:"matches"`
		Lines   []AuditLine `json:"lines"`
	}{s.Clinic, s.Window, s.Steps, s.Matches, s.Lines})
	if err != nil {
		return "", err
	}
	return hexHash(sha256.Sum256(b)), nil
}

// WindowMonth lists the windows asked for in a month of the clinic's calendar,
// the oldest first.
func (g *Gateway) WindowMonth(ctx context.Context, who people.Actor, year int, month time.Month) (Month, error) {
	if err := may(who, people.ActRead); err != nil {
		return Month{}, err
	}
	if year < 2000 || year > 9999 || month < time.January || month > time.December {
		return Month{}, text.NewFault("sheet.month", "year", year, "month", int(month)).On("month")
	}
	g.settleAll(ctx)
	db := g.db()
	if db == nil {
		return Month{}, g.storeFault()
	}
	begin := time.Date(year, month, 1, 0, 0, 0, 0, g.Zone())
	ws, err := db.Windows(ctx, store.Filter{From: begin, To: begin.AddDate(0, 1, 0)})
	if err != nil {
		return Month{}, err
	}
	m := Month{Year: year, Month: month, Windows: make([]Window, 0, len(ws))}
	for _, w := range slices.Backward(ws) {
		m.Windows = append(m.Windows, g.asHeld(w))
	}
	return m, nil
}
