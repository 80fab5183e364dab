package webui

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"monban/gateway/people"
	"monban/webui/view"
)

// assignable are the roles somebody can be invited to.
var assignable = []people.Role{people.Staff, people.Director, people.Vendor, people.Inspector}

func (v *visit) people() error {
	m, err := v.peopleModel()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.PeoplePage(v.frame("page.nav.people"), m))
}

func (v *visit) peopleModel() (view.People, error) {
	all, err := v.staffing.People(v.r.Context(), v.who)
	if err != nil {
		return view.People{}, err
	}
	m := view.People{Join: "https://" + v.r.Host + "/join", Fresh: v.fresh()}
	for _, a := range all {
		m.People = append(m.People, view.Person{ID: strconv.FormatInt(a.ID, 10), Name: plain(a.Name), Role: v.role(a.Role),
			Deputy: a.Deputy && a.Role == people.Staff, CanDeputy: a.ID != 0 && a.Role == people.Staff})
	}
	chosen := people.Role(v.r.PostForm.Get("role"))
	for i, r := range assignable {
		m.Roles = append(m.Roles, view.Choice{Value: string(r), Label: v.role(r), Hint: v.say("page.role_may." + string(r)),
			Chosen: chosen == r || chosen == "" && i == 0})
	}
	return m, nil
}

// invite makes an invitation and shows its code, this once, in the answer to
// the form: it is kept nowhere in the clear.
func (v *visit) invite() error {
	m, err := v.peopleModel()
	if err != nil {
		return err
	}
	f := v.r.PostForm
	draw := func(p view.Page) templ.Component { return view.PeoplePage(p, m) }
	who, err := v.Gateway.StepUp(v.r.Context(), v.source(), v.who, oneLine(f.Get("totp")))
	if err != nil {
		return v.again(onField(err, "totp"), v.frame("page.nav.people"), draw, "totp", "role")
	}
	v.steppedUp(who)
	if m.Code, err = v.staffing.Invite(v.r.Context(), who, people.Role(f.Get("role"))); err != nil {
		return v.again(err, v.frame("page.nav.people"), draw, "totp", "role")
	}
	return v.show(http.StatusOK, view.PeoplePage(v.frame("page.nav.people"), m))
}

// deputy lets a member of the staff approve in the director's place, or ends
// that.
func (v *visit) deputy() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	name := v.r.PostForm.Get("deputy") == "yes"
	field := "totp-" + strconv.FormatInt(id, 10)
	who, err := v.secondIn(field)
	if err == nil {
		if err = allOn(v.staffing.SetDeputy(v.r.Context(), who, id, name), field, "totp", "code", "person"); err == nil {
			if name {
				v.tell(view.Good, "page.deputy.done")
			} else {
				v.tell(view.Good, "page.deputy.ended")
			}
			return v.to("/people")
		}
	}
	m, e := v.peopleModel()
	if e != nil {
		return e
	}
	return v.again(err, v.frame("page.nav.people"), func(p view.Page) templ.Component { return view.PeoplePage(p, m) }, field)
}
