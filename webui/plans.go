package webui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/text/unicode/norm"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

// planWeeks are the weeks a plan can be for, as the form and window.Plan have
// them.
var planWeeks = []int{0, 1, 2, 3, 4, -1}

func (v *visit) plans() error {
	m, err := v.plansModel(v.kindAsked())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.PlansPage(v.frame("page.plans.title"), m))
}

func (v *visit) plansModel(kind window.Kind) (view.Plans, error) {
	all, err := v.Gateway.Plans(v.r.Context(), v.who)
	if err != nil {
		return view.Plans{}, err
	}
	m := view.Plans{CanAsk: v.who.May(people.ActAskWindow)}
	for _, p := range all {
		m.Plans = append(m.Plans, v.plan(p))
	}
	if !m.CanAsk {
		return m, nil
	}
	if m.Ask, err = v.askModel(kind); err != nil {
		return view.Plans{}, err
	}
	f := v.r.PostForm
	m.Kinds, m.Time = v.kindLinks("/plans", kind), plain(f.Get("time"))
	for _, n := range planWeeks {
		value := strconv.Itoa(n)
		m.Weeks = append(m.Weeks, view.Choice{Value: value, Label: v.week(n), Chosen: f.Get("week") == value})
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		value := strconv.Itoa(int(d))
		m.Days = append(m.Days, view.Choice{Value: value, Label: v.weekdayName(d), Chosen: f.Get("day") == value || f.Get("day") == "" && d == time.Tuesday})
	}
	return m, nil
}

func (v *visit) plan(p gateway.WeeklyPlan) view.Plan {
	w := gateway.Window{VendorLabel: p.VendorLabel, DeviceName: p.DeviceName}
	w.Kind, w.Vendor, w.Device, w.Ports, w.Targets, w.Tool, w.Length = p.Kind, p.Vendor, p.Device, p.Ports, p.Targets, p.Tool, p.Length
	next := v.say("page.plans.next", "at", v.when(p.Next))
	if p.Orphan {
		next = v.say("page.plans.orphan")
	}
	return view.Plan{
		ID: strconv.FormatInt(p.ID, 10), When: v.appointment(p.Plan),
		Title: v.say("page.plans.of", "vendor", v.vendorOf(w), "device", v.deviceOf(w)),
		What:  v.worded("page.window.what.", w), Next: next,
		Meta: []string{prose(p.Reason), v.say("page.window.by", "name", plain(p.Requester)),
			v.say("page.plans.made", "name", v.named(p.Recorder), "at", v.when(p.Made))},
	}
}

// appointment is when a plan asks: 第2火曜 22:00.
func (v *visit) appointment(p window.Plan) string {
	return v.say("page.plans.appointment", "week", v.week(p.Week), "day", v.weekdayName(p.Day), "time", p.Clock())
}

func (v *visit) week(n int) string {
	switch n {
	case 0:
		return v.say("page.plans.every")
	case -1:
		return v.say("page.plans.last")
	}
	return v.say("page.plans.nth", "n", n)
}

func (v *visit) weekdayName(d time.Weekday) string {
	return v.say("page.weekday_name." + strings.ToLower(d.String()[:3]))
}

// clockForms are the ways people write a time of day.
var clockForms = []string{"15:4", "15時4分", "15時"}

// parseClock reads a time of day. The error is a Fault on "time".
func parseClock(s string) (hour, minute int, err error) {
	plainly := strings.Join(strings.Fields(norm.NFKC.String(s)), "")
	for _, f := range clockForms {
		if t, err := time.Parse(f, plainly); err == nil {
			return t.Hour(), t.Minute(), nil
		}
	}
	return 0, 0, text.NewFault("page.plans.bad_time", "text", plain(s)).On("time")
}

func (v *visit) addPlan() error {
	f := v.r.PostForm
	kind := v.kindAsked()
	ask, errs := v.typedAsk(kind)
	p := gateway.PlanAsk{Ask: ask}
	var err error
	if p.Hour, p.Minute, err = parseClock(f.Get("time")); err != nil {
		errs = append(errs, err)
	}
	// A list that was tampered with picks what no plan can have, and the
	// domain says so.
	if p.Week, err = strconv.Atoi(f.Get("week")); err != nil {
		p.Week = -99
	}
	day, err := strconv.Atoi(f.Get("day"))
	if err != nil {
		day = -1
	}
	p.Day = time.Weekday(day)
	if err = errors.Join(errs...); err == nil {
		var made gateway.WeeklyPlan
		if made, err = v.Gateway.AddPlan(v.r.Context(), v.who, p); err == nil {
			v.tell(view.Good, "page.plans.done", "when", v.appointment(made.Plan), "at", v.when(made.Next))
			return v.to("/plans")
		}
	}
	m, e := v.plansModel(kind)
	if e != nil {
		return e
	}
	return v.again(err, v.frame("page.plans.title"), func(p view.Page) templ.Component { return view.PlansPage(p, m) },
		"vendor", "requester", "device", wayField[kind], "week", "day", "time", "length_other", "reason")
}

func (v *visit) dropPlan() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.Gateway.DropPlan(v.r.Context(), v.who, id); err != nil {
		return err
	}
	v.tell(view.Good, "page.plans.dropped")
	return v.to("/plans")
}
