package webui_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
)

func (f *fake) ConfirmNetwork(context.Context, people.Actor) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acts++
	for i, n := range f.notes {
		if n.Link == "/network" {
			f.notes = append(f.notes[:i:i], f.notes[i+1:]...)
			return f.broken
		}
	}
	return text.NewFault("network.no_trial")
}

// movedFake is a box whose network was changed and waits for somebody.
func movedFake() *fake {
	f := newFake()
	f.notes = append(f.notes, gateway.Note{Code: "network.on_trial", Level: "caution", Link: "/network", Args: map[string]any{"seconds": 170}})
	return f
}

// Who reaches the page by the new network confirms it, and is told so; who may
// not is told who may. The time that is left runs on the page, and it says that
// it shows nothing about the way outside.
func TestNetworkPage(t *testing.T) {
	waits := regexp.MustCompile(`(?s)id="live" data-live="1".*data-left="170"`)
	for lang, said := range map[string]struct{ outside, kept string }{
		"ja": {"外のページ", "ネットワークの変更を確定しました。"},
		"en": {"open a page outside", "The change of the network was confirmed."},
	} {
		for _, role := range []people.Role{people.Director, people.Staff} {
			f := movedFake()
			f.role = role
			c := in(t, f)
			if _, body := c.get("/?lang=" + lang); !strings.Contains(body, `href="/network"`) {
				t.Error("the first page does not lead there")
			}
			_, body := c.get("/network")
			wellFormed(t, "network", body)
			if !waits.MatchString(body) || !strings.Contains(body, `http-equiv="refresh"`) || !strings.Contains(shownText(body), said.outside) || strings.ContainsAny(shownText(body), "{}") {
				t.Errorf("%s: %s", lang, body)
			}
			may := role == people.Director
			if strings.Contains(body, `action="/network"`) != may {
				t.Errorf("%s: the button is wrong", role)
			}
			status, _ := c.post("/network")
			if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusForbidden}[may]; status != want {
				t.Errorf("%s: %d", role, status)
			}
			if _, body := c.get("/network"); waits.MatchString(body) == may || strings.Contains(shownText(body), said.kept) != may {
				t.Errorf("%s: afterwards %s", role, shownText(body))
			}
		}
	}
	f := newFake()
	c := in(t, f)
	if _, body := c.get("/network"); strings.Contains(body, `action="/network"`) {
		t.Error("a button for nothing")
	}
	if status, _ := c.post("/network"); status == http.StatusSeeOther {
		t.Error("nothing was confirmed")
	}
}

// TestNetworkPageInTheBrowser draws the page, as TestEveryPageInTheBrowser does,
// sees its clock kept right and presses its button. A change that goes back meanwhile
// takes the button away by itself.
func TestNetworkPageInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	set := func(notes []gateway.Note) {
		f.mu.Lock()
		f.notes = notes
		f.mu.Unlock()
	}
	gone := chromedp.WaitNotPresent(`form[action="/network"]`, chromedp.ByQuery)
	quiet := f.notes
	later := movedFake().notes
	later[len(later)-1].Args = map[string]any{"seconds": 100}
	set(movedFake().notes)
	run(t, ctx, chromedp.Navigate(url+"/network"))
	see("n-trial")
	set(later)
	run(t, ctx, chromedp.Poll(`document.querySelector("#live .clock").textContent.startsWith("1分")`, nil),
		submit(`form[action="/network"] button`), gone)
	see("n-kept")
	set(movedFake().notes)
	run(t, ctx, chromedp.Navigate(url+"/network"), visible(`form[action="/network"]`))
	set(quiet)
	run(t, ctx, gone)
}
