package webui

import (
	"context"
	"net/http"
	"slices"

	"monban/gateway"
	"monban/gateway/people"
	"monban/webui/view"
)

// A Mover changes the box's own network.
type Mover interface {
	// ConfirmNetwork makes a change that is on trial stay.
	ConfirmNetwork(ctx context.Context, actor people.Actor) error
}

const networkPath = "/network"

// networkRoutes is the page on which a change of the network is confirmed: who
// can open it at the new address has shown that it works.
func networkRoutes() []route {
	return []route{
		{http.MethodGet, networkPath, people.ActRead, (*visit).network},
		{http.MethodPost, networkPath, people.ActConfigure, (*visit).confirmNetwork},
	}
}

func (v *visit) network() error {
	p, st := v.frameStatus("page.network.title")
	m := view.Network{Confirm: v.who.May(people.ActConfigure)}
	if i := slices.IndexFunc(st.Notes, func(n gateway.Note) bool { return n.Link == networkPath }); i >= 0 {
		m.Trial = v.lang.Say(st.Notes[i].Code, v.shown(st.Notes[i].Args))
	}
	return v.show(http.StatusOK, view.NetworkPage(p, m))
}

func (v *visit) confirmNetwork() error {
	if err := v.Gateway.ConfirmNetwork(v.r.Context(), v.who); err != nil {
		return err
	}
	return v.to(networkPath)
}
