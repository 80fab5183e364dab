package webui_test

import (
	"context"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// ofKind is a window of this kind, as the gateway would show it.
func (f *fake) ofKind(id int64, s window.State, k window.Kind) gateway.Window {
	w := f.window(id, s)
	w.Kind = k
	switch k {
	case window.Outbound:
		t, err := window.ParseTarget("203.0.113.20:4500/udp")
		if err != nil {
			panic(err)
		}
		w.Ports, w.Targets = nil, []window.Target{t}
	case window.Tool:
		w.Ports, w.Tool, w.ByName = nil, "TeamViewer", id%2 == 0
	}
	return w
}

// planned is a request for tomorrow night, or one that was approved.
func (f *fake) planned(id int64, s window.State) gateway.Window {
	w := f.window(id, s)
	w.NotBefore = f.now().Truncate(time.Hour).Add(26 * time.Hour)
	if s == window.Scheduled {
		w.Approver, w.ApprovedAt = f.director, f.now().Add(-time.Hour)
	}
	return w
}

func (f *fake) ExtendWindow(_ context.Context, who people.Actor, id int64, more time.Duration, callBack bool) (gateway.Window, error) {
	switch {
	case !who.SteppedUpWithin(window.StepUp, f.now()):
		return gateway.Window{}, text.NewFault("people.step_up").On("code")
	case !callBack:
		return gateway.Window{}, text.NewFault("window.call_back").On("called_back")
	}
	w, err := f.WindowByID(context.Background(), who, id)
	if err != nil {
		return w, err
	}
	if left := w.OpenBoot + window.MaxLength - w.EndBoot; more > left {
		return w, text.NewFault("window.extend_limit", "max", "8h", "left", left.String()).On("for")
	}
	return f.set(id, func(w *gateway.Window) {
		w.EndAt, w.EndBoot = w.EndAt.Add(more), w.EndBoot+more
		w.Left = time.Until(w.EndAt)
		w.Extensions = append(w.Extensions, window.Extension{By: who, At: f.now(), More: more, EndBoot: w.EndBoot})
	})
}

func (f *fake) Tools(context.Context) []gateway.Tool {
	if f.tools != nil {
		return f.tools
	}
	return []gateway.Tool{
		{Name: "AnyDesk", Domains: []string{"anydesk.com"}},
		{Name: "TeamViewer", Domains: []string{"teamviewer.com", "teamviewer.cn", "dyngate.com", "tv1.example", "tv2.example", "tv3.example", "tv4.example", "tv5.example"}},
	}
}

func (f *fake) ReportWindow(_ context.Context, who people.Actor, id int64, said string) (gateway.Window, error) {
	return f.remark(who, id, said, func(w *gateway.Window) *window.Remark { return &w.Report })
}

func (f *fake) ReviewWindow(_ context.Context, who people.Actor, id int64, said string) (gateway.Window, error) {
	return f.remark(who, id, said, func(w *gateway.Window) *window.Remark { return &w.Review })
}

func (f *fake) ExcuseWindow(_ context.Context, who people.Actor, id int64, said string) (gateway.Window, error) {
	return f.remark(who, id, said, func(w *gateway.Window) *window.Remark { return &w.Excuse })
}

func (f *fake) remark(who people.Actor, id int64, said string, of func(*gateway.Window) *window.Remark) (gateway.Window, error) {
	w, err := f.WindowByID(context.Background(), who, id)
	switch {
	case err != nil:
		return w, err
	case said == "":
		return w, text.NewFault("window.no_report")
	case !of(&w).IsZero():
		return w, text.NewFault("window.said_already", "name", of(&w).By.Name)
	}
	return f.set(id, func(w *gateway.Window) { *of(w) = window.Remark{Text: said, By: who, At: f.now()} })
}
