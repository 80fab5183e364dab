package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/people"
)

// namePages are the pages about names.
var namePages = []string{"/names", "/names?verdict=refused&device=02:00:5e:10:00:01&name=x&day=2026-11-20", "/names?before=100", "/names?name=deep", "/names?name=zzz",
	"/names?device=192.168.10.99", "/names/why", "/names/why?name=ads.example.jp", "/names/why?name=fine.example&device=02:00:5e:10:00:01", "/names/why?name=tool.example",
	"/names/why?name=ads.x&device=8a:11:22:33:44:55", "/names/statistics", "/names/statistics?day=2020-01-01", "/names/statistics?device=02:00:5e:10:00:01"}

func TestNamePagesInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		f := namedFake()
		f.unlogged, f.badDisk, f.paused = 1234, "no space", 5*time.Minute
		c := in(t, f)
		c.get("/?lang=" + lang)
		bodies := map[string]string{}
		for _, p := range namePages {
			status, body := c.get(p)
			if status != http.StatusOK {
				t.Errorf("%s: %d", p, status)
			}
			bodies[p] = body
		}
		_, bodies["no name"] = c.get("/names/why?name=a+b")
		_, bodies["no length"] = c.post("/names/why/allow", "name", "ads.example.jp", "device", "02:00:5e:10:00:01", "scope", "one")
		f.allows = append(f.allows, gateway.NameAllow{ID: 4, Name: "x.example"})
		for p, body := range bodies {
			if !strings.Contains(body, `<html lang="`+lang+`">`) {
				t.Errorf("%s is not in %s", p, lang)
			}
			if code := regexp.MustCompile(`\b(page|dns|gateway)\.[a-z_]+[a-z_.0-9-]*`).FindString(strings.ReplaceAll(shownText(body), "page.home", "")); code != "" {
				t.Errorf("%s in %s shows the code %s", p, lang, code)
			}
			if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(shownText(body)); place != "" {
				t.Errorf("%s in %s has an unfilled place %s", p, lang, place)
			}
			wellFormed(t, p, body)
		}
	}
}

// Names come from whoever asks, and from whoever made a list.
func TestHostileNamesStayText(t *testing.T) {
	f := namedFake()
	bad := hostile + bidi
	for i := range f.records {
		r := &f.records[i]
		r.Name, r.DeviceName, r.Device, r.Type, r.List, r.Via, r.Tool = bad, bad, bad, bad, bad, bad, bad
		if i%2 == 0 {
			r.Verdict, r.Reason = bad, bad
		}
	}
	f.stats.Tops[0].Name, f.stats.Refused[0].Name, f.stats.Devices[0].Device, f.stats.Devices[0].DeviceName, f.stats.Reasons[0].Reason = bad, bad, bad, bad, bad
	for i := range f.allows {
		a := &f.allows[i]
		a.Name, a.DeviceName, a.Device, a.Reason, a.AskedBy.Name, a.By.Name = bad, bad, bad, bad, bad, bad
	}
	f.devices[0].Name, f.devices[0].Label = bad, bad
	c := in(t, f)
	check := func(p, body string) {
		t.Helper()
		low := strings.ToLower(body)
		for _, no := range []string{"<script>", "<img", "onerror=alert(2)>", "\u202e", "\u2066", "\u200b", `href="javascript:`, `href="//`} {
			if strings.Contains(low, no) {
				t.Errorf("%s holds %q", p, no)
			}
		}
		wellFormed(t, p, body)
	}
	for _, p := range append(namePages, "/names/why?name=ads%22%3E%3Cscript%3E%E2%80%AE&device=%22%3E%3Cscript%3E", "/names?name=%22%3E%3Cscript%3E%E2%80%AE", "/names/statistics?day=%22%3E&device=%3Cimg") {
		_, body := c.get(p)
		check(p, body)
	}
	for _, p := range []string{"/names/why/wish", "/names/why/allow", "/names/allows/3/allow", "/names/pause"} {
		_, body := c.post(p, "name", "ads "+bad, "device", bad, "scope", bad, "length", bad, "reason", bad, "totp", bad, "totp-3", bad)
		check(p, body)
	}
}

