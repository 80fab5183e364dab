package webui

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

// approveForm is the form of a request that waits for its answer.
func (v *visit) approveForm(w gateway.Window, a answer) *view.Approve {
	if w.State != window.Requested {
		return nil
	}
	f := v.confirmForm(w, a.approve)
	f.Action = windowPath(w.ID) + "/approve"
	f.ShorterHint = v.say("page.approve.shorter_hint", "length", v.span(w.Length))
	f.CallBack = v.say("page.approve.callback", "vendor", v.vendorOf(w), "phone", plain(w.VendorPhone))
	f.Button = v.say("page.approve.do")
	if w.NotBefore.After(v.Now()) {
		f.Button = v.say("page.approve.plan")
	}
	return &f
}

// confirmForm is what every approval asks for, filled in as it came back.
func (v *visit) confirmForm(w gateway.Window, a view.Approve) view.Approve {
	a.Own = w.Recorder.Same(v.who)
	if v.who.SteppedUpWithin(window.StepUp, v.Now()) {
		a.Fresh = v.say("page.approve.fresh", "at", v.hour(v.who.SteppedUp))
	}
	return a
}

// refuseForm is the no to a request, or the taking back of a planned window.
func (v *visit) refuseForm(w gateway.Window, a answer) *view.Refuse {
	f := &view.Refuse{Action: windowPath(w.ID) + "/refuse", Why: a.texts["why"],
		Title: v.say("page.refuse.title"), Label: v.say("page.refuse.why"), Button: v.say("page.refuse.do")}
	switch w.State {
	case window.Requested:
	case window.Scheduled:
		f.Title, f.Label, f.Button = v.say("page.refuse.withdraw"), v.say("page.refuse.withdraw_why"), v.say("page.refuse.withdraw")
	default:
		return nil
	}
	return f
}

// approve takes the approver's yes: his second factor first, then the window.
func (v *visit) approve() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	a := v.confirmed()
	var length time.Duration // 0: as asked
	if strings.TrimSpace(a.Other) != "" {
		length, err = parseLength(a.Other)
	} else if v.r.PostForm.Get("do") == "shorten" {
		err = text.NewFault("page.approve.shorten_none").On("length_other")
	}
	who := v.who
	if err == nil {
		who, err = v.second()
	}
	if err == nil {
		var w gateway.Window
		if w, err = v.Gateway.ApproveWindow(v.r.Context(), who, id, length, a.Rang); err == nil {
			if w.State == window.Open {
				v.tell(view.Info, "page.window.opened")
			} else {
				v.tell(view.Good, "page.window.planned_now", "at", v.when(w.NotBefore))
			}
			return v.to(windowPath(id))
		}
	}
	return v.windowAgain(id, err, answer{approve: a}, "callback", "length_other", "totp")
}

// confirmed is what an approver filled in.
func (v *visit) confirmed() view.Approve {
	f := v.r.PostForm
	return view.Approve{Rang: f.Get("callback") == "yes", Other: plain(f.Get("length_other"))}
}

// second checks the second factor, if one was typed. Without one the visitor
// is as he came, and the gateway says whether that will do.
func (v *visit) second() (people.Actor, error) {
	code := oneLine(v.r.PostForm.Get("totp"))
	if code == "" {
		return v.who, nil
	}
	who, err := v.Gateway.StepUp(v.r.Context(), v.source(), v.who, code)
	if err != nil {
		return v.who, onField(err, "totp")
	}
	v.steppedUp(who)
	return who, nil
}

func (v *visit) refuse() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	why := v.r.PostForm.Get("why")
	w, err := v.Gateway.RefuseWindow(v.r.Context(), v.who, id, why)
	if err != nil {
		return v.windowAgain(id, err, answer{texts: map[string]string{"why": why}}, "why")
	}
	if w.ApprovedAt.IsZero() {
		v.tell(view.Info, "page.window.refused")
	} else {
		v.tell(view.Info, "page.refuse.withdrawn")
	}
	return v.to(windowPath(id))
}

