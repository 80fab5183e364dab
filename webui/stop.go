package webui

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"monban/gateway"
	"monban/webui/view"
)

// stopPath is the page of the one red button.
const stopPath = "/windows/close-all"

// mostDone bounds how many closed windows its answer looks up.
const mostDone = 20

// stopPage shows what is open and the button. After it was pressed, the
// address says what was closed, so that the page can be loaded again.
func (v *visit) stopPage() error {
	p, m := v.stopModel()
	for one := range strings.SplitSeq(v.r.URL.Query().Get("closed"), ",") {
		id, err := strconv.ParseInt(one, 10, 64)
		if err == nil && id > 0 && len(m.Done) < mostDone {
			m.Done = append(m.Done, v.done(id))
		}
	}
	return v.show(http.StatusOK, view.CloseAllPage(p, m))
}

func (v *visit) stopModel() (view.Page, view.CloseAll) {
	p, st := v.frameStatus("page.stop.title")
	p.Strip, p.StopURL = nil, ""
	m := view.CloseAll{Count: v.say("page.strip.none"), Every: paceFast}
	for _, w := range st.Open {
		m.Open = append(m.Open, *v.openWindow(w))
	}
	if n := len(m.Open); n > 0 {
		m.Count = v.say("page.stop.open", "n", n)
		p.Reload = "20"
	}
	return p, m
}

// done says what closing one window cut. Its record may not be readable just
// now; it is closed all the same.
func (v *visit) done(id int64) view.Row {
	w, err := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	if err != nil {
		return view.Row{URL: windowPath(id), Title: v.say("page.window.title", "n", id), Level: "none",
			State: v.say("page.state.unrecorded"), What: v.say("page.stop.unread")}
	}
	r := v.row(w)
	r.Meta = []string{v.say("page.window.closed_at", "at", v.when(w.ClosedAt)),
		v.say("page.stop.was", "cut", w.Cut, "bytes", number(w.Passed.Bytes))}
	return r
}

// closeAll closes everything. It needs neither database nor script.
func (v *visit) closeAll() error {
	var ids []string
	if st, err := v.Gateway.Status(v.r.Context()); err == nil {
		slices.SortFunc(st.Open, func(a, b gateway.Window) int { return cmp.Compare(a.ID, b.ID) })
		for _, w := range st.Open {
			if w.ID != 0 && len(ids) < mostDone {
				ids = append(ids, strconv.FormatInt(w.ID, 10))
			}
		}
	}
	n, err := v.Gateway.CloseAll(v.r.Context(), v.who)
	if err != nil {
		if n == 0 {
			if _, forPeople := faultsIn(err); forPeople {
				return err // he may not
			}
		}
		v.Log.Error("not everything closed", "closed", n, "err", err)
		p, m := v.stopModel()
		p.Reload, p.Flash = "", &view.Note{Level: view.Danger, Text: v.say("page.stop.failed", "n", n)}
		return v.show(http.StatusInternalServerError, view.CloseAllPage(p, m))
	}
	v.tell(view.Good, "page.windows.all_closed", "n", n)
	if len(ids) == 0 {
		return v.to(stopPath)
	}
	return v.to(stopPath + "?closed=" + strings.Join(ids, ","))
}
