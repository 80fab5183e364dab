package webui_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// firmStates are the page's states that differ most.
func firmStates() map[string]*fake {
	all := map[string]*fake{}
	for name, change := range map[string]func(*fake, *gateway.Firmware){
		"offer":    func(*fake, *gateway.Firmware) {},
		"none":     func(_ *fake, v *gateway.Firmware) { v.Offer = nil },
		"unasked":  func(_ *fake, v *gateway.Firmware) { v.Offer, v.Host, v.Other = nil, "", "" },
		"no slots": func(_ *fake, v *gateway.Firmware) { *v = gateway.Firmware{Version: "0.1.0"} },
		"mute":     func(_ *fake, v *gateway.Firmware) { v.Mute, v.Offer = text.NewFault("firmware.busy"), nil },
		"approved": func(f *fake, v *gateway.Firmware) { v.Offer.Approver, v.Offer.Approved = f.director, f.now() },
		"waits for the clock": func(f *fake, v *gateway.Firmware) {
			v.Offer.Approver, v.Offer.Approved, v.Next = f.director, f.now(), time.Time{}
		},
		"installing": func(f *fake, v *gateway.Firmware) {
			v.Offer.Approver, v.Offer.Approved, v.Busy = f.director, f.now(), "installing"
		},
		"failed": func(f *fake, v *gateway.Firmware) {
			v.Offer.Approver, v.Offer.Approved = f.director, f.now()
			v.Failed, v.FailedAt = text.NewFault("firmware.fetch.connect", "host", "updates.example.com"), f.now()
		},
		"trial": func(_ *fake, v *gateway.Firmware) {
			v.Trial, v.Version, v.Slot, v.Other, v.Offer = true, "0.2.0", "b", "0.1.0", nil
		},
		"fallen": func(f *fake, v *gateway.Firmware) {
			v.Fallen = &gateway.FirmwareFall{From: "0.2.0", To: "0.1.0", At: f.now(), Why: []*text.Fault{text.NewFault("health.page", "address", "192.168.10.1")}}
			v.Offer.Fell, v.Error = true, text.NewFault("firmware.fetch.status", "status", 404)
		},
		"file": func(f *fake, v *gateway.Firmware) {
			v.Offer.File, v.Offer.By, v.Offer.Notes = true, f.director, nil
		},
	} {
		f := firmFake()
		change(f, &f.firm)
		all[name] = f
	}
	return all
}

func TestFirmwarePageInBothLanguages(t *testing.T) {
	for name, f := range firmStates() {
		for _, lang := range []string{"ja", "en"} {
			c := in(t, f)
			c.get("/?lang=" + lang)
			bodies := map[string]string{}
			_, bodies[name] = c.get("/firmware")
			_, bodies[name+" not sure"] = c.post("/firmware/hurry", "sum", "00ff")
			for what, body := range bodies {
				if code := regexp.MustCompile(`\b(page|firmware|gateway|health)\.[a-z_]+[a-z_.0-9-]*`).FindString(shownText(body)); code != "" && code != "monban_" {
					t.Errorf("%s in %s shows the code %s", what, lang, code)
				}
				if place := regexp.MustCompile(`\{[a-z_]+\}`).FindString(shownText(body)); place != "" {
					t.Errorf("%s in %s has an unfilled place %s", what, lang, place)
				}
				wellFormed(t, what, body)
			}
		}
	}
}

func TestFirmwarePageSays(t *testing.T) {
	all := firmStates()
	for name, want := range map[string][]string{
		"offer":               {"0.1.0", "確定", "A 面", "0.0.9", "院長の承認を待っています", "84 MB", "作者の署名", "起動が 3 秒短く", "02:00", "updates.example.com", "USB メモリを箱に挿しても、更新は始まりません"},
		"none":                {"新しい版は、いま知られていません", "今すぐ確認"},
		"unasked":             {"[update]", "空か、起動できません"},
		"no slots":            {"monban_….deb", "入れ替えられません"},
		"mute":                {"しくみが応えません", "終わってから"},
		"approved":            {"承認されています", "承認した人", "山田 花子", "夜を待たずに", "取り消す"},
		"waits for the clock": {"時計が合うのを待って"},
		"installing":          {"使っていないほうの面に書いています"},
		"failed":              {"できませんでした", "updates.example.com」につながりません"},
		"trial":               {"試しています", "自動で元の版に戻ります", "B 面"},
		"fallen":              {"0.2.0 は正常に動かなかったため、0.1.0 に戻りました", "確認しました", "管理画面が、院内側のアドレス 192.168.10.1", "前に一度", "404"},
		"file":                {"が送ったファイル", "捨てる", "説明はありません"},
	} {
		c := in(t, all[name])
		_, body := c.get("/firmware")
		shown := shownText(body)
		for _, w := range want {
			if !strings.Contains(shown, w) {
				t.Errorf("%s: the page does not say %q", name, w)
			}
		}
		if forms := strings.Count(body, `action="/firmware`); name == "no slots" && forms != 0 || name != "no slots" && forms == 0 {
			t.Errorf("%s: %d forms", name, forms)
		}
		if _, home := c.get("/"); !strings.Contains(home, `href="/firmware"`) {
			t.Errorf("%s: no way to it from the first page", name)
		}
	}
	_, home := in(t, all["trial"]).get("/")
	if !strings.Contains(shownText(home), "まだ確定していません") {
		t.Error("the first page does not say that the version is on trial")
	}
}

