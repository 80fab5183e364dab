package webui

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// invited reports whether this is the way in of a further person.
func (v *visit) invited() bool { return strings.HasPrefix(v.r.URL.Path, "/join") }

// closed reports whether the way in the request is on is shut: the first
// account exists, or does not exist yet.
func (v *visit) closed() bool { return v.Gateway.SetUpNeeded(v.r.Context()) == v.invited() }

func (v *visit) alive() error {
	return v.show(http.StatusOK, view.AlivePage(v.frame("page.alive.title"), v.Fingerprint))
}

// certificate hands out the CA's certificate. It is public by nature: every
// handshake shows it.
func (v *visit) certificate() error {
	if len(v.CA) == 0 {
		return text.NewFault("page.not_found")
	}
	v.w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	v.w.Header().Set("Content-Disposition", `attachment; filename="monban-ca.cer"`)
	if _, err := v.w.Write(v.CA); err != nil {
		v.Log.Debug("certificate not sent", "err", err)
	}
	return nil
}

func (v *visit) setUpFrame() view.Page {
	if v.invited() {
		return v.frame("page.setup.join")
	}
	return v.frame("page.setup.title")
}

func (v *visit) setUp() error {
	if v.closed() {
		return v.to("/signin")
	}
	return v.show(http.StatusOK, view.SetUpPage(v.setUpFrame(), view.SetUp{Invited: v.invited()}))
}

func (v *visit) beginSetUp() error {
	if v.closed() {
		return v.to("/signin")
	}
	f := v.r.PostForm
	var pending string
	err := error(nil)
	if f.Get("password") != f.Get("again") {
		err = text.NewFault("page.setup.differ").On("again")
	} else {
		pending, err = v.Gateway.BeginSetUp(v.r.Context(), v.source(), f.Get("code"), f.Get("name"), f.Get("password"))
	}
	if err != nil {
		return v.again(err, v.setUpFrame(), func(p view.Page) templ.Component {
			return view.SetUpPage(p, view.SetUp{Invited: v.invited(), Name: plain(f.Get("name"))})
		}, "code", "name", "password", "again")
	}
	v.sessions.Put(v.r.Context(), keyPending, pending)
	return v.to(v.r.URL.Path + "/factor")
}

// factorModel returns what the authenticator must be told, or false if nothing
// is under way by the id the session has under key.
func (v *visit) factorModel(key string) (view.Factor, bool) {
	ctx := v.r.Context()
	pending := v.sessions.GetString(ctx, key)
	if pending == "" {
		return view.Factor{}, false
	}
	secret, url, err := v.Gateway.PendingSetUp(ctx, pending)
	if err != nil {
		return view.Factor{}, false
	}
	size, path, err := qrPath(url)
	if err != nil {
		v.Log.Error("QR code not made", "err", err)
	}
	return view.Factor{Invited: v.invited(), Own: key == keyFactor, QRSize: size, QRPath: path, Secret: groups(secret, 4), URL: url}, true
}

func (v *visit) factor() error {
	m, ok := v.factorModel(keyPending)
	if !ok {
		return v.to(strings.TrimSuffix(v.r.URL.Path, "/factor"))
	}
	return v.show(http.StatusOK, view.FactorPage(v.frame("page.factor.title"), m))
}

func (v *visit) finishSetUp() error {
	m, ok := v.factorModel(keyPending)
	if !ok {
		return v.to(strings.TrimSuffix(v.r.URL.Path, "/factor"))
	}
	pending := v.sessions.GetString(v.r.Context(), keyPending)
	who, codes, err := v.Gateway.FinishSetUp(v.r.Context(), v.source(), pending, oneLine(v.r.PostForm.Get("totp")))
	if err != nil {
		return v.again(err, v.frame("page.factor.title"), func(p view.Page) templ.Component {
			return view.FactorPage(p, m)
		}, "totp")
	}
	if err := v.admit(who); err != nil {
		return err
	}
	v.sheets.put(who.ID, sheet{codes: codes, at: v.Now()})
	return v.to("/recovery")
}

func (v *visit) recovery() error {
	sh, ok := v.sheets.get(v.who.ID, v.Now())
	if !ok {
		return v.to("/")
	}
	p := v.frame("page.recovery.title")
	p.Narrow, p.Nav = true, nil
	return v.show(http.StatusOK, view.RecoveryPage(p, view.Recovery{Who: v.named(v.who), At: v.when(sh.at), Codes: sh.codes, Anew: sh.anew}))
}

// putAway is the person's word that the codes are on paper; then they are
// nowhere else.
func (v *visit) putAway() error {
	sh, _ := v.sheets.get(v.who.ID, v.Now())
	v.sheets.drop(v.who.ID)
	if sh.anew {
		return v.to(accountPath)
	}
	return v.to("/")
}

func (v *visit) signInForm() error {
	if v.who.ID != 0 {
		return v.to("/")
	}
	if v.Gateway.SetUpNeeded(v.r.Context()) {
		return v.to("/setup")
	}
	p := v.frame("page.signin.title")
	if v.r.URL.Query().Get("over") != "" {
		p.Flash = &view.Note{Level: view.Info, Text: v.say("page.session_over")}
	}
	return v.show(http.StatusOK, view.SignInPage(p, view.SignIn{Recovery: v.r.URL.Query().Get("recovery") != ""}))
}

func (v *visit) signIn() error {
	f := v.r.PostForm
	who, err := v.Gateway.SignIn(v.r.Context(), v.source(), f.Get("name"), f.Get("password"), oneLine(f.Get("code")))
	if err != nil {
		return v.again(err, v.frame("page.signin.title"), func(p view.Page) templ.Component {
			return view.SignInPage(p, view.SignIn{Name: plain(f.Get("name")), Recovery: v.r.URL.Query().Get("recovery") != ""})
		}, "name", "password", "code")
	}
	if err := v.admit(who); err != nil {
		return err
	}
	if people.IsRecovery(f.Get("code")) {
		v.tellFew()
	}
	return v.to("/")
}

func (v *visit) signOut() error {
	if err := v.sessions.Destroy(v.r.Context()); err != nil {
		return err
	}
	return v.to("/signin")
}

// oneLine takes the spaces out of a code as authenticators show it.
func oneLine(code string) string { return strings.Join(strings.Fields(code), "") }
