package webui

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

// codesPath is the page that makes codes.
const codesPath = "/break-glass/codes"

// fewCodes is when somebody should make new ones.
const fewCodes = 2

func (v *visit) glassForm() error {
	m, err := v.glassModel(v.kindAsked())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.GlassPage(v.frame("page.glass.title"), m))
}

// kindAsked is the way the form is for: of the form that was sent, else of the
// address, else inbound.
func (v *visit) kindAsked() window.Kind {
	k := window.Kind(firstOf(v.r.PostForm.Get("kind"), v.r.URL.Query().Get("kind")))
	if !slices.Contains(kinds, k) {
		return window.Inbound
	}
	return k
}

// kindLinks lead to the form for each way that can be taken here and now.
func (v *visit) kindLinks(path string, here window.Kind) []view.NavLink {
	var out []view.NavLink
	for _, k := range v.kindsModel().Kinds {
		_, kind, ok := strings.Cut(k.URL, "?")
		if ok {
			out = append(out, view.NavLink{URL: path + "?" + kind, Label: k.Title, Here: kind == "kind="+string(here)})
		}
	}
	return out
}

func (v *visit) glassModel(kind window.Kind) (view.Glass, error) {
	ask, err := v.askModel(kind)
	if err != nil {
		return view.Glass{}, err
	}
	codes, err := v.Gateway.SealedCodes(v.r.Context(), v.who)
	if err != nil {
		return view.Glass{}, err
	}
	m := view.Glass{Kinds: v.kindLinks("/break-glass", kind), Ask: ask}
	longest := window.SealedLength.String()
	m.Ask.Lengths = slices.DeleteFunc(slices.Clone(ask.Lengths), func(c view.Choice) bool {
		d, err := time.ParseDuration(c.Value)
		return err != nil || d > window.SealedLength
	})
	if !slices.ContainsFunc(m.Ask.Lengths, func(c view.Choice) bool { return c.Chosen }) {
		for i := range m.Ask.Lengths {
			m.Ask.Lengths[i].Chosen = m.Ask.Lengths[i].Value == longest
		}
	}
	if codes.Left == 0 {
		m.Left = &view.Note{Level: view.Caution, Text: v.say("page.glass.no_codes")}
	}
	if v.maySee(codesPath) {
		m.Codes = codesPath
	}
	return m, nil
}

// breakGlass opens at once. The code is looked at last, after everything else
// is right: a wrong port must not cost one.
func (v *visit) breakGlass() error {
	kind := v.kindAsked()
	v.r.PostForm.Del("length_other") // no field of this form
	ask, errs := v.typedAsk(kind)
	code := strings.TrimSpace(v.r.PostForm.Get("code"))
	if code == "" {
		errs = append(errs, text.NewFault("page.glass.no_code").On("code"))
	}
	err := errors.Join(errs...)
	if err == nil {
		var w gateway.Window
		if w, err = v.Gateway.BreakSealed(v.r.Context(), v.who, v.source(), code, ask); err == nil {
			v.tell(view.Danger, "page.glass.done")
			return v.to(windowPath(w.ID))
		}
	}
	m, e := v.glassModel(kind)
	if e != nil {
		return e
	}
	return v.again(allOn(err, "length", "length_other", "for"), v.frame("page.glass.title"),
		func(p view.Page) templ.Component { return view.GlassPage(p, m) },
		"vendor", "requester", "device", wayField[kind], "length", "reason", "code")
}

func (v *visit) codes() error {
	m, err := v.codesModel()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.CodesPage(v.frame("page.codes.title"), m))
}

func (v *visit) codesModel() (view.Codes, error) {
	c, err := v.Gateway.SealedCodes(v.r.Context(), v.who)
	if err != nil {
		return view.Codes{}, err
	}
	m := view.Codes{State: v.say("page.codes.none")}
	if c.Left > 0 {
		m.State = v.say("page.codes.left", "n", c.Left, "at", v.when(c.MadeAt))
	}
	if c.Left > 0 && c.Left <= fewCodes {
		m.State += v.say("page.codes.few")
	}
	return m, nil
}

// newCodes shows the new codes, this once, in the answer to the form: they are
// kept nowhere in the clear. Sending the form again makes none, because its
// one-time code is used up.
func (v *visit) newCodes() error {
	draw := func(m view.Codes) func(view.Page) templ.Component {
		return func(p view.Page) templ.Component { return view.CodesPage(p, m) }
	}
	who, err := v.stepUpNow()
	var codes []string
	if err == nil {
		codes, err = v.Gateway.NewSealedCodes(v.r.Context(), who)
	}
	if err != nil {
		m, e := v.codesModel()
		if e != nil {
			return e
		}
		return v.again(err, v.frame("page.codes.title"), draw(m), "totp")
	}
	m := view.Codes{Made: v.say("page.codes.made", "name", v.named(v.who), "at", v.when(v.Now()))}
	for i, c := range codes {
		m.New = append(m.New, view.Slip{No: v.say("page.codes.no", "n", i+1, "all", len(codes)), Code: plain(c)})
	}
	p := v.frame("page.codes.title")
	return v.show(http.StatusOK, draw(m)(p))
}

// stepUpNow wants the second factor with this very form, however fresh the
// last one is.
func (v *visit) stepUpNow() (people.Actor, error) {
	if oneLine(v.r.PostForm.Get("totp")) == "" {
		return v.who, text.NewFault("people.step_up").On("totp")
	}
	return v.second()
}
