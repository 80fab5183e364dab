package webui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"monban/gateway/people"
	"monban/gateway/window"
)

// A Sited gateway knows what signed requests name this box by. It is apart
// from Gateway because the page works without it: then nobody is told an id.
type Sited interface {
	// SiteID is the short name, as ABCD-EFGH; "" before there is one.
	SiteID() string
}

// moreRoutes are the pages around a window: how it is asked for, what is known
// of it afterwards, and who is told.
func (s *site) moreRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	all := []route{
		{get, "/requests", people.ActAskWindow, (*visit).requestForm},
		{post, "/requests", people.ActAskWindow, (*visit).readRequest},
		{post, "/requests/record", people.ActAskWindow, (*visit).recordRequest},
		{get, "/plans", people.ActRead, (*visit).plans},
		{post, "/plans", people.ActAskWindow, (*visit).addPlan},
		{post, "/plans/{id}/drop", people.ActAskWindow, (*visit).dropPlan},
		{get, "/vendors", people.ActRead, (*visit).vendors},
		{post, "/vendors/keys", people.ActEnrol, (*visit).enrolKey},
		{post, "/vendors/keys/{id}/revoke", people.ActEnrol, (*visit).revokeKey},
		{get, "/break-glass", people.ActBreakSealed, (*visit).glassForm},
		{post, "/break-glass", people.ActBreakSealed, (*visit).breakGlass},
		{get, codesPath, people.ActManagePeople, (*visit).codes},
		{post, codesPath, people.ActManagePeople, (*visit).newCodes},
		{get, "/windows/{id}/evidence", people.ActRead, (*visit).evidence},
		{get, "/windows/{id}/evidence.pdf", people.ActRead, (*visit).evidencePDF},
		{get, "/windows/month", people.ActRead, (*visit).month},
		{get, "/windows/month.csv", people.ActRead, (*visit).monthCSV},
		{get, "/windows/month.xlsx", people.ActRead, (*visit).monthXLSX},
		{get, "/attempts", people.ActRead, (*visit).attempts},
		{get, "/settings/notices", people.ActNotices, (*visit).noticeForm},
		{post, "/settings/notices", people.ActNotices, (*visit).setNotices},
		{post, "/settings/notices/test", people.ActNotices, (*visit).testNotice},
	}
	if s.staffing != nil {
		all = append(all, route{post, "/people/{id}/deputy", people.ActManagePeople, (*visit).deputy})
	}
	return all
}

// siteID is what vendors call this box, if it is known.
func (v *visit) siteID() string {
	if g, ok := v.Gateway.(Sited); ok {
		return plain(g.SiteID())
	}
	return ""
}

// fresh says that the second factor was just given, so that it need not be
// given again; empty: it must be.
func (v *visit) fresh() string {
	if !v.who.SteppedUpWithin(window.StepUp, v.Now()) {
		return ""
	}
	return v.say("page.approve.fresh", "at", v.hour(v.who.SteppedUp))
}

// secondIn is second for a form whose field is named otherwise, because the
// page has several such forms.
func (v *visit) secondIn(field string) (people.Actor, error) {
	v.r.PostForm.Set("totp", v.r.PostForm.Get(field))
	who, err := v.second()
	return who, allOn(err, field, "totp", "code")
}

// allOn moves the faults about the named fields to field. Without names it
// moves all faults: those of a form of one field.
func allOn(err error, field string, names ...string) error {
	all, ok := faultsIn(err)
	if !ok {
		return err
	}
	var moved []error
	for _, f := range all {
		c := *f
		if len(names) == 0 || slices.Contains(names, c.Field) {
			c.Field = field
		}
		moved = append(moved, &c)
	}
	return errors.Join(moved...)
}

// The kinds of files that are handed out.
const (
	kindPDF  = "application/pdf"
	kindCSV  = "text/csv; charset=utf-8"
	kindXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// hand sends a file to be kept. It is made in memory first, so that what fails
// half way never is half a file.
func (v *visit) hand(kind, name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("making %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if v.r.Method == http.MethodHead {
		return nil
	}
	if _, err := v.w.Write(b.Bytes()); err != nil { // the reader is gone
		v.Log.Debug("file not sent", "name", name, "err", err)
	}
	return nil
}
