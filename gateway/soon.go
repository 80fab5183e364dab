package gateway

import (
	"context"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

var errSoon = text.NewFault("page.not_found")

func (g *Gateway) WindowSheet(ctx context.Context, who people.Actor, id int64) (Sheet, error) {
	return Sheet{}, errSoon
}
func (g *Gateway) WindowMonth(ctx context.Context, who people.Actor, year int, month time.Month) (Month, error) {
	return Month{}, errSoon
}
func (g *Gateway) Attempts(ctx context.Context, who people.Actor, day string) (AttemptDay, error) {
	return AttemptDay{}, errSoon
}
func (g *Gateway) NoticeSettings(ctx context.Context, who people.Actor) (notice.Settings, error) {
	return notice.Settings{}, errSoon
}
func (g *Gateway) SetNoticeSettings(ctx context.Context, who people.Actor, s notice.Settings) error {
	return errSoon
}
func (g *Gateway) TestNotice(ctx context.Context, who people.Actor, c notice.Channel) error {
	return errSoon
}

// To be replaced by notices.go and attempts.go.
func (g *Gateway) tell(tx *store.Tx, code string, args map[string]any) error {
	return tx.Audit(code, args)
}
func (g *Gateway) warn(context.Context)                    {}
func (g *Gateway) cry(ctx context.Context) error           { <-ctx.Done(); return nil }
func (g *Gateway) countAttempts(ctx context.Context) error { <-ctx.Done(); return nil }
func (g *Gateway) watchAttempts(ctx context.Context) error { <-ctx.Done(); return nil }
