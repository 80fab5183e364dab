package webui_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// What would open is said exactly, for each kind, with what it cannot promise.
func TestPictureOfEachKind(t *testing.T) {
	f := maintainedFake()
	c := in(t, f)
	for path, says := range map[string][]string{
		"/windows/3": {"203.0.113.16/28", "届くのは、レセコン の 3389/tcp だけです", "開いているのは 1時間 です"},
		"/windows/5": {"この時間だけ答える名前:teamviewer.com", "ほか 2 件", "レセコン から外のどのアドレスにもつながります", "終わりの時刻にすべて切れます", "だれからの接続かを門番では見分けられません"},
		"/windows/6": {"名前でのみ遮断", "名前を使わない通信は、切れないことがあります"},
		"/windows/7": {"203.0.113.20:4500/udp", "つながるのは、レセコン から", "外から機器へ直接つなぐことはできません"},
		"/windows/8": {"トンネル", "通路の相手の登録は、開いているあいだしかありません"},
		"/windows/9": {"それより前には開きません", "遅くとも", "承認して、予定に入れる"},
	} {
		_, body := c.get(path)
		want(t, path, body, append(says, "まだ何も開いていません", "返事がなければ"))
	}
	_, body := c.get("/windows/5")
	want(t, "a device under answered-only egress", body, nil, "名前でのみ遮断")
	f.synced = false
	_, body = c.get("/windows/9")
	want(t, "without a clock", body, []string{"予定の時刻になっても開きません"})
}

// The ways the kernel would hold come before what the ledger knows.
func TestWaysOfAWindow(t *testing.T) {
	f := newFake()
	w := f.window(2, window.Requested)
	w.Ways = []gateway.Way{
		{Source: w.Sources[0], Proto: window.TCP, Dial: "198.51.100.1:3389", Inside: netip.MustParseAddrPort("192.168.10.99:3389")},
		{Source: w.Sources[1], Proto: window.TCP, Dial: "[2001:db8:10::99]:3389", Inside: netip.MustParseAddrPort("[2001:db8:10::99]:3389")},
	}
	f.list = append(f.list, w)
	_, body := in(t, f).get("/windows/2")
	want(t, "ways", body, []string{"198.51.100.1:3389/tcp, [2001:db8:10::99]:3389/tcp", "192.168.10.99"}, "192.168.10.21")
}

func TestApproveShorter(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	yes := []string{"callback", "yes", "totp", rightTOTP}
	if status, body := c.post("/windows/3/approve", append(yes, "do", "shorten")...); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#length_other"`) {
		t.Errorf("shorter, but not how much: %d", status)
	}
	if status, to := c.post("/windows/3/approve", append(yes, "do", "shorten", "length_other", "20分")...); to != "/windows/3" {
		t.Fatalf("%d %s", status, shownText(to))
	}
	if w := f.list[2]; w.State != window.Open || w.Length != 20*time.Minute {
		t.Errorf("%s for %s", w.State, w.Length)
	}
}

func TestPlannedWindow(t *testing.T) {
	f := maintainedFake()
	c := in(t, f)
	if _, to := c.post("/windows/9/approve", "callback", "yes", "totp", rightTOTP); to != "/windows/9" {
		t.Fatal(shownText(to))
	}
	_, body := c.get("/windows/9")
	want(t, "approved for later", body, []string{"承認しました。", "に開きます。まだ何も開いていません", "開くのは、この箱の時計が合っているときだけです", "取り下げる"}, "開けました")
	if status, body := c.post("/windows/9/refuse", "why", ""); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#why"`) {
		t.Errorf("withdrawn without a reason: %d", status)
	}
	c.post("/windows/9/refuse", "why", "業者の都合")
	_, body = c.get("/windows/9")
	want(t, "withdrawn", body, []string{"取り下げました", "業者の都合"}, "取り下げる理由")
	f.role = people.Staff
	_, body = c.get("/windows/10")
	want(t, "staff", body, []string{"予定の時刻に開くもの"}, "取り下げる理由")
	_, body = c.get("/windows")
	want(t, "list", body, []string{"予定の保守", "予定は全部で 1 件"})
}

// A planned window that could not open in time does not go on saying that it
// will: its page and the list say why not.
func TestPlannedWindowThatWaits(t *testing.T) {
	f := maintainedFake()
	w := f.planned(10, window.Scheduled)
	w.Waits = text.NewFault("window.collides", "port", "3389/tcp", "window", int64(4)).On("port")
	for i := range f.list {
		if f.list[i].ID == w.ID {
			f.list[i] = w
		}
	}
	c := in(t, f)
	why := "理由: 「3389/tcp」は、保守 4 番と重なります。"
	_, body := c.get("/windows/10")
	want(t, "page", body, []string{"まだ開けていません", why, "を過ぎると、開かずに終わります"}, "に開きます。開くのは")
	_, body = c.get("/windows")
	want(t, "list", body, []string{"まだ開けていません。" + why})
	w.Waits = text.NewFault("window.no_way", "device", hostile)
	f.list[9] = w
	_, body = c.get("/windows/10")
	wellFormed(t, "hostile name", body)
}

