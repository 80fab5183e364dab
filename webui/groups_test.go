package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"monban/gateway"
)

func TestGroupsPage(t *testing.T) {
	for lang, want := range map[string][]string{
		"ja": {"受付と診察室", "いつも使う一覧", "malware、ads", "月、火、水、木、金 09:00〜12:30", "いま使用中", "毎日 20:00〜翌日 06:00", "いまは時間外", "次に変わるのは", "そのほかの機器", "資格確認端末", "まだ院内で見つかっていません", "使う(YouTube はゆるい設定)"},
		"en": {"Lists at all times", "Mon, Tue, Wed, Thu, Fri 09:00–12:30", "in force now", "The next change is at", "All other devices", "Devices left alone"},
	} {
		f := groupedFake()
		c := in(t, f)
		c.get("/?lang=" + lang)
		f.pauses = []gateway.NamePause{{Group: "desks", GroupLabel: "受付と診察室", Left: 30 * time.Minute}, {Device: "8a:11:22:33:44:55", DeviceName: "院長のスマートフォン", Left: time.Minute}}
		for _, synced := range []bool{true, false} {
			f.groups.Synced = synced
			status, body := c.get("/names/groups")
			said := shownText(body)
			for _, w := range want {
				if status != http.StatusOK || !strings.Contains(said, w) {
					t.Errorf("%s: %d, without %q", lang, status, w)
				}
			}
			if code := regexp.MustCompile(`\b(page|dns|gateway)\.[a-z_]+[a-z_.0-9-]*`).FindString(said); code != "" {
				t.Errorf("%s shows the code %s", lang, code)
			}
			if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(said); place != "" {
				t.Errorf("%s has an unfilled place %s", lang, place)
			}
			wellFormed(t, "/names/groups", body)
		}
	}
}

// A pause of a group or a device counts down on every page, and ends there.
func TestPauseOfAGroup(t *testing.T) {
	f := groupedFake()
	c := in(t, f)
	if status, _ := c.post("/names/groups/pause", "group", "desks", "length", "5m0s"); status != http.StatusSeeOther || len(f.pauses) != 1 || f.paused != 0 {
		t.Fatalf("%d, %+v", status, f.pauses)
	}
	if status, _ := c.post("/names/groups/pause", "device", "02:00:5e:10:00:01", "length", "30m0s"); status != http.StatusSeeOther || len(f.pauses) != 2 {
		t.Fatalf("%d, %+v", status, f.pauses)
	}
	for _, page := range []string{"/", "/devices", "/names/groups", "/alive"} {
		_, body := c.get(page)
		if said := shownText(body); !strings.Contains(said, "受付と診察室、レセコン") || !strings.Contains(body, `data-left="300"`) || !strings.Contains(body, `class="strip pause"`) {
			t.Errorf("%s does not say so", page)
		}
	}
	// What ends a pause stands open, and not below words that begin one.
	if _, body := c.get("/names/groups"); regexp.MustCompile(`(?s)<(details|h3)[^>]*>[^<]*(<summary>)?(この機器だけ|このグループで)休止する.{0,400}/names/groups/resume`).MatchString(body) || strings.Count(body, `action="/names/groups/resume"`) != 2 {
		t.Error("the way to end a pause is hidden")
	}
	c.post("/names/groups/resume", "device", "02:00:5e:10:00:01")
	if len(f.pauses) != 1 || f.pauses[0].Group != "desks" {
		t.Errorf("%+v", f.pauses)
	}
	c.post("/names/resume")
	if len(f.pauses) != 0 {
		t.Errorf("%+v", f.pauses)
	}
	c.post("/names/groups/pause", "length", "30m0s")
	if _, body := c.get("/names/groups"); f.paused != 30*time.Minute || !strings.Contains(shownText(body), "危ないサイトもつながります") {
		t.Errorf("%v", f.paused)
	}
	if _, body := c.get("/names/groups"); strings.Count(body, `action="/names/groups/resume"`) != 1 || strings.Contains(body, `action="/names/groups/pause"`) {
		t.Error("a pause for all can be ended for one, or begun again")
	}
	c.post("/names/groups/resume")
	acts := f.acts
	for _, bad := range [][]string{{"length", "1h"}, {"length", "x"}, {}, {"group", "nobody", "length", "5m0s"}} {
		if status, _ := c.post("/names/groups/pause", bad...); status < 400 || f.acts != acts {
			t.Errorf("%v: %d", bad, status)
		}
	}
}

// Names of groups and devices are text, whoever chose them.
func TestHostileGroupsStayText(t *testing.T) {
	f := groupedFake()
	bad := hostile + bidi
	g := &f.groups.Groups[0]
	g.Label, g.Lists, g.Hours[0].Lists, g.Devices[0].DeviceName, g.Safe, f.groups.Exempt[0].DeviceName = bad, []string{bad}, []string{bad}, bad, bad, bad
	f.pauses = []gateway.NamePause{{Group: "desks", GroupLabel: bad, Left: time.Minute}, {Device: bad, DeviceName: bad, Left: time.Minute}}
	c := in(t, f)
	for _, page := range []string{"/names/groups", "/"} {
		_, body := c.get(page)
		for _, no := range []string{"<script>", "<img", "\u202e", "\u2066", "\u200b"} {
			if strings.Contains(strings.ToLower(body), no) {
				t.Errorf("%s holds %q", page, no)
			}
		}
		wellFormed(t, page, body)
	}
}
