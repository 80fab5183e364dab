package webui

import (
	"bytes"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/a-h/templ"

	"monban/gateway/people"
	"monban/gateway/text"
)

// A visit is one request on its way through the page.
type visit struct {
	*site
	w    http.ResponseWriter
	r    *http.Request
	lang text.Lang
	who  people.Actor // zero: nobody signed in
	// unsure is why the store could not say who this is; who is then as he was
	// when last seen, and may only close.
	unsure error
}

// show sends a page. It is drawn to memory first, so that what fails half way
// never reaches the reader as half a page.
func (v *visit) show(status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(v.r.Context(), &b); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	if v.r.Method == http.MethodHead {
		return nil
	}
	_, err := v.w.Write(b.Bytes())
	if err != nil { // the reader is gone
		v.Log.Debug("page not sent", "path", v.r.URL.Path, "err", err)
	}
	return nil
}

// to sends the reader on, by GET.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// source is the client's address, by which attempts are limited.
func (v *visit) source() netip.Addr {
	ap, err := netip.ParseAddrPort(v.r.RemoteAddr)
	if err != nil {
		return netip.IPv6Unspecified() // one source, shared by all who hide
	}
	return ap.Addr().Unmap().WithZone("")
}

// live reports whether the script of an open page asks by itself, and typing
// whether somebody has typed there since it last did.
func (v *visit) live() bool   { return v.r.Header.Get("Monban-Live") != "" }
func (v *visit) typing() bool { return v.r.Header.Get("Monban-Live") == "typing" }

// id is the number in the path.
func (v *visit) id() (int64, error) {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, text.NewFault("page.not_found")
	}
	return id, nil
}

// before is the number below which a list goes on; 0 from the newest.
func (v *visit) before() uint64 {
	n, err := strconv.ParseUint(v.r.URL.Query().Get("before"), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// say returns a sentence of the catalogue in the reader's language.
func (v *visit) say(code string, kv ...any) string {
	return v.lang.Say(code, text.NewFault(code, kv...).Args)
}

const langCookie = "__Host-lang"

// chooseLang returns what the reader chose by link, now or earlier. The choice
// is a cookie of its own: it outlives sessions and is no secret.
func (v *visit) chooseLang() text.Lang {
	if l := text.Lang(v.r.URL.Query().Get("lang")); l == text.JA || l == text.EN {
		http.SetCookie(v.w, &http.Cookie{Name: langCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 60 * 60,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		return l
	}
	if c, err := v.r.Cookie(langCookie); err == nil {
		if l := text.Lang(c.Value); l == text.JA || l == text.EN {
			return l
		}
	}
	return v.Lang
}
