package webui_test

import (
	"context"
	"net/netip"
	"time"

	"monban/gateway"
	"monban/gateway/notice"
	"monban/gateway/people"
)

func (f *fake) ReadRequest(context.Context, people.Actor, string) (gateway.SignedRequest, error) {
	return gateway.SignedRequest{}, nil
}
func (f *fake) RecordRequest(context.Context, people.Actor, string) (gateway.Window, error) {
	return gateway.Window{}, nil
}
func (f *fake) Plans(context.Context, people.Actor) ([]gateway.WeeklyPlan, error) { return nil, nil }
func (f *fake) AddPlan(context.Context, people.Actor, gateway.PlanAsk) (gateway.WeeklyPlan, error) {
	return gateway.WeeklyPlan{}, nil
}
func (f *fake) DropPlan(context.Context, people.Actor, int64) error { return nil }
func (f *fake) Keys(context.Context, people.Actor) ([]gateway.VendorKey, error) {
	return nil, nil
}
func (f *fake) EnrolKey(context.Context, people.Actor, string, string, string) (gateway.VendorKey, error) {
	return gateway.VendorKey{}, nil
}
func (f *fake) RevokeKey(context.Context, people.Actor, int64) error { return nil }
func (f *fake) NewSealedCodes(context.Context, people.Actor) ([]string, error) {
	return nil, nil
}
func (f *fake) SealedCodes(context.Context, people.Actor) (gateway.SealedCodes, error) {
	return gateway.SealedCodes{}, nil
}
func (f *fake) BreakSealed(context.Context, people.Actor, netip.Addr, string, gateway.Ask) (gateway.Window, error) {
	return gateway.Window{}, nil
}
func (f *fake) WindowSheet(context.Context, people.Actor, int64) (gateway.Sheet, error) {
	return gateway.Sheet{}, nil
}
func (f *fake) WindowMonth(context.Context, people.Actor, int, time.Month) (gateway.Month, error) {
	return gateway.Month{}, nil
}
func (f *fake) Attempts(context.Context, people.Actor, string) (gateway.AttemptDay, error) {
	return gateway.AttemptDay{}, nil
}
func (f *fake) NoticeSettings(context.Context, people.Actor) (notice.Settings, error) {
	return notice.Settings{}, nil
}
func (f *fake) SetNoticeSettings(context.Context, people.Actor, notice.Settings) error { return nil }
func (f *fake) TestNotice(context.Context, people.Actor, notice.Channel) error         { return nil }
func (f *fake) SetDeputy(context.Context, people.Actor, int64, bool) error             { return nil }
