package webui_test

import (
	"time"

	"monban/gateway"
	"monban/gateway/window"
)

// busyFake has something of everything on its pages.
func busyFake() *fake {
	f := newFake()
	f.list = append(f.list, f.window(2, window.Refused), f.window(3, window.Requested), f.window(4, window.Open))
	f.notes = []gateway.Note{{Code: "page.mode.clock", Level: "danger", Link: "/audit"}}
	return f
}

// maintainedFake has every kind and state of a window: 1 to 4 as busyFake, then
// tools 5 and 6, a way out 7, a tunnel 8, planned 9 and 10, over 11 to 14.
func maintainedFake() *fake {
	f := busyFake()
	f.owed = 11
	f.list = append(f.list,
		f.ofKind(5, window.Requested, window.Tool), f.ofKind(6, window.Requested, window.Tool),
		f.ofKind(7, window.Requested, window.Outbound), f.ofKind(8, window.Requested, window.WireGuard),
		f.planned(9, window.Requested), f.planned(10, window.Scheduled),
		f.window(11, window.Closed), f.window(12, window.Lapsed), f.window(13, window.NotOpened), f.window(14, window.Closed))
	f.list[13].BreakGlass, f.list[13].Plan = true, 3
	f.list[13].Report = window.Remark{Text: "設定を直しました。", By: f.list[13].Recorder, At: f.now()}
	soon := &f.list[3]
	soon.EndAt = f.now().Add(9*time.Minute + 30*time.Second)
	soon.Extensions = []window.Extension{{By: f.director, At: f.now().Add(-5 * time.Minute), More: 15 * time.Minute, EndBoot: soon.EndBoot}}
	return f
}
