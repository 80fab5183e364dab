package gateway

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/gateway/notice"
	"monban/gateway/people"
)

// site changes site.toml and puts it in force.
func (b *box) site1(old, with string) {
	b.t.Helper()
	file, err := os.ReadFile(b.o.Config)
	if err != nil {
		b.t.Fatal(err)
	}
	changed := strings.Replace(string(file), old, with, 1)
	if changed == string(file) {
		b.t.Fatalf("no %q in site.toml", old)
	}
	if err := os.WriteFile(b.o.Config, []byte(changed), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.Reload(b.t.Context())
	if b.current().mode != Guarding {
		b.t.Fatal(b.current().fault)
	}
	b.putNames()
}

// Somebody without an account learns why a site is refused, and wishes for it
// once; the director is told, and what nobody refuses cannot be wished for.
func TestWishFromTheBlockPage(t *testing.T) {
	b := running(t)
	desk, stranger := netip.MustParseAddr("192.168.10.31"), netip.MustParseAddr("::ffff:192.168.10.99")
	w, ok := b.BlockedName(t.Context(), desk, listed)
	if !ok || w.List != "lab" || w.Line != 1 || w.Since.IsZero() || w.Device != rececom.String() {
		t.Fatalf("%+v", w)
	}
	for _, name := range []string{"www.example", "", "a b", "monban.home.arpa", strings.Repeat("a", 300)} {
		if w, ok := b.BlockedName(t.Context(), desk, name); ok {
			t.Errorf("%q: %+v", name, w)
		}
		if _, err := b.WishBlocked(t.Context(), desk, name, ""); err == nil {
			t.Errorf("%q can be wished for", name)
		}
	}
	a, err := b.WishBlocked(t.Context(), desk, listed, "予約\x00の\u202e確認")
	if err != nil || a.AskedBy.Via != "lan" || a.AskedBy.Role != people.Visitor || a.AskedBy.Name != w.DeviceName || a.Device != rececom.String() || !a.At.IsZero() {
		t.Fatalf("%+v, %v", a, err)
	}
	again, err := b.WishBlocked(t.Context(), desk, listed, "again")
	if err != nil || again.ID != a.ID || b.lines("dns.wished_page.one") != 1 {
		t.Errorf("%+v, %v, %d lines", again, err, b.lines("dns.wished_page.one"))
	}
	if same, err := b.WishName(t.Context(), staff, AllowAsk{Name: listed, Device: rececom.String()}); err != nil || same.ID != a.ID {
		t.Errorf("%+v, %v", same, err)
	}
	if other, err := b.WishBlocked(t.Context(), stranger, listed, ""); err != nil || other.Device != "" || other.AskedBy.Name != "192.168.10.99" {
		t.Errorf("%+v, %v", other, err)
	}
	if people.Actor(a.AskedBy).May(people.ActExplain) || people.Actor(a.AskedBy).May(people.ActRead) {
		t.Error("a visitor may do something")
	}
	if _, err := b.AllowName(t.Context(), b.director(), a.ID, AllowAsk{Length: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Permitted {
		t.Error(r)
	}
	if _, ok := b.BlockedName(t.Context(), desk, listed); ok {
		t.Error("still refused")
	}
}

// A device cannot fill the list of wishes.
func TestWishesAreBounded(t *testing.T) {
	b := running(t)
	var file strings.Builder
	for i := range maxPageWishes {
		fmt.Fprintf(&file, "0.0.0.0 n%d.example\n", i)
	}
	lists := b.current().config.DNS.Lists
	if err := os.WriteFile(lists[0].Path(b.listDir()), []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	b.loadLists()
	b.putNames()
	desk := netip.MustParseAddr("192.168.10.31")
	for i := range maxDeviceWishes {
		if _, err := b.WishBlocked(t.Context(), desk, fmt.Sprintf("n%d.example", i), ""); err != nil {
			t.Fatal(i, err)
		}
	}
	fails(t, second(b.WishBlocked(t.Context(), desk, "n20.example", "")), "dns.wish_full")
	if _, err := b.WishName(t.Context(), staff, AllowAsk{Name: "n21.example"}); err != nil {
		t.Error("staff cannot ask any more:", err)
	}
}

// How refused names are answered, and what is kept of questions, is as
// site.toml says, from the moment it is in force.
func TestSiteSaysHowNamesAreRefused(t *testing.T) {
	b := logged(t, t.TempDir())
	b.ruleNameLog() // as it is when the log begins to be kept
	if b.dns.policy.Refusal != nil || b.o.QueryLog.Rules() != (querylog.Rules{Keep: 7 * 24 * time.Hour}) {
		t.Errorf("%+v, %+v", b.dns.policy.Refusal, b.o.QueryLog.Rules())
	}
	b.site1("[dns]\n", "[dns]\nrefuse_with = \"page\"\nlog = {days = 0, mask = true}\n")
	if r := b.dns.policy.Refusal; r == nil || r.NoName || r.Page4 != b.current().config.LAN.Addr4() || r.Page6 != b.current().config.LAN.Addr6() {
		t.Errorf("%+v", r)
	}
	if r := b.o.QueryLog.Rules(); !r.Off || !r.Mask {
		t.Errorf("%+v", r)
	}
	who := b.director()
	if p, err := b.Names(t.Context(), who, NameQuery{}); err != nil || !p.Off {
		t.Errorf("%+v, %v", p, err)
	}
	fails(t, third(b.ExportNames(t.Context(), who, NameQuery{})), "dns.log_off")
	b.site1("refuse_with = \"page\"\nlog = {days = 0, mask = true}", "refuse_with = \"nxdomain\"\nlog = {mask = true}")
	if r := b.dns.policy.Refusal; r == nil || !r.NoName {
		t.Errorf("%+v", r)
	}
	b.asked("192.168.10.31", "www.example", querylog.Answered)
	b.asked("192.168.10.31", listed, querylog.Refused)
	b.o.QueryLog.Flush(b.sink())
	p, err := b.Names(t.Context(), who, NameQuery{})
	if err != nil || !p.Masked || len(p.Records) != 2 || !querylog.Masked(p.Records[0].Name) || p.Records[0].List != "lab" || p.Records[0].Line != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	st, err := b.NameStats(t.Context(), who, "", "")
	if err != nil || st.Sum != (NameSum{2, 1}) || len(st.Tops) != 0 || !st.Masked || len(st.Reasons) != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

// What is taken along is what was looked at, is bounded, and is on record.
func TestExportNames(t *testing.T) {
	b := logged(t, t.TempDir())
	for i := range 2500 {
		v := querylog.Answered
		if i%2 == 1 {
			v = querylog.Refused
		}
		b.asked("192.168.10.31", fmt.Sprintf("n%d.example", i), v)
	}
	b.o.QueryLog.Flush(b.sink())
	who := b.director()
	all, more, err := b.ExportNames(t.Context(), who, NameQuery{Verdict: "refused"})
	if err != nil || more || len(all) != 1250 || all[0].Name != "n2499.example" || all[1249].Name != "n1.example" {
		t.Errorf("%d, %v, %v", len(all), more, err)
	}
	fails(t, third(b.ExportNames(t.Context(), staff, NameQuery{})), "people.may_not")
	// The line names the filters, each with its words.
	for _, q := range []NameQuery{{}, {Name: "n1"}, {Name: "n1", Verdict: "refused"}} {
		if _, _, err := b.ExportNames(t.Context(), who, q); err != nil {
			t.Error(err)
		}
	}
	for _, code := range []string{"dns.exported", "dns.exported_all", "dns.exported.verdict", "dns.exported.both"} {
		if n := b.lines(code); n != 1 {
			t.Errorf("%d lines %s", n, code)
		}
	}
	if all := b.log(); all[len(all)-1].Args["filter"] != "n1" || all[len(all)-1].Args["verdict"] != "refused" {
		t.Errorf("%+v", all[len(all)-1])
	}
}

// The director is told of wishes: of each of the staff's, and of those of
// people without an account once an hour at most.
func TestWishesAreTold(t *testing.T) {
	b, m := telling(t)
	if _, err := b.WishName(t.Context(), staff, AllowAsk{Name: "third.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.WishName(t.Context(), staff, AllowAsk{Name: "other.example"}); err != nil {
		t.Fatal(err)
	}
	desk, stranger := netip.MustParseAddr("192.168.10.31"), netip.MustParseAddr("192.168.10.98")
	for _, a := range []netip.Addr{desk, stranger} {
		if _, err := b.WishBlocked(t.Context(), a, listed, ""); err != nil {
			t.Fatal(err)
		}
	}
	b.deliverAll()
	got := strings.Join(m.heard(notice.Mail), " ")
	if got != "dns.wished.all dns.wished.all dns.wished_page.one dns.wished_page.all" {
		t.Error(got)
	}
}
