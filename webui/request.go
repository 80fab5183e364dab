package webui

import (
	"net/http"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/window"
	"monban/webui/view"
)

func (v *visit) requestForm() error {
	return v.show(http.StatusOK, view.RequestPage(v.frame("page.request.title"), v.requestModel()))
}

func (v *visit) requestModel() view.Request {
	return view.Request{Text: v.r.PostForm.Get("text"), Site: v.siteID()}
}

// readRequest shows what a signed request asks for. It changes nothing, so it
// answers with the page itself.
func (v *visit) readRequest() error {
	r, err := v.Gateway.ReadRequest(v.r.Context(), v.who, v.r.PostForm.Get("text"))
	if err != nil {
		return v.requestAgain(err)
	}
	return v.show(http.StatusOK, view.PreviewPage(v.frame("page.request.check"), v.preview(r)))
}

// recordRequest takes the same text again: nothing of what was shown is
// believed, the gateway reads it anew.
func (v *visit) recordRequest() error {
	w, err := v.Gateway.RecordRequest(v.r.Context(), v.who, v.r.PostForm.Get("text"))
	if err != nil {
		return v.requestAgain(err)
	}
	v.tell(view.Good, "page.ask.done")
	return v.to(windowPath(w.ID))
}

// requestAgain sends the form back. Whatever is wrong is wrong with the text:
// the page has no other field.
func (v *visit) requestAgain(err error) error {
	return v.again(allOn(err, "text"), v.frame("page.request.title"), func(p view.Page) templ.Component {
		return view.RequestPage(p, v.requestModel())
	}, "text")
}

func (v *visit) preview(r gateway.SignedRequest) view.Preview {
	w := v.wouldBe(r)
	m := view.Preview{Text: v.r.PostForm.Get("text"), Picture: v.picture(w), Asked: v.asked(w),
		Call: v.say("page.request.call", "vendor", v.vendorOf(w), "phone", plain(r.Phone)),
		Signed: []view.Fact{
			{Name: v.say("page.request.signer"), Value: plain(r.Signer), More: v.say("page.request.signature_ok")},
			{Name: v.say("page.request.made"), Value: v.when(r.MadeAt)},
		}}
	// The names are two people's words for one: the key's and the request's.
	if people.Key(r.Signer) != people.Key(r.Ask.Requester) {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution,
			Text: v.say("page.request.other_name", "signer", plain(r.Signer), "requester", plain(r.Ask.Requester))})
	}
	return m
}

// wouldBe is the window a signed request asks for, for the words and the
// picture that every window has.
func (v *visit) wouldBe(r gateway.SignedRequest) gateway.Window {
	w := gateway.Window{VendorLabel: r.Vendor, VendorPhone: r.Phone, DeviceName: r.Device, Ways: r.Ways}
	w.State, w.Kind, w.Vendor, w.Sources = window.Requested, r.Ask.Kind, r.Ask.Vendor, r.Source
	w.Ports, w.Targets, w.Tool = r.Ask.Ports, r.Ask.Targets, r.Ask.Tool
	w.Length, w.NotBefore, w.Reason, w.Requester = r.Ask.Length, r.Ask.NotBefore, r.Ask.Reason, r.Ask.Requester
	w.Request, w.Recorder, w.RequestedAt = r.Digest, v.who, v.Now()
	if w.Length == 0 {
		w.Length = window.Default
	}
	w.ByName = r.ByName
	return w
}