func TestExtend(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	_, body := c.get("/windows/4/extend")
	want(t, "form", body, []string{"延ばせるのは", "開けてから 8 時間", "03-0000-0100", "2時間"})
	for name, form := range map[string][]string{
		"length":       {"callback", "yes", "totp", rightTOTP},
		"length_other": {"callback", "yes", "totp", rightTOTP, "length_other", "8h"},
		"callback":     {"length", "30m0s", "totp", rightTOTP},
		"totp":         {"length", "30m0s", "callback", "yes", "totp", hostile},
	} {
		status, body := c.post("/windows/4/extend", form...)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+name+`"`) {
			t.Errorf("%s: %d %s", name, status, shownText(body))
		}
		wellFormed(t, name, body)
	}
	before := f.list[3].EndAt
	if status, to := c.post("/windows/4/extend", "length", "30m0s", "callback", "yes", "totp", rightTOTP); to != "/windows/4" {
		t.Fatalf("%d %s", status, shownText(to))
	}
	if got := f.list[3].EndAt.Sub(before); got != 30*time.Minute {
		t.Errorf("extended by %s", got)
	}
	_, body = c.get("/windows/4")
	want(t, "extended", body, []string{"延ばしました。", "30分 延ばして", "承認 山田 花子(院長)"})

	f.list[3].EndBoot = f.list[3].OpenBoot + window.MaxLength - 20*time.Minute
	_, body = c.get("/windows/4/extend")
	want(t, "little room", body, []string{"15分"}, "30分 ", "2時間")
	f.list[3].EndBoot = f.list[3].OpenBoot + window.MaxLength
	_, body = c.get("/windows/4/extend")
	want(t, "no room", body, []string{"もう延ばせません"}, "確認コード")
	f.list[3].Recorder = f.director
	f.list[3].EndBoot = f.list[3].OpenBoot + time.Hour
	_, body = c.get("/windows/4/extend")
	want(t, "own request", body, []string{"この申し込みは、あなたが受け付けました"})

	if _, err := f.CloseWindow(t.Context(), f.director, 4); err != nil {
		t.Fatal(err)
	}
	if _, to := c.get("/windows/4/extend"); to != "/windows/4" {
		t.Error("a closed window has the form")
	}
	if _, to := c.post("/windows/4/extend", "length", "30m0s"); to != "/windows/4" {
		t.Errorf("a window that ended meanwhile: %s", shownText(to))
	}
	_, body = c.get("/windows/4")
	want(t, "closed", body, []string{"もう開いていないので、延ばせません"})
}

// unrecorded is a window of the kernel while there is no database.
func unrecorded() gateway.Window {
	w := gateway.Window{VendorLabel: "203.0.113.16/28", DeviceName: "192.168.10.21", Unrecorded: true, Left: time.Hour}
	w.State, w.Mark, w.EndAt = window.Open, 9, time.Now().Add(time.Hour)
	return w
}

func TestCloseAll(t *testing.T) {
	f := maintainedFake()
	f.list = append(f.list, f.ofKind(15, window.Open, window.Tool), unrecorded())
	c := in(t, f)
	_, body := c.get("/windows/close-all")
	want(t, "before", body, []string{"閉じるもの(3 件)", "4 番", "15 番", "記録にない入口 203.0.113.16/28", "いますぐ全部閉じる"})
	if strings.Contains(body, `"/windows/0`) {
		t.Error("a window on no record has a page")
	}
	_, to := c.post("/windows/close-all")
	if to != "/windows/close-all?closed=4,15" {
		t.Fatal(to)
	}
	_, body = c.get(to)
	want(t, "after", body, []string{"3 件を閉じました", "閉じたもの", "4 番", "15 番", "切った通信 2 本", "いま開いている保守はありません"}, "業者が接続中")
	_, body = c.get("/windows/close-all?closed=" + hostilePath)
	want(t, "hostile", body, nil, "閉じたもの")
	_, body = c.get("/windows/close-all?closed=999")
	want(t, "unknown", body, []string{"記録を読めません"})
	_, body = c.get("/windows/close-all?closed=" + strings.Repeat("1,", 500))
	if n := strings.Count(body, "切った通信"); n > 20 {
		t.Errorf("looks up %d windows", n)
	}
}

