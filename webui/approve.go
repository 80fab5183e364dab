package webui

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/webui/view"
)

// approve takes the approver's yes: his second factor first, then the window.
func (v *visit) approve() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	f, ctx := v.r.PostForm, v.r.Context()
	a := view.Approve{Rang: f.Get("callback") == "yes", Other: plain(f.Get("length_other"))}
	var length time.Duration // 0: as asked
	if strings.TrimSpace(a.Other) != "" {
		length, err = parseLength(a.Other)
	}
	who := v.who
	if code := oneLine(f.Get("totp")); err == nil && code != "" {
		if who, err = v.Gateway.StepUp(ctx, v.source(), v.who, code); err == nil {
			v.steppedUp(who)
		} else {
			err = onField(err, "totp")
		}
	}
	if err == nil {
		if _, err = v.Gateway.ApproveWindow(ctx, who, id, length, a.Rang); err == nil {
			v.tell(view.Info, "page.window.opened")
			return v.to(windowPath(id))
		}
	}
	return v.windowAgain(id, err, a, "callback", "length_other", "totp")
}

func (v *visit) refuse() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	why := v.r.PostForm.Get("why")
	if _, err := v.Gateway.RefuseWindow(v.r.Context(), v.who, id, why); err != nil {
		return v.windowAgain(id, err, view.Approve{Why: why}, "why")
	}
	v.tell(view.Info, "page.window.refused")
	return v.to(windowPath(id))
}

// windowAgain sends the window's page back with what is wrong with the answer.
func (v *visit) windowAgain(id int64, fault error, a view.Approve, fields ...string) error {
	w, err := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	if err != nil {
		return err
	}
	p := v.frame("page.window.title", "n", w.ID)
	return v.again(fault, p, func(p view.Page) templ.Component { return view.WindowPage(p, v.windowModel(w, a)) }, fields...)
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
	return v.to(windowPath(id))
}

func (v *visit) closeAll() error {
	n, err := v.Gateway.CloseAll(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.tell(view.Good, "page.windows.all_closed", "n", n)
	return v.to("/windows")
}
