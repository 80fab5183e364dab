package control

import (
	"errors"
	"testing"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
)

// What is asked, owed and shown of windows goes over the socket, too, under
// names scripts may rely on.
func TestMaintenanceContract(t *testing.T) {
	c := serving(t)
	var w gateway.Window
	if err := c.Post(t.Context(), "/windows", ask(3389), &w); err != nil {
		t.Fatal(err)
	}
	if err := c.Post(t.Context(), "/windows/1/close", nil, &w); err != nil {
		t.Fatal(err)
	}
	request := ask(3389)
	request.Requester = "山田"
	var f *text.Fault
	if err := c.Post(t.Context(), "/windows/ask", request, &w); !errors.As(err, &f) || f.Code != "window.report_owed" {
		t.Errorf("asking while a report is owed: %v", err)
	}
	for _, what := range []string{"report", "review", "excuse"} {
		if err := c.Post(t.Context(), "/windows/1/"+what, map[string]string{"text": "点検しました"}, &w); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := c.Post(t.Context(), "/windows/ask", request, &w); err != nil || w.State != window.Requested {
		t.Errorf("asked: %v, %s", err, w.State)
	}
	var sheet map[string]any
	if err := c.Get(t.Context(), "/windows/1/sheet", &sheet); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"clinic", "window", "steps", "matches", "lines", "hash"} {
		if _, ok := sheet[field]; !ok {
			t.Errorf("the sheet has no %s", field)
		}
	}
	if err := c.Post(t.Context(), "/requests", map[string]string{"text": "nonsense"}, &w); !errors.As(err, &f) || f.Field != "text" {
		t.Errorf("a text that is no request: %v", err)
	}
	if err := c.Get(t.Context(), "/attempts?day=yesterday", &sheet); !errors.As(err, &f) {
		t.Errorf("no day: %v", err)
	}
}