func TestNameLog(t *testing.T) {
	f := namedFake()
	c := in(t, f)
	_, body := c.get("/names")
	for _, want := range []string{"レセコン", "very-long-label-0.", "一覧「ads」の 1,234 行目", "(別名 alias.example)", "30 日", "before=151", "院長と"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	_, body = c.get("/names?before=151&verdict=refused&device=02:00:5e:10:00:01&day=2026-11-21&name=LABEL")
	if q := f.query; q.Before != 151 || q.Verdict != "refused" || q.Device != "02:00:5e:10:00:01" || q.Name != "LABEL" || q.To.Sub(q.From) != 24*time.Hour || q.From.Hour() != 0 {
		t.Errorf("%+v", q)
	}
	if !strings.Contains(body, "いちばん新しいもの") {
		t.Error("no way back")
	}
	// What no form has asks for nothing.
	c.get("/names?verdict=x&device=nobody&day=x&before=-1")
	if q := f.query; q != (gateway.NameQuery{}) {
		t.Errorf("%+v", q)
	}
}

func TestWhyAndAllow(t *testing.T) {
	f := namedFake()
	c := in(t, f)
	_, body := c.get("/names/why?name=ads.example.jp")
	for _, want := range []string{"門番が止めています", "1,234", "alias.example", `action="/names/why/allow"`, "受付のプリンタ だけ"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, body := c.get("/names/why?name=tool.example"); strings.Contains(body, `action="/names/why/allow"`) || !strings.Contains(body, "TeamViewer") {
		t.Error("a tool's name can be allowed")
	}
	form := []string{"name", "ads.example.jp", "device", "02:00:5e:10:00:02", "scope", "one", "length", "1h0m0s", "reason", "予約"}
	if status, to := c.post("/names/why/allow", form...); status != http.StatusSeeOther || to != "/names/why" {
		t.Fatalf("%d %s", status, to)
	}
	if w := f.wanted; w != (gateway.AllowAsk{Name: "ads.example.jp", Device: "02:00:5e:10:00:02", Length: time.Hour, Reason: "予約"}) {
		t.Errorf("%+v", w)
	}
	c.post("/names/why/allow", append(form, "scope", "all")...)
	if f.wanted.Device != "" {
		t.Errorf("%+v", f.wanted)
	}
	for _, bad := range [][]string{{"length", ""}, {"length", "x"}, {"length", "-1h"}, {"length", "0s"}, {"name", "a b"}} {
		before := f.acts
		if status, body := c.post("/names/why/allow", append(form, bad...)...); status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="errors"`) || f.acts != before {
			t.Errorf("%v: %d", bad, status)
		}
	}
	if status, body := c.get("/names/why?name=a+b"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#name"`) {
		t.Errorf("%d", status)
	}
	// For good it needs the second factor, and comes back without it.
	now := time.Now()
	f.now = func() time.Time { return now.Add(time.Hour) }
	if status, body := c.post("/names/why/allow", append(form, "length", "ever")...); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp"`) {
		t.Errorf("%d %s", status, shownText(body))
	}
	if status, body := c.post("/names/allows/3/allow", "length", "ever"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#totp-3"`) {
		t.Errorf("%d %s", status, shownText(body))
	}
	if status, to := c.post("/names/why/allow", append(form, "length", "ever", "totp", rightTOTP)...); to != "/names/why" || f.wanted.Length != 0 {
		t.Errorf("%d %s", status, to)
	}
	if status, to := c.post("/names/allows/3/allow", "length", "1h0m0s"); to != "/names/why" || f.wanted.Length != time.Hour {
		t.Errorf("%d %s", status, to)
	}
	if _, to := c.post("/names/allows/2/end"); to != "/names/why" {
		t.Error(to)
	}
	if status, _ := c.post("/names/allows/99/end"); status != http.StatusNotFound {
		t.Error(status)
	}
}

func TestPauseIsOnEveryPage(t *testing.T) {
	f := namedFake()
	f.list = nil
	c := in(t, f)
	if status, to := c.post("/names/pause", "length", "5m0s"); status != http.StatusSeeOther || to != "/names/why" {
		t.Fatalf("%d %s", status, to)
	}
	for _, p := range append([]string{"/", "/windows", "/devices", "/audit", "/checklist", "/people"}, namePages...) {
		_, body := c.get(p)
		if !strings.Contains(body, `class="strip pause"`) || !strings.Contains(body, `data-left="300"`) || !strings.Contains(body, `action="/names/resume"`) {
			t.Errorf("%s does not tell of the pause", p)
		}
	}
	for _, bad := range []string{"", "x", "1h0m0s"} {
		if status, _ := c.post("/names/pause", "length", bad); status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", bad, status)
		}
	}
	f.role = people.Staff
	if _, body := c.get("/devices"); !strings.Contains(body, `class="strip pause"`) || strings.Contains(body, `action="/names/resume"`) {
		t.Error("staff sees the pause, and cannot end it")
	}
	f.role = people.Director
	if _, to := c.post("/names/resume"); to != "/names/why" {
		t.Error(to)
	}
	if _, body := c.get("/"); strings.Contains(body, `class="strip pause"`) {
		t.Error("it is over")
	}
}

// Staff finds out why and asks; who looked at what is not for them.
func TestStaffAsks(t *testing.T) {
	f := namedFake()
	c := in(t, f)
	f.role = people.Staff
	for _, p := range []string{"/names", "/names/statistics"} {
		if status, _ := c.get(p); status != http.StatusForbidden {
			t.Errorf("%s: %d", p, status)
		}
	}
	_, body := c.get("/names/why?name=ads.example.jp")
	if strings.Contains(body, `action="/names/why/allow"`) || strings.Contains(body, `action="/names/pause"`) || strings.Contains(body, `/end"`) || strings.Contains(body, `href="/names"`) {
		t.Error("what staff may not do is offered")
	}
	if !strings.Contains(body, `action="/names/why/wish"`) {
		t.Error("staff cannot ask")
	}
	if status, to := c.post("/names/why/wish", "name", "ads.example.jp", "device", "02:00:5e:10:00:02", "scope", "one", "reason", "予約"); status != http.StatusSeeOther || to != "/names/why" || f.wanted.Device != "02:00:5e:10:00:02" {
		t.Errorf("%d %s %+v", status, to, f.wanted)
	}
	if status, _ := c.post("/names/why/allow", "name", "ads.example.jp", "length", "1h0m0s"); status != http.StatusForbidden {
		t.Error(status)
	}
}

// Every chart has its numbers as a table.
func TestChartsHaveTables(t *testing.T) {
	c := in(t, namedFake())
	_, body := c.get("/names/statistics")
	if n := strings.Count(body, `class="bar"`); n != 24+2+1+2 {
		t.Errorf("%d bars", n)
	}
	for _, want := range []string{"300,000", "12,345", `role="img"`, "23 時台", "<td", "23:00", "23,000", "2,300", "9,000", "一覧に載っている", "そのほかの機器"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(body, "表で見る"); n != 4 {
		t.Errorf("%d tables", n)
	}
	if _, body := c.get("/names/statistics?day=2020-01-01"); strings.Contains(body, `class="bar"`) || !strings.Contains(body, "2020年") {
		t.Error("an empty day")
	}
}