const hostilePath = "%3Cscript%3E,-1,0,99999999999999999999,%22"

// The red button is there whatever is broken, and a failure is said with what
// to do next.
func TestCloseAllWhenBroken(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	f.broken = errors.New("no database")
	status, body := c.get("/windows/close-all")
	want(t, "without a state", body, []string{"いますぐ全部閉じる", "この箱の状態を読めませんでした"})
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, to := c.post("/windows/close-all"); to != "/windows/close-all" || f.list[3].State != window.Closed {
		t.Errorf("%s, and it is %s", to, f.list[3].State)
	}
	f.broken, f.stuck = nil, errors.New("netlink: secret")
	f.list = append(f.list, f.window(5, window.Open))
	status, body = c.post("/windows/close-all")
	want(t, "stuck", body, []string{"1 件は閉じましたが", "インターネット側の線を抜いて", "5 番"}, "secret")
	if status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
}

// With the people's records out of reach, whoever was here can still close
// what is open, and do nothing else.
func TestCloseWithoutPeople(t *testing.T) {
	f := busyFake()
	f.list = append(f.list, f.window(5, window.Open))
	c := in(t, f)
	f.lost = errors.New("disk I/O error")
	acts := f.acts
	for _, p := range []string{"/", "/windows", "/audit"} {
		status, body := c.get(p)
		if status != http.StatusInternalServerError || !strings.Contains(body, `action="/windows/close-all"`) || !strings.Contains(body, "業者が接続中") {
			t.Errorf("%s: %d, and no way to close", p, status)
		}
	}
	for _, p := range []string{"/windows/3/approve", "/windows/3/refuse", "/windows/4/extend", "/windows/4/report", "/devices/3/name"} {
		if status, _ := c.post(p, "callback", "yes", "totp", rightTOTP, "why", "x", "name", "x", "report", "x"); status != http.StatusInternalServerError || f.acts != acts {
			t.Errorf("%s: %d", p, status)
		}
	}
	_, to := c.post("/windows/4/close")
	if _, body := c.get(to); f.list[3].State != window.Closed || !strings.Contains(body, "つながっていた通信 2 本を切りました") {
		t.Errorf("one is not closed: %s", to)
	}
	if _, to = c.post("/windows/close-all"); f.list[4].State != window.Closed || to != "/windows/close-all?closed=5" {
		t.Errorf("all are not closed: %s", to)
	}
	f.gone = true
	if _, to := c.get("/windows/close-all"); !strings.HasPrefix(to, "/signin") {
		t.Errorf("somebody taken away gets %s", shownText(to))
	}
}

// While something is open every page says so, to everybody, and leads whoever
// may close it to the red button.
func TestLampOnEveryPage(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	pages := []string{"/", "/windows", "/windows/new", "/windows/1", "/windows/4", "/devices", "/checklist", "/audit", "/alive", "/nothing"}
	for _, role := range []people.Role{people.Director, people.Staff, people.Vendor, people.Inspector} {
		f.role = role
		closes := people.Actor{Role: role}.May(people.ActCloseWindow)
		for _, p := range pages {
			_, body := c.get(p)
			title, _, _ := strings.Cut(body, "</title>")
			if strings.Count(body, `<p class="lamp">`) != 1 || !strings.Contains(title, "【業者が接続中】") {
				if p != "/windows/new" || role != people.Inspector { // he may not see it: a fault page, which has a frame too
					t.Errorf("%s does not tell a %s", p, role)
				}
			}
			if got := strings.Contains(body, `href="/windows/close-all"`); got != closes {
				t.Errorf("%s leads a %s to the red button: %t", p, role, got)
			}
			if got := strings.Contains(body, `action="/windows/4/close"`); got != closes {
				t.Errorf("%s lets a %s close: %t", p, role, got)
			}
		}
	}
	f.list = f.list[:3]
	for _, p := range pages {
		if _, body := c.get(p); strings.Contains(body, "業者が接続中") || strings.Contains(body, "close-all") {
			t.Errorf("%s says that something is open", p)
		}
	}
}

// A window's page hides the strip only if there is nothing else to close.
func TestStripBesideAnotherWindow(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	for path, strip := range map[string]bool{"/windows/4": false, "/windows/3": true, "/windows/4/extend": false} {
		if _, body := c.get(path); strings.Contains(body, `class="strip"`) != strip {
			t.Errorf("%s: strip %t", path, !strip)
		}
	}
	f.list = append(f.list, f.window(5, window.Open))
	if _, body := c.get("/windows/4"); !strings.Contains(body, "保守が 2 件開いています") {
		t.Error("the other window is not said")
	}
}

