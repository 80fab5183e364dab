package webui

import (
	"context"
	"net/http"
	"slices"
	"time"

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

// networkRoutes is the page on which a change of the network is confirmed. Who
// can open it has shown that the LAN works, and nothing about the WAN.
func networkRoutes() []route {
	return []route{
		{http.MethodGet, networkPath, people.ActRead, (*visit).network},
		{http.MethodPost, networkPath, people.ActConfigure, (*visit).confirmNetwork},
	}
}

func (v *visit) network() error {
	p, st := v.frameStatus("page.network.title")
	m := view.Network{Confirm: v.who.May(people.ActConfigure), Every: paceSlow, State: v.say("page.network.none")}
	if i := slices.IndexFunc(st.Notes, func(n gateway.Note) bool { return n.Code == "network.on_trial" }); i >= 0 {
		left, _ := st.Notes[i].Args["seconds"].(int)
		clock := v.clock(time.Duration(left) * time.Second)
		m.Left, m.State, m.Every, p.Reload = &clock, v.say("page.network.trial"), paceFast, "20"
	}
	return v.show(http.StatusOK, view.NetworkPage(p, m))
}

func (v *visit) confirmNetwork() error {
	if err := v.Gateway.ConfirmNetwork(v.r.Context(), v.who); err != nil {
		return err
	}
	v.tell(view.Good, "network.kept")
	return v.to(networkPath)
}
