package control

import (
	"context"
	"net/http"

	"monban/gateway"
	"monban/gateway/people"
)

// remarks routes what is asked, owed and shown of windows beside opening and
// closing them.
func remarks(handle func(string, func(*http.Request, people.Actor) (any, error)), g *gateway.Gateway) {
	handle("POST /windows/ask", func(r *http.Request, who people.Actor) (any, error) {
		var ask gateway.Ask
		if err := decode(r, &ask); err != nil {
			return nil, err
		}
		return g.AskWindow(r.Context(), who, ask)
	})
	handle("GET /windows/{id}/sheet", func(r *http.Request, who people.Actor) (any, error) {
		id, err := windowID(r)
		if err != nil {
			return nil, err
		}
		return g.WindowSheet(r.Context(), who, id)
	})
	for what, keep := range map[string]func(context.Context, people.Actor, int64, string) (gateway.Window, error){
		"report": g.ReportWindow, "review": g.ReviewWindow, "excuse": g.ExcuseWindow,
	} {
		handle("POST /windows/{id}/"+what, func(r *http.Request, who people.Actor) (any, error) {
			var in struct{ Text string }
			if err := decode(r, &in); err != nil {
				return nil, err
			}
			id, err := windowID(r)
			if err != nil {
				return nil, err
			}
			return keep(r.Context(), who, id, in.Text)
		})
	}
}
