package webui_test

import (
	"context"
	"net/http"
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

// Who reaches the page by the new network confirms it; who may not is told who
// may.
func TestNetworkPage(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for _, role := range []people.Role{people.Director, people.Staff} {
			f := movedFake()
			f.role = role
			c := in(t, f)
			if _, body := c.get("/?lang=" + lang); !strings.Contains(body, `href="/network"`) {
				t.Error("the first page does not lead there")
			}
			_, body := c.get("/network")
			wellFormed(t, "network", body)
			if !strings.Contains(shownText(body), "170") || strings.ContainsAny(shownText(body), "{}") {
				t.Errorf("%s: %s", lang, shownText(body))
			}
			may := role == people.Director
			if strings.Contains(body, `action="/network"`) != may {
				t.Errorf("%s: the button is wrong", role)
			}
			status, _ := c.post("/network")
			if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusForbidden}[may]; status != want {
				t.Errorf("%s: %d", role, status)
			}
			if _, body := c.get("/network"); strings.Contains(shownText(body), "170") == may {
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
// and presses its button.
func TestNetworkPageInTheBrowser(t *testing.T) {
	ctx, f, url, see := around(t)
	f.mu.Lock()
	f.notes = movedFake().notes
	f.mu.Unlock()
	run(t, ctx, chromedp.Navigate(url+"/network"))
	see("n-trial")
	run(t, ctx, submit(`form[action="/network"] button`), chromedp.WaitNotPresent(`form[action="/network"]`, chromedp.ByQuery))
	see("n-kept")
}
