package webui

import (
	"net/http"
	"net/url"
	"strings"

	"monban/gateway"
	"monban/gateway/pki"
	"monban/gateway/text"
	"monban/webui/static"
	"monban/webui/view"
)

// wishPath is where the form of a block page goes, on the refused site's name.
const wishPath = "/monban/wish"

// blocked stands before the page without TLS and answers for hosts that are not
// ours. There is no session and no script; all the page says is about the name
// in the request and the list that has it, so that a site that makes its own
// name point here learns nothing of the clinic, and can at most wish for
// itself to be let through.
func (s *site) blocked(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	page := s.recovered(s.headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		// Without TLS a browser says by Origin alone who sends a form, and under
		// no-referrer it says "null".
		w.Header().Set("Referrer-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, static.Prefix) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			s.assets.ServeHTTP(w, r)
			return
		}
		v := &visit{site: s, w: w, r: r, lang: s.Lang}
		if text.Lang(r.URL.Query().Get("lang")) == text.EN {
			v.lang = text.EN
		}
		why, ok := s.Gateway.BlockedName(r.Context(), v.source(), hostOf(r))
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if err := cross.Check(r); err != nil {
			s.plain(w, r, http.StatusForbidden, "page.cross_origin")
			return
		}
		if err := v.stopped(why); err != nil && r.Context().Err() == nil { // otherwise the reader is gone
			s.Log.Error("block page not drawn", "err", err)
			s.plain(w, r, http.StatusInternalServerError, "page.internal")
		}
	})))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.ours(r) {
			next.ServeHTTP(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// stopped answers in the place of a refused site. It is no answer of the site's,
// whatever was asked of it, so programs are told 403.
func (v *visit) stopped(why gateway.NameWhy) error {
	if v.r.Method != http.MethodPost || v.r.URL.Path != wishPath {
		return v.blockPage(http.StatusForbidden, why, nil)
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxBody)
	if err := v.r.ParseForm(); err != nil {
		return v.blockPage(http.StatusBadRequest, why, text.NewFault("page.bad_form"))
	}
	if _, err := v.Gateway.WishBlocked(v.r.Context(), v.source(), why.Name, v.r.PostForm.Get("reason")); err != nil {
		return v.blockPage(http.StatusUnprocessableEntity, why, err)
	}
	to := "/"
	if v.lang != v.Lang {
		to += "?lang=" + string(v.lang)
	}
	return v.to(to)
}

func (v *visit) blockPage(status int, why gateway.NameWhy, fault error) error {
	other := text.EN
	if v.lang == text.EN {
		other = text.JA
	}
	p := view.Page{Title: v.say("page.block.title"), Lang: string(v.lang), Say: v.say, Icon: v.assets.Path("icon.svg"),
		Styles:    []string{v.assets.Path("tokens.css"), v.assets.Path("monban.css"), v.assets.Path("more.css"), v.assets.Path("names.css")},
		OtherLang: string(other), OtherLangURL: "/?lang=" + string(other)}
	m := view.Block{Name: plainTo(why.Name, 253), Reason: v.nameReason(why.Reason, why.List, why.Line, why.Tool), Action: wishPath}
	if v.lang != v.Lang {
		m.Action += "?lang=" + string(v.lang)
	}
	for _, x := range []struct{ code, value string }{{"page.why.list", v.listTitle(why.List)}, {"page.why.line", lineOf(why.Line)}, {"page.why.alias", why.Via}, {"page.why.tool", why.Tool}} {
		if x.value != "" {
			m.Facts = append(m.Facts, view.Fact{Name: v.say(x.code), Value: plain(x.value)})
		}
	}
	if !why.Since.IsZero() {
		m.Facts = append(m.Facts, view.Fact{Name: v.say("page.why.since"), Value: v.when(why.Since)})
	}
	switch {
	case !why.ForPeople():
		m.Nothing = v.say("page.block.nothing")
	case !why.Wished.IsZero():
		m.Waits = v.say("page.block.waits", "at", v.hour(why.Wished))
	default:
		m.Wish = true
	}
	if fault != nil {
		m.Because = prose(v.r.PostForm.Get("reason"))
		all, forPeople := faultsIn(fault)
		if !forPeople {
			v.Log.Error("wish not kept", "err", fault)
			all = []*text.Fault{text.NewFault("page.internal")}
		}
		for _, f := range all {
			p.Errors = append(p.Errors, view.FieldError{ID: "reason", Text: v.lang.Say(f.Code, v.shown(f.Args))})
		}
	}
	m.URL = (&url.URL{Scheme: "https", Host: pki.Name, Path: whyPath, RawQuery: url.Values{"name": {why.Name}}.Encode()}).String()
	var err error
	if m.QRSize, m.QRPath, err = qrPath(m.URL); err != nil {
		m.QRPath = "" // the address stands there in letters
	}
	return v.show(status, view.BlockPage(p, m))
}
