package webui_test

import (
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
