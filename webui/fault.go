package webui

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"monban/gateway/text"
	"monban/webui/view"
)

// faultsIn returns every Fault joined in err, and whether there is nothing
// else in it: whatever is no Fault is not for people's eyes.
func faultsIn(err error) ([]*text.Fault, bool) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*text.Fault
		only := true
		for _, e := range joined.Unwrap() {
			f, ok := faultsIn(e)
			all, only = append(all, f...), only && ok
		}
		return all, only && len(all) > 0
	}
	var f *text.Fault
	if errors.As(err, &f) {
		return []*text.Fault{f}, true
	}
	return nil, false
}

// fail answers with what went wrong: a Fault in its words, anything else with
// a plain excuse and a line in the log.
func (v *visit) fail(err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return
	}
	all, forPeople := faultsIn(err)
	if !forPeople {
		v.Log.Error("page failed", "method", v.r.Method, "path", v.r.URL.Path, "err", err)
		all = []*text.Fault{text.NewFault("page.internal")}
	}
	status := statusOf(all)
	if status >= 500 && forPeople {
		v.Log.Error("page failed", "method", v.r.Method, "path", v.r.URL.Path, "err", err)
	}
	level := view.Caution
	if status >= 500 {
		level = view.Danger
	}
	p := v.frame("page.fault.title")
	p.Narrow, p.Here = true, framePath
	if err := v.show(status, view.FaultPage(p, view.Note{Level: level, Text: v.sentences(all)})); err != nil {
		v.Log.Error("fault page failed", "path", v.r.URL.Path, "err", err)
		v.plain(v.w, v.r, http.StatusInternalServerError, "page.internal")
	}
}

func (v *visit) sentences(all []*text.Fault) string {
	var b strings.Builder
	for i, f := range all {
		if i > 0 && v.lang == text.EN {
			b.WriteByte(' ')
		}
		b.WriteString(v.lang.Say(f.Code, v.shown(f.Args)))
	}
	return b.String()
}

// statusOf maps faults to a status, by what codes have in common: their last
// part says what kind of no it is.
func statusOf(all []*text.Fault) int {
	for _, f := range all {
		subject, kind, _ := strings.Cut(f.Code, ".")
		switch {
		case f.Code == "page.internal":
			return http.StatusInternalServerError
		case f.Code == "window.kernel":
			return http.StatusServiceUnavailable
		case subject == "store" && kind != "name_taken":
			return http.StatusServiceUnavailable
		case kind == "not_found" || strings.HasSuffix(kind, "unknown"):
			return http.StatusNotFound
		case f.Code == "people.may_not":
			return http.StatusForbidden
		case kind == "wait" || kind == "slow_down" || kind == "too_many":
			return http.StatusTooManyRequests
		}
	}
	return http.StatusUnprocessableEntity
}

// alias maps the domain's names of fields to those of the forms.
var alias = map[string]string{
	"for": "length_other", "length": "length_other", "port": "ports", "called_back": "callback", "answer": "why",
	"target": "targets", "not_before": "start",
}

// again sends a form back with what is wrong in it. Errors that are not about
// the form go up. The fields are those of the form, by their ids.
func (v *visit) again(err error, p view.Page, draw func(view.Page) templ.Component, fields ...string) error {
	all, forPeople := faultsIn(err)
	status := statusOf(all)
	if !forPeople || status != http.StatusUnprocessableEntity && status != http.StatusTooManyRequests && !named(all, fields) {
		return err
	}
	for _, f := range all {
		id := formField(f.Field, fields)
		p.Errors = append(p.Errors, view.FieldError{ID: id, Text: v.lang.Say(f.Code, v.shown(f.Args))})
	}
	// In the order of the form, so that the list leads down it.
	slices.SortStableFunc(p.Errors, func(a, b view.FieldError) int { return slices.Index(fields, a.ID) - slices.Index(fields, b.ID) })
	if status != http.StatusTooManyRequests {
		status = http.StatusUnprocessableEntity
	}
	return v.show(status, draw(p))
}

// named reports whether every fault is about a field of the form.
func named(all []*text.Fault, fields []string) bool {
	return !slices.ContainsFunc(all, func(f *text.Fault) bool { return formField(f.Field, fields) == "" })
}

// formField is the form's field a fault is about, or "".
func formField(name string, fields []string) string {
	if to, ok := alias[name]; ok && !slices.Contains(fields, name) {
		name = to
	}
	if name == "code" && !slices.Contains(fields, name) {
		name = "totp"
	}
	if name == "" || !slices.Contains(fields, name) {
		return ""
	}
	return name
}