// Whatever changes while something is under way is in regions that are there
// when it is over, too: the script replaces a region by the one of its name.
func TestFirmwareRegionsStay(t *testing.T) {
	f := firmStates()["none"]
	c := in(t, f)
	regions := func() (live, all []string) {
		_, body := c.get("/firmware")
		for _, m := range regexp.MustCompile(`<div id="(live|new|check)"( data-live)?`).FindAllStringSubmatch(body, -1) {
			if all = append(all, m[1]); m[2] != "" {
				live = append(live, m[1])
			}
		}
		return live, all
	}
	const want = "live new check"
	if live, all := regions(); len(live) != 0 || strings.Join(all, " ") != want {
		t.Errorf("at rest: %v of %v", live, all)
	}
	f.firm.Busy = "checking"
	if live, _ := regions(); strings.Join(live, " ") != want {
		t.Errorf("under way: %v", live)
	}
}

// The vendor brings an update, the director alone has it installed.
func TestFirmwarePageForOthers(t *testing.T) {
	for _, name := range []string{"offer", "approved", "fallen", "file"} {
		for role, want := range map[people.Role][]string{people.Staff: nil, people.Inspector: nil, people.Vendor: {"/firmware/check", "/firmware/file"}} {
			f := firmStates()[name]
			c := in(t, f)
			f.role = role
			status, body := c.get("/firmware")
			var got []string
			for _, m := range regexp.MustCompile(`action="(/firmware[^"]*)"`).FindAllStringSubmatch(body, -1) {
				got = append(got, m[1])
			}
			if role == people.Vendor && name == "file" {
				want = []string{"/firmware/cancel", "/firmware/check", "/firmware/file"}
			}
			if status != http.StatusOK || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s as %s: %d %v, want %v", name, role, status, got, want)
			}
		}
	}
}

func TestFirmwareActs(t *testing.T) {
	f := firmFake()
	c := in(t, f)
	if status, _ := c.post("/firmware/check"); status != http.StatusSeeOther || f.firm.Busy != "checking" {
		t.Error("check:", status)
	}
	if status, _ := c.post("/firmware/approve", "sum", "old", "totp", rightTOTP); status != http.StatusUnprocessableEntity || !f.firm.Offer.Approved.IsZero() {
		t.Error("another one:", status)
	}
	if status, to := c.post("/firmware/approve", "sum", "00ff", "totp", rightTOTP); to != "/firmware" || f.firm.Offer.Approved.IsZero() {
		t.Error("approve:", status)
	}
	if _, body := c.get("/firmware"); !strings.Contains(body, "版 0.2.0 への更新を承認しました") {
		t.Error("it does not say that it is approved")
	}
	if status, body := c.post("/firmware/hurry", "sum", "00ff", "totp", rightTOTP); status != http.StatusUnprocessableEntity || f.firm.Busy == "installing" || !strings.Contains(body, `href="#sure"`) {
		t.Error("hurry without a tick:", status)
	}
	if status, to := c.post("/firmware/hurry", "sum", "00ff", "sure", "yes", "totp", rightTOTP); to != "/firmware" || f.firm.Busy != "installing" {
		t.Error("hurry:", status)
	}
	if _, to := c.post("/firmware/cancel", "sum", "00ff"); to != "/firmware" || !f.firm.Offer.Approved.IsZero() {
		t.Error("cancel:", to)
	}
	if _, body := c.get("/firmware"); !strings.Contains(body, "承認を取り消しました。") {
		t.Error("it does not say what was taken back")
	}
	if status, _ := c.post("/firmware/seen"); status != http.StatusUnprocessableEntity {
		t.Error("nothing to be seen:", status)
	}
	f.firm.Fallen = &gateway.FirmwareFall{From: "0.2.0", To: "0.1.0", At: f.now()}
	if _, to := c.post("/firmware/seen"); to != "/firmware" || f.firm.Fallen != nil {
		t.Error("seen:", to)
	}
	late := time.Now().Add(time.Hour)
	f.now = func() time.Time { return late }
	if status, body := c.post("/firmware/approve", "sum", "00ff"); status != http.StatusUnprocessableEntity || !f.firm.Offer.Approved.IsZero() || !strings.Contains(body, `href="#totp"`) {
		t.Error("without a code:", status)
	}
}

