package webui_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"monban/gateway/people"
)

// The file holds what the filters show, for a spreadsheet, and nothing in it
// is a formula.
func TestNameFile(t *testing.T) {
	f := namedFake()
	c := in(t, f)
	f.records[1].Name, f.records[1].Via, f.records[1].DeviceName = "-cmd.example", "+alias.example", "=HYPERLINK(\"http://evil.example\")"
	res := c.do(http.MethodPost, "/names/csv", map[string][]string{"verdict": {"refused"}, "day": {"2026-11-22"}, "name": {""}, "device": {""}})
	status, body := c.read(res)
	if h := res.Header; status != http.StatusOK || h.Get("Content-Type") != "text/csv; charset=utf-8" || h.Get("Content-Disposition") != `attachment; filename="monban-names.csv"` || h.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", status, h)
	}
	if f.query.Verdict != "refused" || f.query.From.IsZero() || f.query.To.Sub(f.query.From).Hours() != 24 || f.acts != 1 {
		t.Errorf("%+v, %d acts", f.query, f.acts)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil || !strings.HasPrefix(body, "\ufeff時刻,機器,アドレス,名前,種類,結果,理由") || len(rows) != 64 {
		t.Fatalf("%d rows, %v: %.200s", len(rows), err, body)
	}
	r := rows[1]
	if r[1] != "'=HYPERLINK(\"http://evil.example\")" || r[3] != "'-cmd.example" || r[5] != "止めた" || r[6] != "一覧に載っている" || r[7] != "ads" || r[8] != "1234" || r[9] != "'+alias.example" {
		t.Errorf("%q", r)
	}
	f.role = people.Staff
	if status, _ := c.post("/names/csv"); status != http.StatusForbidden {
		t.Errorf("staff: %d", status)
	}
}

// The pages say what is kept, and hidden names lead nowhere.
func TestNamesHiddenOrOff(t *testing.T) {
	f := namedFake()
	c := in(t, f)
	f.masked = true
	f.records[0].Name = "#0123456789ab"
	if _, body := c.get("/names"); !strings.Contains(body, "伏せた名前 0123456789ab") || strings.Contains(body, "name=%23") || !strings.Contains(body, "だれにも元に戻せません") {
		t.Error(body)
	}
	f.off = true
	if status, body := c.get("/names"); status != http.StatusOK || !strings.Contains(body, "サイトの問い合わせの記録は残していません") || strings.Contains(body, `action="/names"`) || strings.Contains(body, "/names/csv") {
		t.Error(body)
	}
	if _, body := c.get("/devices"); !strings.Contains(body, "この機器が調べた名前") {
		t.Error("no way from a device to its names")
	}
	f.role = people.Staff
	if _, body := c.get("/devices"); strings.Contains(body, "この機器が調べた名前") {
		t.Error("staff are led to what they may not see")
	}
}
