package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
)

func TestListsPageInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		c := in(t, listedFake())
		c.get("/?lang=" + lang)
		bodies := map[string]string{}
		_, bodies["page"] = c.get("/lists")
		_, bodies["no name"] = c.post("/lists/denies", "name", "")
		_, bodies["no code"] = c.post("/lists/held/malware", "sum", "00ff", "answer", "accept", "totp-malware", "000000")
		for what, body := range bodies {
			if code := regexp.MustCompile(`\b(page|dns|gateway|list)\.[a-z_]+[a-z_.0-9-]*`).FindString(shownText(body)); code != "" && !strings.Contains(code, "example") && code != "list.txt" {
				t.Errorf("%s in %s shows the code %s", what, lang, code)
			}
			if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(shownText(body)); place != "" {
				t.Errorf("%s in %s has an unfilled place %s", what, lang, place)
			}
			wellFormed(t, what, body)
		}
	}
}

// The page says of each list what became of it.
func TestListsPage(t *testing.T) {
	c := in(t, listedFake())
	_, body := c.get("/lists")
	shown := shownText(body)
	for _, want := range []string{"今すぐ確認", "1,234,567 件", "4,321 行(1、22、333", "行目など)", "2 行(7、99 行目)", "作者の署名", "www.mhlw.go.jp", "厚生労働省", "123,456",
		"つながりませんでした", "使えていません", "まだ受け取っていません", "新しい版は判断待ちです", "組み込み:門番以外のDNSサービス", "数えるだけで、止めていません", "games.example", "設定ファイル", "診療中のため", "いま受け取っています"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !regexp.MustCompile(`href="/names/why"\s+aria-current="page"`).MatchString(body) {
		t.Error("the navigation does not say where the page belongs")
	}
	if _, body := c.get("/names"); !strings.Contains(body, `href="/lists"`) {
		t.Error("no way from the other pages about names")
	}
}

// What could not be read is not said to be none.
func TestDeniesUnread(t *testing.T) {
	f := listedFake()
	f.listSide.unread = text.NewFault("store.unusable")
	c := in(t, f)
	_, body := c.get("/lists")
	if shown := shownText(body); !strings.Contains(shown, "読めないため") || !strings.Contains(shown, "保管場所がいま使えません") || !strings.Contains(shown, "games.example") {
		t.Error("it does not say that they could not be read")
	}
	f.denies = nil
	if _, body := c.get("/lists"); strings.Contains(shownText(body), "ありません。") {
		t.Error("it says that there is none")
	}
}

// A list of the program's own has the same name wherever it is met.
func TestTitlesOfLists(t *testing.T) {
	f := listedFake()
	f.records[0].Reason, f.records[0].List = dnsfilter.Bypass, "bypass-tor"
	c := in(t, f)
	if _, body := c.get("/names"); !strings.Contains(body, "組み込み:Tor") || strings.Contains(body, "bypass-tor") {
		t.Error("the record shows its key")
	}
}

// What the gateway cannot say yet of the next time is not said at all; only a
// list that is fixed, and there, is never asked for again.
func TestNextTimeOfLists(t *testing.T) {
	f := listedFake()
	for i := range f.lists {
		f.lists[i].Next = time.Time{}
	}
	c := in(t, f)
	if _, body := c.get("/lists"); strings.Contains(body, "確認しません") || strings.Contains(body, "次の確認") {
		t.Error("it claims to know when")
	}
	for i := range f.lists {
		f.lists[i].Changed = f.now()
	}
	if _, body := c.get("/lists"); strings.Count(body, "確認しません") != 1 {
		t.Error("it does not say that a fixed list is not asked for")
	}
}

// Everybody may look; who may not act sees no buttons.
func TestListsPageForOthers(t *testing.T) {
	for _, role := range []people.Role{people.Staff, people.Vendor, people.Inspector} {
		f := listedFake()
		c := in(t, f)
		f.role = role
		status, body := c.get("/lists")
		if status != http.StatusOK || strings.Contains(body, `action="/lists`) {
			t.Errorf("%s: %d", role, status)
		}
	}
}

func TestListActs(t *testing.T) {
	f := listedFake()
	c := in(t, f)
	for i, x := range []struct{ what, says string }{{gateway.ListsChecking, "確認しています"}, {gateway.ListsNoClock, "時刻がまだ合っていない"}, {gateway.ListsChecked, "確認したばかり"}} {
		f.check = x.what
		if status, _ := c.post("/lists/check"); status != http.StatusSeeOther || f.checked != i+1 {
			t.Error("check:", status)
		}
		if _, body := c.get("/lists"); !strings.Contains(shownText(body), x.says) {
			t.Errorf("after %s it does not say %q", x.what, x.says)
		}
	}
	if status, _ := c.post("/lists/held/malware", "sum", "00ff", "totp-malware", rightTOTP); status != http.StatusNotFound || f.answer != "" {
		t.Error("no answer:", status, f.answer)
	}
	if status, _ := c.post("/lists/held/malware", "sum", "old", "answer", "accept", "totp-malware", rightTOTP); status != http.StatusNotFound || f.answer != "" {
		t.Error("another one:", status, f.answer)
	}
	if status, _ := c.post("/lists/held/malware", "sum", "00ff", "answer", "accept", "totp-malware", rightTOTP); status != http.StatusSeeOther || f.answer != "accepted malware" {
		t.Error("accept:", status, f.answer)
	}
	f = listedFake()
	c = in(t, f)
	if status, _ := c.post("/lists/held/malware", "sum", "00ff", "answer", "refuse", "totp-malware", rightTOTP); status != http.StatusSeeOther || f.answer != "refused malware" {
		t.Error("refuse:", status, f.answer)
	}
	if status, body := c.post("/lists/denies", "name", "mhlw.go.jp", "reason", "x"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "mhlw.go.jp") {
		t.Error("a name that must work:", status)
	}
	if status, _ := c.post("/lists/denies", "name", "bad.example", "reason", "仕事中"); status != http.StatusSeeOther || f.denies[2].Reason != "仕事中" {
		t.Errorf("deny: %d %+v", status, f.denies)
	}
	if status, _ := c.post("/lists/denies/9/end"); status != http.StatusSeeOther || len(f.denies) != 2 {
		t.Error("end:", status)
	}
	if status, _ := c.post("/lists/denies/9/end"); status != http.StatusNotFound {
		t.Error("ended twice:", status)
	}
}

// A code that has not been given for long is asked for.
func TestHeldListNeedsTheCode(t *testing.T) {
	f := listedFake()
	c := in(t, f)
	late := time.Now().Add(time.Hour)
	f.now = func() time.Time { return late }
	status, body := c.post("/lists/held/malware", "sum", "00ff", "answer", "accept", "totp-malware", "")
	if status != http.StatusUnprocessableEntity || f.answer != "" || !strings.Contains(body, `id="totp-malware"`) {
		t.Error(status, f.answer)
	}
}

// Lists are written by strangers.
func TestHostileListsStayText(t *testing.T) {
	f := listedFake()
	bad := hostile + bidi
	for i := range f.lists {
		l := &f.lists[i]
		l.URL, l.File, l.Format = bad, bad, bad
		if l.Error != nil {
			l.Error.Args["host"] = bad
		}
		if l.Held != nil {
			l.Held.Refused[0].Name, l.Held.Refused[0].Why, l.Held.Sum = bad, bad, bad
		}
	}
	f.denies[0].Name, f.denies[1].Name, f.denies[1].Reason = bad, bad, bad
	c := in(t, f)
	_, body := c.get("/lists")
	if strings.Contains(body, "<script>alert") || strings.Contains(body, bidi) {
		t.Error("what strangers wrote is on the page as it is")
	}
	wellFormed(t, "hostile", body)
}