// While a vendor is at work nobody is offered to restart.
func TestNoRestartBesideAnOpenWindow(t *testing.T) {
	f := firmStates()["approved"]
	f.list = append(f.list, f.window(4, window.Open))
	_, body := in(t, f).get("/firmware")
	if strings.Contains(body, `action="/firmware/hurry"`) || !strings.Contains(shownText(body), "開いている間は、再起動できません") {
		t.Error("the page offers to restart")
	}
}

// upload sends a file as a browser without script does.
func upload(c *client, field string, file []byte) (int, string) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("other", "x")
	p, err := w.CreateFormFile(field, "monban_0.2.0_uefi_amd64.update")
	if err != nil {
		c.t.Fatal(err)
	}
	p.Write(file)
	w.Close()
	r := httptest.NewRequest(http.MethodPost, "https://monban.home.arpa/firmware/file", &b)
	r.RemoteAddr = "192.168.10.30:50000"
	r.ContentLength = -1 // a browser need not know
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for k, v := range c.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	return c.read(rec.Result())
}

func TestFirmwareUpload(t *testing.T) {
	f := firmFake()
	f.firm.Offer = nil
	c := in(t, f)
	big := bytes.Repeat([]byte("x"), 3<<20) // more than any other form
	if status, to := upload(c, "file", big); to != "/firmware" || f.sent != int64(len(big)) || f.firm.Offer == nil {
		t.Error(status, to, f.sent)
	}
	if _, body := c.get("/firmware"); !strings.Contains(body, "版 0.2.0 を受け取り、署名を確かめました。院長が承認すると、夜に入れ替えます。") {
		t.Error("it does not say that it has come")
	}
	for what, send := range map[string]func() (int, string){
		"an empty file":    func() (int, string) { return upload(c, "file", nil) },
		"another field":    func() (int, string) { return upload(c, "files", big) },
		"no file at all":   func() (int, string) { return c.post("/firmware/file", "file", "x") },
		"more than may be": func() (int, string) { return upload(c, "file", make([]byte, gateway.MaxUpdate+1)) },
	} {
		before := f.acts
		if status, _ := send(); status != http.StatusUnprocessableEntity || f.acts != before {
			t.Errorf("%s: %d", what, status)
		}
	}
	f.role = people.Staff
	if status, _ := upload(c, "file", big); status != http.StatusForbidden {
		t.Error("as staff:", status)
	}
	if status, _ := upload(newClient(t, c.h), "file", big); status != http.StatusSeeOther {
		t.Error("without an account:", status)
	}
}

// A file may take longer than any page: the server's own patience does not end
// it.
func TestFirmwareUploadTakesItsTime(t *testing.T) {
	for _, two := range []bool{false, true} {
		f := firmFake()
		c := in(t, f)
		srv := httptest.NewUnstartedServer(c.h)
		srv.Config.ReadTimeout, srv.EnableHTTP2 = 3*time.Second, two // also for the handshake, on a busy machine
		srv.StartTLS()
		t.Cleanup(srv.Close)
		from, to := io.Pipe()
		form := multipart.NewWriter(to)
		go func() {
			p, err := form.CreateFormFile("file", "a.update")
			for range 5 {
				if err == nil {
					_, err = p.Write(make([]byte, 1000))
				}
				time.Sleep(time.Second)
			}
			form.Close()
			to.CloseWithError(err)
		}()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/firmware/file", from)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for k, v := range c.cookies {
			r.AddCookie(&http.Cookie{Name: k, Value: v})
		}
		res, err := srv.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther || f.sent != 5000 || (res.ProtoMajor == 2) != two {
			t.Errorf("%s: %d, %d bytes", res.Proto, res.StatusCode, f.sent)
		}
	}
}

// What is new is said by strangers.
func TestHostileFirmwareStaysText(t *testing.T) {
	f := firmStates()["fallen"]
	bad := hostile + bidi
	o := f.firm.Offer
	f.firm.Version, f.firm.Slot, f.firm.Other, f.firm.Host = bad, bad, bad, bad
	o.Version, o.Sum, o.Notes = bad, bad, map[string]string{"ja": bad + "\n" + strings.Repeat("長い\n", 5000), "en": bad}
	o.File, o.By.Name = true, bad
	f.firm.Fallen.From, f.firm.Fallen.Why[0].Args["address"] = bad, bad
	c := in(t, f)
	_, body := c.get("/firmware")
	if strings.Contains(body, "<script>alert") || strings.Contains(body, bidi) || len(body) > 64<<10 {
		t.Errorf("what strangers wrote is on the page as it is (%d bytes)", len(body))
	}
	wellFormed(t, "hostile", body)
}
