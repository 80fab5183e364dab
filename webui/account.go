package webui

import (
	"net/http"

	"github.com/a-h/templ"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

const accountPath = "/account"

// fewRecovery is when somebody should make new recovery codes: what is lost
// once, as a phone, is soon looked for with several.
const fewRecovery = 3

// accountRoutes are what people renew of how they come in: each for himself,
// so that no path has anybody's id.
func accountRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, accountPath, people.ActAccount, (*visit).account},
		{post, accountPath + "/password", people.ActAccount, (*visit).newPassword},
		{post, accountPath + "/phone", people.ActAccount, (*visit).beginFactor},
		{get, accountPath + "/factor", people.ActAccount, (*visit).ownFactor},
		{post, accountPath + "/factor", people.ActAccount, (*visit).finishFactor},
		{post, accountPath + "/recovery", people.ActAccount, (*visit).newRecovery},
	}
}

func (v *visit) account() error {
	m, err := v.accountModel()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.AccountPage(v.frame("page.account.title"), m))
}

func (v *visit) accountModel() (view.Account, error) {
	a, err := v.Gateway.Account(v.r.Context(), v.who)
	if err != nil {
		return view.Account{}, err
	}
	_, sheet := v.sheets.get(v.who.ID, v.Now())
	return view.Account{Who: v.named(v.who), Left: v.say("page.account.left", "n", a.RecoveryLeft),
		Few: a.RecoveryLeft <= fewRecovery, Sheet: sheet, Fresh: v.fresh()}, nil
}

// accountAgain is the page with what is wrong in one of its forms.
func (v *visit) accountAgain(err error, fields ...string) error {
	m, e := v.accountModel()
	if e != nil {
		return e
	}
	return v.again(err, v.frame("page.account.title"), func(p view.Page) templ.Component { return view.AccountPage(p, m) }, fields...)
}

func (v *visit) newPassword() error {
	const field = "totp-password"
	f := v.r.PostForm
	if f.Get("password") != f.Get("again") { // before a code is used up
		return v.accountAgain(text.NewFault("page.setup.differ").On("again"), "old", "password", "again", field)
	}
	who, err := v.secondIn(field)
	if err == nil {
		who, err = v.Gateway.SetPassword(v.r.Context(), v.source(), who, f.Get("old"), f.Get("password"))
	}
	if err != nil {
		return v.accountAgain(allOn(err, field, "totp", "code"), "old", "password", "again", field)
	}
	v.tell(view.Good, "page.account.password_done")
	return v.renewed(who)
}

// renewed goes on with the session and shows the page.
func (v *visit) renewed(who people.Actor) error {
	if err := v.goOn(who); err != nil {
		return err
	}
	return v.to(accountPath)
}

// beginFactor makes what another authenticator must be told.
func (v *visit) beginFactor() error {
	const field = "totp-phone"
	who, err := v.secondIn(field)
	var pending string
	if err == nil {
		pending, err = v.Gateway.BeginFactor(v.r.Context(), who)
	}
	if err != nil {
		return v.accountAgain(allOn(err, field, "totp", "code"), field)
	}
	v.sessions.Put(v.r.Context(), keyFactor, pending)
	return v.to(accountPath + "/factor")
}

func (v *visit) ownFactor() error {
	m, ok := v.factorModel(keyFactor)
	if !ok {
		return v.to(accountPath)
	}
	return v.show(http.StatusOK, view.FactorPage(v.ownFrame("page.account.phone"), m))
}

// finishFactor takes the first code of the new authenticator.
func (v *visit) finishFactor() error {
	ctx := v.r.Context()
	m, ok := v.factorModel(keyFactor)
	if !ok {
		v.tell(view.Caution, "people.factor_expired")
		return v.to(accountPath)
	}
	who, err := v.Gateway.FinishFactor(ctx, v.source(), v.who, v.sessions.GetString(ctx, keyFactor), oneLine(v.r.PostForm.Get("totp")))
	if err != nil {
		return v.again(err, v.ownFrame("page.account.phone"), func(p view.Page) templ.Component { return view.FactorPage(p, m) }, "totp")
	}
	v.sessions.Remove(ctx, keyFactor)
	v.tell(view.Good, "page.account.phone_done")
	return v.renewed(who)
}

// ownFrame is the frame of a page of one form.
func (v *visit) ownFrame(title string) view.Page {
	p := v.frame(title)
	p.Narrow = true
	return p
}

// newRecovery makes new codes and shows them on the sheet, as at set-up.
func (v *visit) newRecovery() error {
	const field = "totp-recovery"
	who, err := v.secondIn(field)
	var codes []string
	if err == nil {
		who, codes, err = v.Gateway.NewRecoveryCodes(v.r.Context(), v.source(), who)
	}
	if err != nil {
		return v.accountAgain(allOn(err, field, "totp", "code"), field)
	}
	v.sheets.put(who.ID, sheet{codes: codes, at: v.Now(), anew: true})
	if err := v.goOn(who); err != nil {
		return err
	}
	return v.to("/recovery")
}

// tellFew lets somebody who came in by a recovery code know that few are left.
// It never keeps him out.
func (v *visit) tellFew() {
	a, err := v.Gateway.Account(v.r.Context(), v.who)
	if err != nil {
		v.Log.Error("recovery codes not counted", "err", err)
		return
	}
	if a.RecoveryLeft <= fewRecovery {
		v.leave(flash{Level: view.Caution, Code: "page.account.few_left", Args: text.Args{"n": a.RecoveryLeft},
			URL: accountPath + "#recovery-h", Link: "page.account.title"})
	}
}
