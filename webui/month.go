package webui

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"monban/gateway"
	"monban/gateway/paper"
	"monban/gateway/window"
	"monban/webui/view"
)

// monthForm is how a month stands in an address.
const monthForm = "2006-01"

// asksMonth is the first moment of the month in the address; of this one, if
// it names none.
func (v *visit) asksMonth() time.Time {
	now := v.Now().In(v.Zone())
	t, err := time.ParseInLocation(monthForm, v.r.URL.Query().Get("m"), v.Zone())
	if err != nil {
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, v.Zone())
	}
	return t
}

func (v *visit) readMonth() (time.Time, gateway.Month, error) {
	at := v.asksMonth()
	m, err := v.Gateway.WindowMonth(v.r.Context(), v.who, at.Year(), at.Month())
	return at, m, err
}

func (v *visit) month() error {
	at, m, err := v.readMonth()
	if err != nil {
		return err
	}
	path := func(t time.Time) string { return "/windows/month?m=" + t.Format(monthForm) }
	before, next := at.AddDate(0, -1, 0), at.AddDate(0, 1, 0)
	out := view.Month{
		Heading: v.monthName(at), Table: v.monthTable(m), Sum: v.monthSum(m),
		CSV: "/windows/month.csv?m=" + at.Format(monthForm), XLSX: "/windows/month.xlsx?m=" + at.Format(monthForm),
		Prev: view.NavLink{URL: path(before), Label: v.monthName(before)},
	}
	if !next.After(v.Now()) {
		out.Next = view.NavLink{URL: path(next), Label: v.monthName(next)}
	}
	return v.show(http.StatusOK, view.MonthPage(v.frame("page.month.title"), out))
}

func (v *visit) monthName(t time.Time) string {
	return v.say("page.month.name", "year", strconv.Itoa(t.Year()), "month", t.Format("1"))
}

// monthSum is the month in a few numbers.
func (v *visit) monthSum(m gateway.Month) []string {
	opened, glass, owed := 0, 0, 0
	var bytes uint64
	for _, w := range m.Windows {
		if !w.OpenAt.IsZero() {
			opened++
		}
		if w.BreakGlass {
			glass++
		}
		if len(w.Owes()) > 0 {
			owed++
		}
		bytes += w.Passed.Bytes
	}
	return []string{v.say("page.month.asked", "n", len(m.Windows)), v.say("page.month.opened", "n", opened), v.say("page.month.glass", "n", glass),
		v.say("page.month.owed", "n", owed), v.say("page.window.bytes", "bytes", number(bytes))}
}

// monthTable is the month to read and print: what one asks of each window.
func (v *visit) monthTable(m gateway.Month) view.Table {
	t := view.Table{Right: []bool{true, false, false, false, false, false, false, true, false}, Head: []string{
		v.say("page.month.no"), v.say("page.sheet.state"), v.say("page.fact.vendor"), v.say("page.fact.device"), v.say("page.month.way"),
		v.say("page.fact.opened"), v.say("page.fact.closed"), v.say("page.month.bytes"), v.say("page.month.after")}}
	for _, w := range m.Windows {
		after := view.Cell{Text: v.say("page.month.nothing_owed")}
		switch owed := v.owed(w); {
		case w.State != window.Closed:
			after.Text = ""
		case owed != "":
			after = view.Cell{Level: "caution", Text: v.say("page.month.still", "what", owed)}
		}
		way := v.say("page.kind."+string(kindOf(w))) + " " + wayOf(w)
		t.Rows = append(t.Rows, []view.Cell{{Text: strconv.FormatInt(w.ID, 10), URL: windowPath(w.ID)}, v.stateCell(w),
			{Text: v.vendorOf(w)}, {Text: v.deviceOf(w)}, {Text: way}, {Text: v.inMonth(w.OpenAt)}, {Text: v.inMonth(w.ClosedAt)},
			{Text: number(w.Passed.Bytes)}, after})
	}
	return t
}

// stateCell is a state in a list: what is not over, and what was opened
// without approval, stands out.
func (v *visit) stateCell(w gateway.Window) view.Cell {
	c := view.Cell{Text: v.state(w)}
	if l := level(w); l != "none" {
		c.Level = l
	}
	if w.BreakGlass {
		c.Level, c.Text = "danger", v.say("page.month.by_glass", "state", v.state(w))
	}
	return c
}

