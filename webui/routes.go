package webui

import (
	"fmt"
	"net/http"
	"strings"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/static"
)

// The rules of this file: a GET never changes anything. Every POST ends in a
// redirect, or in its form with what is wrong. A route without an act is
// refused when the server starts, so nothing is open by forgetting.

// anyone marks the few routes that need no account. It is no act of the
// gateway, and no role has it.
const anyone people.Act = "anyone"

// maxBody is the largest form that is read. The longest real one has under
// 2 KiB.
const maxBody = 64 << 10

// A route is one way into the program. The table is the whole list; a test
// walks it.
type route struct {
	method, path string
	act          people.Act
	run          func(*visit) error
}

func (s *site) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	all := []route{
		{get, "/alive", anyone, (*visit).alive},
		{get, "/monban-ca.cer", anyone, (*visit).certificate},
		{get, "/setup", anyone, (*visit).setUp},
		{post, "/setup", anyone, (*visit).beginSetUp},
		{get, "/setup/factor", anyone, (*visit).factor},
		{post, "/setup/factor", anyone, (*visit).finishSetUp},
		{get, "/signin", anyone, (*visit).signInForm},
		{post, "/signin", anyone, (*visit).signIn},

		{post, "/signout", people.ActRead, (*visit).signOut},
		{get, "/recovery", people.ActRead, (*visit).recovery},
		{post, "/recovery", people.ActRead, (*visit).putAway},
		{get, "/{$}", people.ActRead, (*visit).home},
		{get, "/windows", people.ActRead, (*visit).windows},
		{get, "/windows/new", people.ActAskWindow, (*visit).askForm},
		{post, "/windows/new", people.ActAskWindow, (*visit).ask},
		{get, "/windows/{id}", people.ActRead, (*visit).window},
		{post, "/windows/{id}/approve", people.ActApprove, (*visit).approve},
		{post, "/windows/{id}/refuse", people.ActApprove, (*visit).refuse},
		{post, "/windows/{id}/close", people.ActCloseWindow, (*visit).closeWindow},
		{get, "/windows/{id}/extend", people.ActApprove, (*visit).extendForm},
		{post, "/windows/{id}/extend", people.ActApprove, (*visit).extend},
		{post, "/windows/{id}/report", people.ActReport, (*visit).report},
		{post, "/windows/{id}/review", people.ActReview, (*visit).review},
		{post, "/windows/{id}/excuse", people.ActReview, (*visit).excuse},
		{get, stopPath, people.ActCloseWindow, (*visit).stopPage},
		{post, stopPath, people.ActCloseWindow, (*visit).closeAll},
		{get, "/devices", people.ActRead, (*visit).devices},
		{post, "/devices/{id}/name", people.ActNameDevice, (*visit).nameDevice},
		{get, "/checklist", people.ActRead, (*visit).checklist},
		{post, "/checklist/selftest", people.ActSelfTest, (*visit).selfTest},
		{get, "/audit", people.ActRead, (*visit).audit},
		{post, "/audit/check", people.ActRead, (*visit).checkAudit},
	}
	if s.staffing != nil {
		all = append(all,
			route{get, "/join", anyone, (*visit).setUp},
			route{post, "/join", anyone, (*visit).beginSetUp},
			route{get, "/join/factor", anyone, (*visit).factor},
			route{post, "/join/factor", anyone, (*visit).finishSetUp},
			route{get, "/people", people.ActManagePeople, (*visit).people},
			route{post, "/people", people.ActManagePeople, (*visit).invite},
		)
	}
	all = append(all, accountRoutes()...)
	all = append(all, nameRoutes()...)
	all = append(all, evasionRoutes()...)
	all = append(all, listRoutes()...)
	all = append(all, groupRoutes()...)
	all = append(all, firmwareRoutes()...)
	all = append(all, networkRoutes()...)
	all = append(all, siteRoutes()...)
	return append(all, s.moreRoutes()...)
}

// lost answers what no route has.
func (s *site) lost(w http.ResponseWriter, r *http.Request) {
	s.serve(route{act: anyone, run: func(v *visit) error { return text.NewFault("page.not_found") }}).ServeHTTP(w, r)
}

// mux wires a table; what it does not have goes to lost.
func (s *site) mux(table []route, lost http.HandlerFunc) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, rt := range table {
		if rt.act == "" || rt.run == nil {
			return nil, fmt.Errorf("webui: route %s %s says not who may use it", rt.method, rt.path)
		}
		mux.Handle(rt.method+" "+rt.path, s.serve(rt))
	}
	mux.Handle("/", lost)
	pages := s.sessions.LoadAndSave(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, static.Prefix) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			s.assets.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}), nil
}

// serve is the one wrapper of every route: who is it, may he, is the form
// readable; then the handler; then whatever went wrong, in words.
func (s *site) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{site: s, w: w, r: r}
		v.lang = v.chooseLang()
		if err := v.pass(rt); err != nil {
			v.fail(err)
		}
	})
}

func (v *visit) pass(rt route) error {
	in, err := v.enter()
	if err != nil {
		return err
	}
	if rt.act != anyone {
		if !in {
			return v.toTheDoor()
		}
		if v.unsure != nil && rt.act != people.ActCloseWindow {
			return v.unsure
		}
		if !v.who.May(rt.act) {
			return text.NewFault("people.may_not", "act", string(rt.act))
		}
	}
	if v.r.Method == http.MethodPost {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, mostOf(rt))
		if err := v.r.ParseForm(); err != nil {
			return text.NewFault("page.bad_form").Because(err)
		}
	}
	return rt.run(v)
}

// mostOf is how many bytes of a form are taken: many only where a file is: an
// update as it comes, site.toml in memory.
func mostOf(rt route) int64 {
	switch rt.path {
	case uploadPath:
		return gateway.MaxUpdate + formAround
	case sitePath, applyPath:
		return maxSiteForm
	}
	return maxBody
}

// toTheDoor leads somebody without a session to where he gets one.
func (v *visit) toTheDoor() error {
	switch {
	case v.live(): // the script of an open page, which then reloads it
		v.w.WriteHeader(http.StatusUnauthorized)
		return nil
	case v.Gateway.SetUpNeeded(v.r.Context()):
		return v.to("/setup")
	case v.r.Method == http.MethodPost:
		return v.to("/signin?over=1")
	}
	return v.to("/signin")
}
