package gateway

import (
	"context"
	"net/netip"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/text"
)

var errSoon = text.NewFault("page.not_found")

func (g *Gateway) ExtendWindow(ctx context.Context, who people.Actor, id int64, more time.Duration, callBack bool) (Window, error) {
	return Window{}, errSoon
}
func (g *Gateway) Tools(ctx context.Context) []Tool { return nil }
func (g *Gateway) ReadRequest(ctx context.Context, who people.Actor, text string) (SignedRequest, error) {
	return SignedRequest{}, errSoon
}
func (g *Gateway) RecordRequest(ctx context.Context, who people.Actor, text string) (Window, error) {
	return Window{}, errSoon
}
func (g *Gateway) Plans(ctx context.Context, who people.Actor) ([]WeeklyPlan, error) { return nil, errSoon }
func (g *Gateway) AddPlan(ctx context.Context, who people.Actor, ask PlanAsk) (WeeklyPlan, error) {
	return WeeklyPlan{}, errSoon
}
func (g *Gateway) DropPlan(ctx context.Context, who people.Actor, id int64) error { return errSoon }
func (g *Gateway) Keys(ctx context.Context, who people.Actor) ([]VendorKey, error) {
	return nil, errSoon
}
func (g *Gateway) EnrolKey(ctx context.Context, who people.Actor, vendor, name, key string) (VendorKey, error) {
	return VendorKey{}, errSoon
}
func (g *Gateway) RevokeKey(ctx context.Context, who people.Actor, id int64) error { return errSoon }
func (g *Gateway) NewSealedCodes(ctx context.Context, who people.Actor) ([]string, error) {
	return nil, errSoon
}
func (g *Gateway) SealedCodes(ctx context.Context, who people.Actor) (SealedCodes, error) {
	return SealedCodes{}, errSoon
}
func (g *Gateway) BreakSealed(ctx context.Context, who people.Actor, source netip.Addr, code string, ask Ask) (Window, error) {
	return Window{}, errSoon
}
func (g *Gateway) ReportWindow(ctx context.Context, who people.Actor, id int64, text string) (Window, error) {
	return Window{}, errSoon
}
func (g *Gateway) ReviewWindow(ctx context.Context, who people.Actor, id int64, text string) (Window, error) {
	return Window{}, errSoon
}
func (g *Gateway) ExcuseWindow(ctx context.Context, who people.Actor, id int64, text string) (Window, error) {
	return Window{}, errSoon
}
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
func (g *Gateway) SetDeputy(ctx context.Context, who people.Actor, id int64, deputy bool) error {
	return errSoon
}
