package notice

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"monban/gateway/text"
)

var tokyo = time.FixedZone("JST", 9*3600)

func message() Message {
	return Message{ID: 7, Channel: Mail, At: time.Date(2027, 3, 2, 12, 0, 0, 5e6, tokyo), Synced: true, Level: Danger,
		Code: "window.unknown_closed", Args: map[string]any{"mark": json.Number("12345678"), "cut": 2}, Clinic: "門番クリニック"}
}

func TestSubjectAndBody(t *testing.T) {
	m := message()
	if got := Subject(text.JA, m); got != "[門番] 危険 門番クリニック: 記録にない入口(通し番号 12345678)が開いていたため、閉じました。切った接続 2 件。" {
		t.Error(got)
	}
	if got := Subject(text.EN, m); !strings.HasPrefix(got, "[Monban] Danger 門番クリニック: A way in") {
		t.Error(got)
	}
	body := Body(text.JA, m)
	for _, want := range []string{"門番クリニック の門番", "危険: 記録にない入口", "2027-03-02 12:00:00 (JST)"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if unsynced := text.JA.Say("notice.unsynced", nil); strings.Contains(body, unsynced) {
		t.Error("doubts a good clock")
	} else if m.Synced = false; !strings.Contains(Body(text.JA, m), unsynced) {
		t.Error("does not say that the clock was off")
	}
	m.Code, m.Args = "device.named", map[string]any{"mac": "x", "name": "a\r\nBcc: x@example.jp\u202e" + strings.Repeat("長", 500)}
	if got := Subject(text.JA, m); strings.ContainsAny(got, "\r\n\u202e") || utf8.RuneCountInString(got) > 110 {
		t.Errorf("%q", got)
	}
	if got := Body(text.JA, m); strings.ContainsAny(got, "\r\u202e") || strings.Contains(got, "\nBcc") {
		t.Errorf("%q", got)
	}
}

// Times and lengths read as on the page, by the clinic's clock; for machines
// they stay as they are in the log.
func TestTimesByTheClinicsClock(t *testing.T) {
	m := message()
	m.Code, m.Args = "window.requested", map[string]any{"window": json.Number("7"), "vendor": "業者", "device": "レセコン", "kind": "inbound",
		"ports": "3389/tcp", "length": "1h0m0s", "reason": "5m"}
	for lang, want := range map[text.Lang]string{text.JA: "1時間", text.EN: "1 h"} {
		if got := Sentence(lang, m); !strings.Contains(got, want) || !strings.Contains(got, "5m") || strings.Contains(got, "0m") {
			t.Error(got)
		}
	}
	m.Code = "window.scheduled"
	m.Args["not_before"] = "2027-03-02T13:00:00Z"
	ja, en := "2027年3月2日(火) 22:00:00", "Tue 2 Mar 2027 22:00:00"
	for lang, want := range map[text.Lang]string{text.JA: ja, text.EN: en} {
		if got := Sentence(lang, m); !strings.Contains(got, want) || strings.Contains(got, "13:00") {
			t.Error(got)
		}
	}
	if !strings.Contains(Body(text.JA, m), ja) || !strings.Contains(Subject(text.EN, m), en) {
		t.Errorf("%s\n%s", Subject(text.EN, m), Body(text.JA, m))
	}
	var body struct {
		Args map[string]any    `json:"args"`
		Text map[string]string `json:"text"`
	}
	if err := json.Unmarshal(JSON(m), &body); err != nil {
		t.Fatal(err)
	}
	if body.Args["not_before"] != "2027-03-02T13:00:00Z" || body.Args["length"] != "1h0m0s" || !strings.Contains(body.Text["ja"], ja) || !strings.Contains(body.Text["en"], en) {
		t.Errorf("%+v", body)
	}
	p := parse(t, SyslogLine(m, "", ""))
	if own := (*p.StructuredData)[structured]; own["not_before"] != "2027-03-02T13:00:00Z" || own["length"] != "1h0m0s" || !strings.Contains(*p.Message, ja) {
		t.Errorf("%q %q", own, *p.Message)
	}
	m.Args["not_before"], m.Args["length"] = time.Date(2027, 3, 2, 13, 0, 0, 0, time.UTC), 90*time.Minute // not gone through the queue
	if got := Sentence(text.JA, m); !strings.Contains(got, ja) {
		t.Error(got)
	}
}

func TestJSON(t *testing.T) {
	m := message()
	m.Args = map[string]any{"mark": 1, "cut": 2}
	want := `{"args":{"cut":2,"mark":1},"at":"2027-03-02T03:00:00.005Z","clinic":"門番クリニック","code":"window.unknown_closed","format":1,` +
		`"id":"1803956400005-7","level":"danger","synced":true,"text":{"en":"A way in that is on no record (serial 1) was open and was closed. 2 connections were cut.",` +
		`"ja":"記録にない入口(通し番号 1)が開いていたため、閉じました。切った接続 2 件。"}}`
	if got := string(JSON(m)); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	m.Tries, m.NextAt, m.Error = 3, time.Now(), "notice.timeout"
	if got := string(JSON(m)); got != want {
		t.Error("another body at another try, or it tells how the sending went")
	}
	m.Args = map[string]any{"x": make(chan int)}
	if !json.Valid(JSON(m)) {
		t.Error("no JSON")
	}
}

func parse(t *testing.T, b []byte) *rfc5424.SyslogMessage {
	t.Helper()
	m, err := rfc5424.NewParser().Parse(b)
	if err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return m.(*rfc5424.SyslogMessage)
}

func TestSyslogLine(t *testing.T) {
	m := message()
	m.Args["why"] = `a "quoted" \ ] value`
	m.Args["id"] = "not ours"
	p := parse(t, SyslogLine(m, "monban.home.arpa", "monban"))
	sd := (*p.StructuredData)
	own := sd[structured]
	if *p.Facility != 13 || *p.Severity != 1 || *p.Hostname != "monban.home.arpa" || *p.Appname != "monban" || *p.MsgID != m.Code ||
		!p.Timestamp.Equal(m.At) || sd["timeQuality"]["isSynced"] != "1" {
		t.Errorf("%+v", p)
	}
	if own["mark"] != "12345678" || own["why"] != `a "quoted" \ ] value` || own["clinic"] != m.Clinic || own["id"] != m.Ident() || own["code"] != m.Code {
		t.Errorf("%q", own)
	}
	if !strings.HasPrefix(*p.Message, "\uFEFF記録にない入口") {
		t.Errorf("%q", *p.Message)
	}
	m.Synced, m.Level = false, "?"
	if p := parse(t, SyslogLine(m, "", "")); *p.Severity != 6 || (*p.StructuredData)["timeQuality"]["isSynced"] != "0" || p.Hostname != nil {
		t.Errorf("%+v", p)
	}
}

func FuzzSyslogLine(f *testing.F) {
	f.Add("monban", "門番クリニック", "window.opened", "reason", `"]\`)
	f.Add("", "\xff\x00", "a b", "=", "x\r\n<13>1 forged")
	f.Fuzz(func(t *testing.T, host, clinic, code, key, value string) {
		m := message()
		m.Clinic, m.Code, m.Args = clinic, code, map[string]any{key: value, "fixed": value}
		line := SyslogLine(m, host, "monban")
		p := parse(t, line)
		if strings.ContainsAny(string(line), "\r\n\x00") || !utf8.Valid(line) || len(line) > 16<<10 {
			t.Fatalf("%q", line)
		}
		if got := (*p.StructuredData)[structured]["fixed"]; got != cut(oneLine(value), maxValue) && key != "fixed" {
			t.Fatalf("%q became %q", value, got)
		}
		if strings.ContainsAny(Subject(text.JA, m), "\r\n") {
			t.Fatal("a subject of two lines")
		}
	})
}