func TestWarnings(t *testing.T) {
	f := busyFake()
	c := in(t, f)
	for left, says := range map[time.Duration]string{
		time.Hour: "", 10*time.Minute + 5*time.Second: "", 9*time.Minute + 55*time.Second: "あと 10 分以内に切れます",
		5*time.Minute + 5*time.Second: "あと 10 分以内に切れます", 4*time.Minute + 55*time.Second: "あと 5 分以内に切れます", 10 * time.Second: "あと 5 分以内に切れます",
	} {
		f.list[3].EndAt = time.Now().Add(left)
		for _, p := range []string{"/", "/windows", "/windows/4", "/devices"} {
			_, body := c.get(p)
			if got := strings.Contains(body, "分以内に切れます"); got != (says != "") || !strings.Contains(body, says) {
				t.Errorf("%s with %s left: %t", p, left, got)
			}
			_, strip, _ := strings.Cut(body, `id="strip"`)
			strip, _, _ = strings.Cut(strip, ">")
			if !strings.Contains(strip, says) || strings.Contains(strip, fmt.Sprint(int(left.Seconds()))+"秒") {
				t.Errorf("%s says aloud %s", p, strip)
			}
		}
	}
}

// What is owed is written once each, by whoever may, and shown with his name.
func TestAfterwards(t *testing.T) {
	f := maintainedFake()
	c := in(t, f)
	_, home := c.get("/")
	want(t, "home", home, []string{"ほかに"})
	f.notes, f.list = nil, append(f.list[:2:2], f.list[10:]...)
	_, home = c.get("/")
	want(t, "home", home, []string{"11 番", "作業報告と照合がまだです", "14 番", "照合と緊急に開けた理由がまだです"})

	long := strings.Repeat("画面を直した。", 70)
	for _, one := range []struct{ field, button, done string }{
		{"report", "作業報告を記録する", "作業報告を記録しました"}, {"review", "照合の結果を記録する", "照合の結果を記録しました"}, {"excuse", "理由を記録する", "理由を記録しました"},
	} {
		id := "/windows/11"
		if one.field == "excuse" {
			id = "/windows/14"
		}
		_, body := c.get(id)
		want(t, one.field, body, []string{one.button})
		status, body := c.post(id+"/"+one.field, one.field, "")
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+one.field+`"`) {
			t.Errorf("%s: an empty text gives %d", one.field, status)
		}
		if status, to := c.post(id+"/"+one.field, one.field, long+hostile); to != id {
			t.Fatalf("%s: %d", one.field, status)
		}
		_, body = c.get(id)
		want(t, one.field, body, []string{one.done, long, "山田 花子(院長)"}, one.button)
		if strings.Contains(body, "<script>alert") {
			t.Errorf("%s is markup", one.field)
		}
		if status, body := c.post(id+"/"+one.field, one.field, "もう一度"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "山田 花子") {
			t.Errorf("%s twice: %d", one.field, status)
		}
	}
	if status, _ := c.post("/windows/99/report", "report", "x"); status != http.StatusNotFound {
		t.Errorf("no such window: %d", status)
	}
}

func TestWhoWritesAfterwards(t *testing.T) {
	f := maintainedFake()
	c := in(t, f)
	f.role = people.Vendor
	_, body := c.get("/windows/11")
	want(t, "vendor", body, []string{"作業報告を記録する", "照合:ほかの人が書きます"}, "照合の結果を記録する")
	f.role = people.Inspector
	_, body = c.get("/windows/11")
	want(t, "inspector", body, []string{"作業報告:ほかの人が書きます"}, "作業報告を記録する")
	f.role = people.Staff
	_, body = c.get("/windows/11")
	want(t, "staff", body, []string{"接続 1 件は、接続元・接続先・時間のすべてが申し込みと合っています", "証跡"})
}

// Sessions that do not fit the request are questions, one by one.
func TestReviewHints(t *testing.T) {
	f := maintainedFake()
	c := in(t, f)
	stranger := netip.MustParseAddrPort("198.51.100.77:4444")
	f.list[10].Sessions[0].Source = stranger
	f.list[10].Sessions[0].Target = netip.MustParseAddrPort("192.168.10.21:445")
	_, body := c.get("/windows/11")
	want(t, "strange", body, []string{"申し込みと合わない接続があります(1 件)", stranger.String(), "接続元が申し込みにないと接続先が申し込みにない"})
	f.list[10].Sessions = nil
	_, body = c.get("/windows/11")
	want(t, "none", body, []string{"この時間に接続はありませんでした"})
	f.broken = text.NewFault("store.broken")
	_, body = c.get("/windows/11")
	want(t, "lost", body, []string{"接続の記録を照合できませんでした"})
}