// moment is a time in a list: nothing if it never came.
func (v *visit) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.Zone()).Format("2006-01-02 15:04:05")
}

// inMonth is a time where the month is known.
func (v *visit) inMonth(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.Zone()).Format("1/2 15:04")
}

// monthList is the month for a spreadsheet: everything, and numbers as such.
func (v *visit) monthList(m gateway.Month) paper.Table {
	cols := []struct {
		code   string
		number bool
		of     func(w gateway.Window) string
	}{
		{"page.month.no", true, func(w gateway.Window) string { return strconv.FormatInt(w.ID, 10) }},
		{"page.sheet.state", false, v.state},
		{"page.fact.vendor", false, v.vendorOf},
		{"page.fact.requester", false, func(w gateway.Window) string { return plain(w.Requester) }},
		{"page.fact.device", false, v.deviceOf},
		{"page.fact.kind", false, func(w gateway.Window) string { return v.say("page.kind." + string(kindOf(w))) }},
		{"page.month.way", false, wayOf},
		{"page.fact.reason", false, func(w gateway.Window) string { return prose(w.Reason) }},
		{"page.month.asked_at", false, func(w gateway.Window) string { return v.moment(w.RequestedAt) }},
		{"page.fact.recorder", false, func(w gateway.Window) string { return plain(w.Recorder.Name) }},
		{"page.fact.approver", false, func(w gateway.Window) string { return plain(w.Approver.Name) }},
		{"page.fact.start", false, func(w gateway.Window) string { return v.moment(w.NotBefore) }},
		{"page.month.minutes", true, func(w gateway.Window) string { return strconv.FormatFloat(w.Length.Minutes(), 'f', -1, 64) }},
		{"page.fact.opened", false, func(w gateway.Window) string { return v.moment(w.OpenAt) }},
		{"page.fact.closed", false, func(w gateway.Window) string { return v.moment(w.ClosedAt) }},
		{"page.fact.how", false, func(w gateway.Window) string {
			if w.How == "" {
				return ""
			}
			return v.say("page.how." + string(w.How))
		}},
		{"page.month.extensions", true, func(w gateway.Window) string { return strconv.Itoa(len(w.Extensions)) }},
		{"page.month.bytes", true, func(w gateway.Window) string { return strconv.FormatUint(w.Passed.Bytes, 10) }},
		{"page.month.packets", true, func(w gateway.Window) string { return strconv.FormatUint(w.Passed.Packets, 10) }},
		{"page.month.dead", true, func(w gateway.Window) string { return strconv.FormatUint(w.Dead.Packets, 10) }},
		{"page.fact.break_glass", false, func(w gateway.Window) string { return v.yes(w.BreakGlass) }},
		{"page.fact.alone", false, func(w gateway.Window) string { return v.yes(w.Alone) }},
		{"page.after.report", false, func(w gateway.Window) string { return prose(w.Report.Text) }},
		{"page.month.reviewer", false, func(w gateway.Window) string { return plain(w.Review.By.Name) }},
		{"page.after.review", false, func(w gateway.Window) string { return prose(w.Review.Text) }},
		{"page.after.excuse", false, func(w gateway.Window) string { return prose(w.Excuse.Text) }},
		{"page.month.missing", false, v.owed},
	}
	var t paper.Table
	for _, c := range cols {
		t.Head, t.Right = append(t.Head, v.say(c.code)), append(t.Right, c.number)
	}
	for _, w := range m.Windows {
		var row []string
		for _, c := range cols {
			row = append(row, c.of(w))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (v *visit) yes(b bool) string {
	if !b {
		return ""
	}
	return v.say("page.bool.true")
}

func (v *visit) monthCSV() error {
	at, m, err := v.readMonth()
	if err != nil {
		return err
	}
	return v.hand(kindCSV, fmt.Sprintf("monban-%s.csv", at.Format(monthForm)), func(w io.Writer) error { return paper.CSV(w, v.monthList(m)) })
}

func (v *visit) monthXLSX() error {
	at, m, err := v.readMonth()
	if err != nil {
		return err
	}
	return v.hand(kindXLSX, fmt.Sprintf("monban-%s.xlsx", at.Format(monthForm)), func(w io.Writer) error {
		return paper.XLSX(w, v.monthList(m), v.say("page.month.sheet", "month", at.Format(monthForm)))
	})
}
