package gateway

import (
	"encoding/json"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
	"monban/gateway/device"
	"monban/gateway/text"
)

const listed = "ads.lab.example" // on the box's list

// decides is the reason a device is given by the policy in force.
func (b *box) decides(client, name string) string {
	b.t.Helper()
	return b.dns.decide(dnsfilter.Ask{Client: netip.MustParseAddr(client), Name: name, At: b.o.Clock.Wall()}).Reason
}

// allowed counts what is in force or waits.
func (b *box) allowed() int {
	b.t.Helper()
	all, err := b.Allows(b.t.Context(), staff)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(all)
}

// Staff wishes, the director allows for an hour on one device; the filter goes
// by it at once, at each of the device's addresses, and no longer than that.
func TestAllowForAnHour(t *testing.T) {
	b := running(t)
	b.seen(ehr, "192.168.10.32")
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Listed {
		t.Fatal(r)
	}
	w, err := b.WhyName(t.Context(), staff, "https://ADS.lab.example:443/x?y", "", netip.MustParseAddr("192.168.10.31"))
	if err != nil || w.Name != listed || w.Reason != dnsfilter.Listed || w.List != "lab" || w.Line != 1 || w.Device != rececom.String() || w.DeviceName == "" {
		t.Fatalf("%+v, %v", w, err)
	}
	wish, err := b.WishName(t.Context(), staff, AllowAsk{Name: listed, Device: w.Device, Reason: "予約\u202e確認"})
	if err != nil || !wish.At.IsZero() || wish.Reason != "予約確認" {
		t.Fatalf("%+v, %v", wish, err)
	}
	if n, ok := b.note("gateway.name_wishes"); !ok || n.Args["n"] != 1 {
		t.Errorf("%+v", n)
	}
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Listed {
		t.Error("a wish is no permission")
	}
	got, err := b.AllowName(t.Context(), b.director(), wish.ID, AllowAsk{Length: time.Hour})
	if err != nil || got.Left != time.Hour || got.Name != listed || got.Device != rececom.String() {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, a := range []string{"192.168.10.31", "fdc1:1c:10::31", "2001:db8:10::31"} {
		if r := b.decides(a, listed); r != dnsfilter.Permitted {
			t.Errorf("%s: %s", a, r)
		}
	}
	if r := b.decides("192.168.10.32", listed); r != dnsfilter.Listed {
		t.Errorf("another device: %s", r)
	}
	fails(t, second(b.AllowName(t.Context(), b.director(), wish.ID, AllowAsk{Length: time.Hour})), "dns.allow_unknown")

	b.time.set(noon.Add(-100*time.Hour), true) // the wall clock has no say in it
	b.time.pass(59 * time.Minute)
	b.keepOnce(t.Context())
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Permitted {
		t.Error("ended early")
	}
	b.time.pass(time.Minute)
	if b.nextEdge() > 10*time.Millisecond {
		t.Error("the keeper does not know when")
	}
	b.keepOnce(t.Context())
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Listed {
		t.Error("did not end")
	}
	for code, n := range map[string]int{"dns.wished.one": 1, "dns.allowed.one": 1, "dns.allow_ended.ran_out.one": 1} {
		if b.lines(code) != n {
			t.Errorf("%s: %d lines", code, b.lines(code))
		}
	}
	for _, l := range b.log() { // each reads as a sentence
		if said := text.EN.Say(l.Code, l.Args); l.Code == "dns.allowed.one" && said != "allowed "+listed+" and all below it on "+w.DeviceName+", for: 1h0m0s (予約確認)" {
			t.Error(said)
		}
	}
}

// For good it needs the second factor, and is still there after a restart; an
// hour is, too, for as long as its clock says.
func TestAllowForGood(t *testing.T) {
	b := running(t)
	tired := b.director()
	tired.SteppedUp = b.o.Clock.Wall().Add(-time.Hour)
	fails(t, second(b.AllowName(t.Context(), tired, 0, AllowAsk{Name: listed})), "people.step_up")
	good, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: listed})
	if err != nil || !good.Until.IsZero() || good.Device != "" {
		t.Fatalf("%+v, %v", good, err)
	}
	if _, err := b.AllowName(t.Context(), tired, 0, AllowAsk{Name: "hour.example", Length: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if r := b.decides("192.168.10.99", "x."+listed); r != dnsfilter.Unlisted { // hosts lines are exact
		t.Error(r)
	}
	b.kill().start()
	if r := b.decides("192.168.10.99", listed); r != dnsfilter.Permitted || b.allowed() != 2 {
		t.Errorf("after a start: %s, %d", r, b.allowed())
	}
	b.o.BootID = "boot-2"
	b.time.pass(30 * time.Minute)
	b.kill().start()
	if b.allowed() != 2 {
		t.Errorf("after a boot: %d", b.allowed())
	}
	b.time.pass(31 * time.Minute)
	b.keepOnce(t.Context())
	if b.allowed() != 1 || b.lines("dns.allow_ended.ran_out.all") != 1 {
		t.Errorf("after an hour and a boot: %d", b.allowed())
	}
	if err := b.EndAllow(t.Context(), b.director(), good.ID); err != nil {
		t.Fatal(err)
	}
	if r := b.decides("192.168.10.99", listed); r != dnsfilter.Listed || b.allowed() != 0 || b.lines("dns.allow_ended.taken_back.all") != 1 {
		t.Error(r)
	}
	fails(t, b.EndAllow(t.Context(), b.director(), good.ID), "dns.allow_unknown")
}

// What nobody may allow, or not so.
func TestAllowRefused(t *testing.T) {
	b := newBox(t)
	var err error
	if b.o.Tools, err = tools.Load(); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.seen(rececom, "192.168.10.31")
	for _, c := range []struct {
		ask  AllowAsk
		code string
	}{
		{AllowAsk{Name: "a b", Length: time.Hour}, "dns.bad_name"},
		{AllowAsk{Name: "", Length: time.Hour}, "dns.bad_name"},
		{AllowAsk{Name: "jp", Length: time.Hour}, "dns.allow_wide"},
		{AllowAsk{Name: "teamviewer.com", Length: time.Hour}, "dns.allow_tool"},
		{AllowAsk{Name: "router1.teamviewer.com", Length: time.Hour}, "dns.allow_tool"},
		{AllowAsk{Name: "monban.home.arpa", Length: time.Hour}, "dns.allow_useless"},
		{AllowAsk{Name: "use-application-dns.net", Length: time.Hour}, "dns.allow_useless"},
		{AllowAsk{Name: listed, Length: time.Second}, "dns.allow_length"},
		{AllowAsk{Name: listed, Length: -time.Hour}, "dns.allow_length"},
		{AllowAsk{Name: listed, Length: 48 * time.Hour}, "dns.allow_length"},
		{AllowAsk{Name: listed, Device: "x", Length: time.Hour}, "device.unknown"},
		{AllowAsk{Name: listed, Device: "00:00:5e:00:53:77", Length: time.Hour}, "device.unknown"},
	} {
		fails(t, second(b.AllowName(t.Context(), b.director(), 0, c.ask)), c.code)
	}
	if b.allowed() != 0 || b.lines("dns.allowed.all") != 0 {
		t.Error("something was allowed")
	}
	deputy := staff
	deputy.Deputy = true
	if _, err := b.AllowName(t.Context(), deputy, 0, AllowAsk{Name: listed, Length: time.Hour}); err != nil {
		t.Error(err)
	}
	// Wishes leave room for what the director allows.
	for i := range maxAllows {
		_, err := b.WishName(t.Context(), staff, AllowAsk{Name: "n" + itoa(int64(i)) + ".example"})
		if i >= maxAllows/2 {
			fails(t, err, "dns.allow_full")
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: "n.example", Length: time.Hour}); err != nil {
		t.Error(err)
	}
}

// An address that another device has taken meanwhile carries nothing over.
func TestAllowFollowsTheDevice(t *testing.T) {
	b := running(t)
	if _, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: listed, Device: rececom.String(), Length: time.Hour}); err != nil {
		t.Fatal(err)
	}
	b.time.pass(time.Minute)
	b.see(device.Sighting{At: b.o.Clock.Wall(), MAC: ehr, Addr: netip.MustParseAddr("192.168.10.31"), Iface: "lan0", Source: device.FromARP})
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Listed {
		t.Error(r)
	}
	b.seen(rececom, "192.168.10.55")
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := b.decides("192.168.10.55", listed); r != dnsfilter.Permitted {
		t.Error(r)
	}
}

// What is chosen while the guard has planned, but not yet put in force, is not
// undone by it.
func TestNewerPolicyStays(t *testing.T) {
	b := running(t)
	done := make(chan struct{})
	var begun atomic.Bool
	b.dns.setting = func() {
		if begun.Swap(true) {
			return
		}
		go func() {
			defer close(done)
			if _, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: listed, Length: time.Hour}); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-done: // it is in force already, and would be undone
		case <-time.After(300 * time.Millisecond):
		}
	}
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	if r := b.decides("192.168.10.31", listed); r != dnsfilter.Permitted {
		t.Error(r)
	}
}

// The JSON is a contract: nothing of a person but what the log has as well.
func TestAllowAsJSON(t *testing.T) {
	b := running(t)
	a, err := b.AllowName(t.Context(), b.director(), 0, AllowAsk{Name: listed, Length: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil || m["name"] != listed || !slices.Contains([]any{"院長"}, m["by"].(map[string]any)["name"]) {
		t.Errorf("%s, %v", raw, err)
	}
}

func second[T any](_ T, err error) error { return err }
