package dnsfilter

import (
	"net/netip"
	"testing"
	"time"
)

// What is allowed to one device is allowed to no other, and looking costs
// nothing on the way of every answer.
func TestAllowedForOneDevice(t *testing.T) {
	p := toolPolicy(t, true)
	names, err := NewNames("tracker.example", "teamviewer.com", "www.example")
	if err != nil {
		t.Fatal(err)
	}
	p.AllowedFor = map[netip.Addr]Names{desk: names, xray6: names}
	for _, c := range []struct {
		client netip.Addr
		name   string
		want   string
	}{
		{desk, "tracker.example", Permitted},
		{xray6.WithZone("lan"), "tracker.example", Permitted},
		{xray, "tracker.example", Listed},
		{netip.Addr{}, "tracker.example", Listed},
		{desk, "router1.teamviewer.com", Permitted},
		{strict, "router1.teamviewer.com", ToolRefused},
		{desk, "www.example", Unlisted},
		{desk, "must.example", Unlisted},
		{desk, "mail.zoho.com", Listed},
	} {
		if d := p.Decide(Ask{Client: c.client, Name: c.name, At: time.Time{}}); d.Reason != c.want {
			t.Errorf("%s of %v: %s, want %s", c.name, c.client, d.Reason, c.want)
		}
	}
	// An alias of an allowed name leads where it does, for that device alone.
	for client, want := range map[netip.Addr]Action{desk: Forward, strict: Refuse} {
		if d := p.Judge(Ask{Client: client, Name: "www.example", At: time.Time{}}, []string{"mail.zoho.com"}, nil); d.Action != want {
			t.Errorf("alias for %v: %+v", client, d)
		}
	}
	wire := []byte("x.tracker.example")
	if n := testing.AllocsPerRun(100, func() { p.Decide(Ask{Client: desk, Name: string(wire), At: time.Time{}}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
