package webui

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"monban/gateway/pki"
	"monban/gateway/text"
)

// guard is what stands around every answer: a broken handler costs one answer
// and no more, the browser is told to allow nothing that is not ours, names
// that are not ours are refused, and no other site may send a form.
func (s *site) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Log.Warn("form from another site refused", "path", r.URL.Path, "origin", r.Header.Get("Origin"), "from", r.RemoteAddr)
		s.plain(w, r, http.StatusForbidden, "page.cross_origin")
	}))
	return s.recovered(s.headers(s.named(cross.Handler(next))))
}

// headers sets what every answer has; after OWASP ASVS 5.0 chapter 3.4.
// Strict-Transport-Security is missing on purpose: until every PC trusts the
// box's own CA, it would lock the director out when the certificate is new.
func (s *site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonce := rand.Text()
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce+"'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(templ.WithNonce(r.Context(), nonce)))
	})
}

// named refuses requests for a host that is not this page: a name of
// somebody else that was made to point here.
func (s *site) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ours(r) {
			s.plain(w, r, http.StatusMisdirectedRequest, "page.wrong_host")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is the host a request is for, without port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// ours reports whether a request is for this page.
func (s *site) ours(r *http.Request) bool {
	host := hostOf(r)
	same := func(name string) bool { return strings.EqualFold(strings.Trim(name, "[]"), host) }
	return host != "" && (host == pki.Name || same(reachedAt(r)) || slices.ContainsFunc(s.Names(), same))
}

// reachedAt is the address of ours that the connection came to. Asking for it
// by number is no way to point a name at us, and before there is a
// configuration it is the only way in.
func reachedAt(r *http.Request) string {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return ""
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}

// recovered turns a panic into a page. The stack goes to the log alone.
func (s *site) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.Log.Error("page panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.plain(w, r, http.StatusInternalServerError, "page.internal")
		}()
		next.ServeHTTP(w, r)
	})
}

// plain answers with one sentence in both languages, where no page can be
// drawn.
func (s *site) plain(w http.ResponseWriter, _ *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s\n%s\n", text.JA.Say(code, nil), text.EN.Say(code, nil))
}
