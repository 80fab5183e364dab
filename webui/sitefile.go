package webui

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"monban/gateway"
	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// A Keeper keeps site.toml.
type Keeper interface {
	// SiteFile is the file as it lies there.
	SiteFile(ctx context.Context, actor people.Actor) (gateway.SiteFile, error)
	// CheckSite says what b would change; faults have the key as their field.
	CheckSite(ctx context.Context, actor people.Actor, b []byte) (gateway.SiteCheck, error)
	// ChangeSite puts b in force, if base is still the file's sum. It needs a
	// fresh step-up.
	ChangeSite(ctx context.Context, actor people.Actor, base string, b []byte) (gateway.SiteCheck, error)
}

const (
	sitePath  = "/settings/site"
	applyPath = "/settings/site/apply"
)

// maxSiteForm bounds the form: a text and a file, and CR before each LF.
const maxSiteForm = 3*config.MaxSize + formAround

// siteRoutes are the page about site.toml. Only the director sees it: addresses
// in it may be secrets.
func siteRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, sitePath, people.ActSiteFile, (*visit).siteForm},
		{get, "/settings/site/file", people.ActSiteFile, (*visit).siteDownload},
		{post, sitePath, people.ActSiteFile, (*visit).checkSite},
		{post, applyPath, people.ActSiteFile, (*visit).applySite},
	}
}

func (v *visit) siteForm() error { return v.sitePage(http.StatusOK, nil, nil) }

// sitePage draws the form, with sent in it instead of the file of now, and with
// what is wrong with it.
func (v *visit) sitePage(status int, sent *string, wrong []view.FieldError) error {
	f, err := v.Gateway.SiteFile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	p := v.frame("page.nav.site")
	p.Errors = wrong
	return v.show(status, view.SitePage(p, v.siteModel(f, sent)))
}

func (v *visit) siteModel(f gateway.SiteFile, sent *string) view.Site {
	m := view.Site{First: f.Sum == "" && f.Generation == 0, Saved: f.Sum != "", Text: strings.ToValidUTF8(string(f.Text), "\uFFFD"),
		File: v.say("page.site.file_hint", "max", config.MaxSize>>10)}
	if sent != nil {
		m.Text, m.First = strings.ToValidUTF8(*sent, "\uFFFD"), false
	}
	state := view.Fact{Name: v.say("page.site.state"), Level: "good", Value: v.say("page.site.state_guards"), More: v.say("page.site.means_guards")}
	switch f.Mode {
	case gateway.Guarding:
	case gateway.Kept:
		state.Level, state.Value, state.More = "danger", v.say("page.site.state_kept"), v.say("page.site.means_kept")
	case gateway.SetUp:
		state.Level, state.Value, state.More = "caution", v.say("page.site.state_setup"), v.say("page.site.means_setup")
	}
	m.Now = []view.Fact{state}
	if f.Sum != "" {
		m.Now = append(m.Now, view.Fact{Name: v.say("page.site.sum"), Value: plainTo(f.Sum, 64)[:min(16, len(f.Sum))], Code: true},
			view.Fact{Name: v.say("page.site.since"), Value: v.when(f.Since)})
	}
	if f.Generation > 0 {
		m.Now = append(m.Now, view.Fact{Name: v.say("page.site.generation"), Value: strconv.Itoa(f.Generation)})
	}
	if all, ok := faultsIn(f.Fault); ok && f.Sum != "" {
		for _, one := range all {
			m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("page.site.why", "why", v.keyed(one))})
		}
	}
	if all, ok := faultsIn(f.Shut); ok {
		m.Shut = &view.Note{Level: view.Caution, Text: v.sentences(all)}
		if all[0].Code == "site.network_on_trial" {
			m.Shut.URL, m.Shut.LinkText = networkPath, v.say("page.network.title")
		}
	}
	return m
}

// keyed is a fault of the text with its key before it.
func (v *visit) keyed(f *text.Fault) string {
	if f.Field == "" {
		return v.sentence(f)
	}
	return plain(f.Field) + ": " + v.sentence(f)
}

func (v *visit) siteDownload() error {
	f, err := v.Gateway.SiteFile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	if f.Sum == "" {
		return text.NewFault("page.not_found")
	}
	return v.hand("application/toml", "site.toml", func(w io.Writer) error {
		_, err := w.Write(f.Text)
		return err
	})
}

// sentSite is the text that was sent: the chosen file, or else what was typed;
// nil: it could not be read. It is kept in memory only.
func (v *visit) sentSite() (*string, error) {
	err := v.r.ParseMultipartForm(maxSiteForm)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, text.NewFault("site.too_large", "max", config.MaxSize>>10)
	case err != nil && !errors.Is(err, http.ErrNotMultipart):
		return nil, text.NewFault("page.bad_form").Because(err)
	}
	sent := v.r.PostForm.Get("site")
	file, chosen, err := v.r.FormFile("file")
	if err != nil {
		return &sent, nil // none was chosen
	}
	defer file.Close()
	if chosen.Filename == "" {
		return &sent, nil // nor here
	}
	b, err := io.ReadAll(file)
	switch {
	case err != nil:
		return nil, text.NewFault("page.bad_form").Because(err)
	case len(b) == 0:
		return &sent, text.NewFault("site.file_empty")
	}
	sent = string(b)
	return &sent, nil
}