// windowAgain sends the window's page back with what is wrong with the answer.
func (v *visit) windowAgain(id int64, fault error, a answer, fields ...string) error {
	w, err := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	if err != nil {
		return err
	}
	p, m := v.windowPage(w, a)
	p.Reload = "" // it would ask for the form's own path
	return v.again(fault, p, func(p view.Page) templ.Component { return view.WindowPage(p, m) }, fields...)
}

// onField says that faults without a field are about this one.
func onField(err error, field string) error {
	all, ok := faultsIn(err)
	if !ok || len(all) != 1 || all[0].Field != "" {
		return err
	}
	f := *all[0]
	return f.On(field)
}

func (v *visit) closeWindow() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	w, err := v.Gateway.CloseWindow(v.r.Context(), v.who, id)
	if err != nil {
		return err
	}
	v.tell(view.Good, "page.window.closed_now", "n", w.Cut)
	if v.unsure != nil { // no page that needs the store
		return v.to(fmt.Sprintf("%s?closed=%d", stopPath, id))
	}
	return v.to(windowPath(id))
}

// morePresets are what an extension mostly is.
var morePresets = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

func (v *visit) extendForm() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	w, err := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	if err != nil {
		return err
	}
	if w.State != window.Open {
		v.tell(view.Caution, "page.extend.not_open")
		return v.to(windowPath(id))
	}
	p, m := v.extendPage(w, view.Approve{})
	return v.show(http.StatusOK, view.ExtendPage(p, m))
}

func (v *visit) extendPage(w gateway.Window, a view.Approve) (view.Page, view.Extend) {
	p, st := v.frameStatus("page.extend.title", "n", w.ID)
	if len(st.Open) == 1 {
		p.Strip = nil
	}
	a = v.confirmForm(w, a)
	a.Action, a.Button = windowPath(w.ID)+"/extend", v.say("page.extend.do")
	a.CallBack = v.say("page.extend.call_back", "vendor", v.vendorOf(w), "phone", plain(w.VendorPhone))
	m := view.Extend{Back: windowPath(w.ID), Open: *v.openWindow(w), Approve: a, Every: paceFast}
	// By the clock of the kernel's timers; the wall clock may have moved.
	room := window.MaxLength - (w.EndBoot - w.OpenBoot)
	if room < time.Second {
		return p, m
	}
	m.Latest = v.say("page.extend.latest", "at", v.hour(v.Now().Add(w.Left+room)))
	for _, d := range morePresets {
		if d <= room {
			m.Lengths = append(m.Lengths, view.Choice{Value: d.String(), Label: v.span(d), Chosen: v.r.PostForm.Get("length") == d.String()})
		}
	}
	return p, m
}

// extend takes a new approval, for more time.
func (v *visit) extend() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	a := v.confirmed()
	more, err := formLength(v.r.PostForm.Get("length"), a.Other, 0)
	if err == nil && more == 0 {
		err = text.NewFault("page.extend.pick").On("length")
	}
	who := v.who
	if err == nil {
		who, err = v.second()
	}
	var w gateway.Window
	if err == nil {
		if w, err = v.Gateway.ExtendWindow(v.r.Context(), who, id, more, a.Rang); err == nil {
			v.tell(view.Info, "page.extend.done", "at", v.hour(v.Now().Add(w.Left)))
			return v.to(windowPath(id))
		}
	}
	w, e := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	switch {
	case e != nil:
		return e
	case w.State != window.Open: // it ended while he typed
		v.tell(view.Caution, "page.extend.not_open")
		return v.to(windowPath(id))
	}
	p, m := v.extendPage(w, a)
	return v.again(err, p, func(p view.Page) templ.Component { return view.ExtendPage(p, m) }, "length", "length_other", "callback", "totp")
}
