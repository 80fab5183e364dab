package webui_test

import (
	"context"
	"time"

	"monban/gateway"
	"monban/gateway/people"
)

func (f *fake) ExtendWindow(context.Context, people.Actor, int64, time.Duration, bool) (gateway.Window, error) {
	return gateway.Window{}, nil
}
func (f *fake) Tools(context.Context) []gateway.Tool { return nil }
func (f *fake) ReportWindow(context.Context, people.Actor, int64, string) (gateway.Window, error) {
	return gateway.Window{}, nil
}
func (f *fake) ReviewWindow(context.Context, people.Actor, int64, string) (gateway.Window, error) {
	return gateway.Window{}, nil
}
func (f *fake) ExcuseWindow(context.Context, people.Actor, int64, string) (gateway.Window, error) {
	return gateway.Window{}, nil
}