// checkSite shows what the text would change. It changes nothing, so it answers
// with the page itself.
func (v *visit) checkSite() error {
	sent, err := v.sentSite()
	if err != nil {
		return v.siteAgain(err, sent)
	}
	if v.r.PostForm.Get("edit") != "" {
		return v.sitePage(http.StatusOK, sent, nil)
	}
	c, err := v.Gateway.CheckSite(v.r.Context(), v.who, []byte(*sent))
	if err != nil {
		return v.siteAgain(err, sent)
	}
	return v.siteCheckPage(http.StatusOK, c, nil)
}

// siteAgain sends the form back with everything that is wrong, and the text as
// it was sent; nil: it could not be read.
func (v *visit) siteAgain(err error, sent *string) error {
	all, forPeople := faultsIn(err)
	if !forPeople {
		return err
	}
	var wrong []view.FieldError
	for _, f := range all {
		wrong = append(wrong, view.FieldError{ID: "site", Text: v.keyed(f)})
	}
	return v.sitePage(http.StatusUnprocessableEntity, sent, wrong)
}

// siteCheckPage draws the changes and the question.
func (v *visit) siteCheckPage(status int, c gateway.SiteCheck, wrong []view.FieldError) error {
	m := view.SiteCheck{Text: string(c.Text), Base: plain(c.Base), Count: v.say("page.site.diff_none"), Means: []string{v.say("page.site.at_once")}, Fresh: v.fresh()}
	all := unified(string(c.Old), string(c.Text))
	show, alike := apartLines(all)
	if alike {
		m.Warn = append(m.Warn, view.Note{Level: view.Caution, Text: v.say("page.site.diff_alike")})
	}
	diff, added, gone := written(all, show)
	if m.Diff = diff; added+gone > 0 {
		m.Count = v.say("page.site.diff_n", "added", number(added), "gone", number(gone))
	}
	if c.First {
		m.Means = nil
		if c.Ports {
			m.Warn = append(m.Warn, view.Note{Level: view.Caution, Text: v.say("page.site.first_means")})
		}
	} else {
		m.Means = append(m.Means, v.say("page.site.windows"))
	}
	if c.Trial > 0 {
		m.Warn = append(m.Warn, view.Note{Level: view.Caution, Text: v.say("page.site.trial", "seconds", int(c.Trial.Seconds())),
			URL: networkPath, LinkText: v.say("page.site.trial_link")})
	}
	if len(c.LAN) > 0 && c.Ports {
		var addrs []string
		for _, a := range c.LAN {
			addrs = append(addrs, a.Addr().String())
		}
		m.Means = append(m.Means, v.say("page.site.lan", "lan", strings.Join(addrs, ", ")))
	}
	p := v.frame("page.site.check_title")
	p.Errors = wrong
	return v.show(status, view.SiteCheckPage(p, m))
}

// applySite takes the same text again: nothing of what was shown is believed.
func (v *visit) applySite() error {
	sent, err := v.sentSite()
	if err != nil {
		return v.siteAgain(err, sent)
	}
	who, err := v.second()
	var c gateway.SiteCheck
	if err == nil {
		c, err = v.Gateway.ChangeSite(v.r.Context(), who, v.r.PostForm.Get("base"), []byte(*sent))
	}
	if err != nil {
		return v.notApplied(err, *sent)
	}
	if c.Trial > 0 {
		v.tell(view.Info, "page.site.changed_net")
		return v.to(networkPath)
	}
	v.tell(view.Good, "page.site.changed")
	return v.to(sitePath)
}

// notApplied shows a wrong one-time code where it was typed, below the changes;
// anything else goes back to the form.
func (v *visit) notApplied(err error, sent string) error {
	all, forPeople := faultsIn(err)
	if !forPeople || len(all) != 1 || formField(all[0].Field, []string{"totp"}) == "" {
		return v.siteAgain(err, &sent)
	}
	c, e := v.Gateway.CheckSite(v.r.Context(), v.who, []byte(sent))
	if e != nil {
		return v.siteAgain(e, &sent)
	}
	if c.Base != v.r.PostForm.Get("base") { // he has seen other changes
		return v.siteAgain(text.NewFault("site.overtaken"), &sent)
	}
	return v.siteCheckPage(http.StatusUnprocessableEntity, c, []view.FieldError{{ID: "totp", Text: v.sentence(all[0])}})
}
