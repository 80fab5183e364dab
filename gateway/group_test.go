package gateway

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/text"
)

// groupsToml are the groups of the tests: noon is 12:00 in Tokyo, a Tuesday.
const groupsToml = `
[[dns.list]]
name = "play"
file = "lists/play.hosts"

[[dns.group]]
name = "desks"
label = "受付と診察"
devices = ["reception", "ehr"]
lists = ["lab"]
safe_search = "strict"

[[dns.group.schedule]]
lists = ["play"]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "09:00"
to = "12:30"

[[dns.group]]
name = "free"
devices = ["printer"]
lists = []

[[dns.group]]
name = "default"
lists = ["lab"]

[tools]`

var reception = device.MAC{0x00, 0x00, 0x4c, 0, 0, 0x21}

// groupedBox runs with groups, and knows the desks' addresses.
func groupedBox(t *testing.T) *box {
	t.Helper()
	b := newBox(t)
	var err error
	if b.o.Tools, err = tools.Load(); err != nil {
		t.Fatal(err)
	}
	b.edit("\n[tools]", groupsToml)
	b.write("lists/play.hosts", "0.0.0.0 play.example\n")
	b.start()
	b.loadLists()
	b.look()
	return b
}

// look sees the devices of the LAN.
func (b *box) look() {
	b.t.Helper()
	b.seen(rececom, "192.168.10.31")
	b.seen(reception, "192.168.10.21", "fdc1:1c:10::21", "fe80::21")
	b.seen(ehr, "192.168.10.32")
	if err := b.guardOnce(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// short is what is decided, for tables.
func (b *box) short(client, name string) string {
	b.t.Helper()
	d := b.dns.decide(dnsfilter.Ask{Client: netip.MustParseAddr(client), Name: name, Type: 1, At: b.o.Clock.Wall()})
	return fmt.Sprint(strings.TrimPrefix(d.Reason, "dns.reason."), " ", d.Group, " ", d.Schedule)
}

func (b *box) want(table [][3]string) {
	b.t.Helper()
	for _, c := range table {
		if got := b.short(c[0], c[1]); got != c[2] {
			b.t.Errorf("%s asks for %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestGroupsOfDevices(t *testing.T) {
	b := groupedBox(t)
	b.want([][3]string{
		{"192.168.10.21", listed, "listed desks 0"}, {"192.168.10.21", "play.example", "listed desks 1"},
		{"fdc1:1c:10::21", "play.example", "listed desks 1"}, {"fe80::21", "play.example", "listed desks 1"},
		{"fe80::21%lan0", "www.google.co.jp", "safe desks 0"}, {"192.168.10.32", "play.example", "listed desks 1"},
		{"192.168.10.31", listed, "listed default 0"}, {"192.168.10.31", "play.example", "unlisted  0"},
		{"192.168.10.99", listed, "listed default 0"}, {"192.168.10.99", "www.google.co.jp", "unlisted  0"},
	})
	// An address belongs to whoever used it last, known to site.toml or not.
	b.time.pass(time.Minute)
	b.seen(ehr, "192.168.10.44")
	b.seen(device.MAC{0x02, 0, 0, 0, 0, 9}, "192.168.10.21")
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.want([][3]string{{"192.168.10.44", "play.example", "listed desks 1"}, {"192.168.10.21", "play.example", "unlisted  0"}, {"fdc1:1c:10::21", "play.example", "listed desks 1"}})
	// A jump of the clock counts for the next question, with the policy as it is.
	b.time.set(noon.Add(40*time.Minute), true)
	b.want([][3]string{{"192.168.10.32", "play.example", "unlisted  0"}, {"192.168.10.32", listed, "listed desks 0"}})
	b.time.set(noon.Add(-24*time.Hour), true)
	b.want([][3]string{{"192.168.10.32", "play.example", "listed desks 1"}})
	if got := b.dns.policy.Devices[netip.MustParseAddr("192.168.10.32")]; got != "ehr" {
		t.Errorf("the device is %q", got)
	}
}

// A list that is no longer in site.toml, or never was, is no group's to leave
// out: while an old compilation serves, it refuses for all.
func TestListsOfNoGroupHoldForAll(t *testing.T) {
	b := groupedBox(t)
	c := b.current().config
	c.DNS.Lists = c.DNS.Lists[:1] // lab
	p, err := names(c, nil, b.lists.compiled)
	if err != nil {
		t.Fatal(err)
	}
	free := dnsfilter.Ask{Name: "play.example"}
	if d := p.Decide(free); d.Reason != dnsfilter.Listed || d.List != "play" {
		t.Errorf("%+v", d)
	}
}

func TestPause(t *testing.T) {
	b := groupedBox(t)
	fails(t, b.PauseNames(t.Context(), b.director(), PauseAsk{Length: time.Hour}), "dns.pause_length")
	fails(t, b.PauseNames(t.Context(), staff, PauseAsk{Length: 5 * time.Minute}), "people.may_not")
	fails(t, b.PauseNames(t.Context(), b.director(), PauseAsk{Group: "x", Length: 5 * time.Minute}), "dns.group_unknown")
	fails(t, b.PauseNames(t.Context(), b.director(), PauseAsk{Device: "00:00:5e:00:53:77", Length: 5 * time.Minute}), "device.unknown")
	fails(t, b.ResumeNames(t.Context(), b.director(), PauseAsk{Group: "x"}), "dns.group_unknown")
	pause := func(ask PauseAsk) {
		t.Helper()
		if err := b.PauseNames(t.Context(), b.director(), ask); err != nil {
			t.Fatal(err)
		}
		if err := b.guardOnce(t.Context()); err != nil { // the guard's policy is the same
			t.Fatal(err)
		}
	}
	// Whatever is paused, this stays.
	whole := [][3]string{{"192.168.10.21", "teamviewer.com", "tool  0"}, {"192.168.10.99", "teamviewer.com", "tool  0"},
		{"192.168.10.21", "use-application-dns.net", "canary  0"}, {"192.168.10.21", "printer.local", "home  0"}, {"192.168.10.21", "www.lab.example", "unlisted  0"}}

	pause(PauseAsk{Group: "desks", Length: 30 * time.Minute})
	b.want(append(whole, [][3]string{
		{"192.168.10.21", listed, "paused desks 0"}, {"fe80::21", "play.example", "paused desks 1"}, {"192.168.10.32", "www.google.co.jp", "paused desks 0"},
		{"192.168.10.31", listed, "listed default 0"}, {"192.168.10.99", listed, "listed default 0"}}...))
	pause(PauseAsk{Device: rececom.String(), Length: 5 * time.Minute})
	b.want([][3]string{{"192.168.10.31", listed, "paused default 0"}, {"192.168.10.99", listed, "listed default 0"}, {"192.168.10.21", listed, "paused desks 0"}})
	inside := b.dns.policy.Judge(dnsfilter.Ask{Client: netip.MustParseAddr("192.168.10.31"), Name: "www.example", Type: 1}, nil, []netip.Addr{netip.MustParseAddr("192.168.10.32")})
	if inside.Reason != dnsfilter.Rebinding {
		t.Errorf("a pause lets names lead inside: %+v", inside)
	}
	s, err := b.Status(t.Context())
	if err != nil || s.DNS.Paused != 0 || len(s.DNS.Pauses) != 2 || s.DNS.Pauses[0].GroupLabel != "受付と診察" || s.DNS.Pauses[1].Left != 5*time.Minute {
		t.Errorf("%+v, %v", s.DNS, err)
	}
	if raw, _ := json.Marshal(s.DNS.Pauses[1]); !strings.HasPrefix(string(raw), `{"device":"00:1b:8b:00:00:31","device_name":"レセコン","left":`) {
		t.Errorf("%s", raw)
	}
	for addr, want := range map[string]time.Duration{"192.168.10.32": 30 * time.Minute, "192.168.10.31": 5 * time.Minute, "192.168.10.99": 0} {
		if w, err := b.WhyName(t.Context(), staff, listed, "", netip.MustParseAddr(addr)); err != nil || w.Paused != want {
			t.Errorf("%s: %v, %v", addr, w.Paused, err)
		}
	}
	// It ends by itself, on the clock that nobody sets.
	b.time.set(noon.Add(time.Minute), true)
	b.time.pass(5 * time.Minute)
	if b.nextEdge() > 10*time.Millisecond {
		t.Error("the keeper does not know when")
	}
	b.keepOnce(t.Context())
	b.want([][3]string{{"192.168.10.31", listed, "listed default 0"}, {"192.168.10.21", listed, "paused desks 0"}})

	// A start of the program does not end it, and it does not last longer.
	b.kill().start().look()
	b.want([][3]string{{"192.168.10.21", listed, "paused desks 0"}})
	b.time.pass(25 * time.Minute)
	b.kill().start().look()
	b.want([][3]string{{"192.168.10.21", listed, "listed desks 0"}})

	pause(PauseAsk{Length: 5 * time.Minute})
	pause(PauseAsk{Group: "default", Length: 30 * time.Minute})
	b.want(append(whole, [][3]string{{"192.168.10.99", listed, "paused default 0"}, {"192.168.10.21", listed, "paused desks 0"}}...))
	if err := b.ResumeNames(t.Context(), b.director(), PauseAsk{Group: "default"}); err != nil {
		t.Fatal(err)
	}
	b.want([][3]string{{"192.168.10.99", listed, "paused default 0"}}) // by that for all
	if err := b.ResumeNames(t.Context(), b.director(), PauseAsk{}); err != nil {
		t.Fatal(err)
	}
	b.want([][3]string{{"192.168.10.99", listed, "listed default 0"}})
	if err := b.ResumeNames(t.Context(), b.director(), PauseAsk{}); err != nil || b.lines("dns.resumed.by_hand") != 1 {
		t.Error("resumed twice", err)
	}

	// A boot ends them all.
	pause(PauseAsk{Device: ehr.String(), Length: 30 * time.Minute})
	b.o.BootID = "boot-2"
	b.kill().start().look()
	b.want([][3]string{{"192.168.10.32", listed, "listed desks 0"}})
	b.kill().start().look()
	for code, n := range map[string]int{"dns.paused": 1, "dns.paused.group": 2, "dns.paused.device": 2, "dns.resumed.ran_out.device": 1, "dns.resumed.ran_out.group": 1,
		"dns.resumed.by_hand.group": 1, "dns.resumed.by_hand": 1, "dns.resumed.restart.device": 1} {
		if b.lines(code) != n {
			t.Errorf("%s: %d lines, want %d", code, b.lines(code), n)
		}
	}
	for _, l := range b.log() {
		if said := text.JA.Say(l.Code, l.Args); strings.HasPrefix(l.Code, "dns.") && (said == l.Code || strings.Contains(said, "{")) {
			t.Errorf("%s: %s", l.Code, said)
		}
	}
}

func TestPausesAreBounded(t *testing.T) {
	b := groupedBox(t)
	for i := range maxPauses {
		mac := device.MAC{0x02, 0, 0, 0, 1, byte(i)}
		b.seen(mac, fmt.Sprintf("192.168.10.%d", 100+i))
		if err := b.PauseNames(t.Context(), b.director(), PauseAsk{Device: mac.String(), Length: 5 * time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, b.PauseNames(t.Context(), b.director(), PauseAsk{Group: "desks", Length: 5 * time.Minute}), "dns.pause_many")
	if n := len(b.dns.policy.Groups); n > 6 {
		t.Errorf("%d groups", n)
	}
	// Pausing again is no further pause.
	if err := b.PauseNames(t.Context(), b.director(), PauseAsk{Device: "02:00:00:00:01:00", Length: 30 * time.Minute}); err != nil {
		t.Error(err)
	}
}

func TestNameGroups(t *testing.T) {
	b := groupedBox(t)
	if err := b.PauseNames(t.Context(), b.director(), PauseAsk{Device: ehr.String(), Length: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	got, err := b.NameGroups(t.Context(), staff)
	if err != nil || len(got.Groups) != 3 || !got.Synced {
		t.Fatalf("%+v, %v", got, err)
	}
	desks, rest := got.Groups[0], got.Groups[2]
	if desks.Name != "desks" || desks.Safe != "strict" || len(desks.Devices) != 2 || !desks.Devices[0].Known || desks.Devices[1].Paused != 5*time.Minute ||
		len(desks.Hours) != 1 || !desks.Hours[0].Now || desks.Hours[0].To != "12:30" || !desks.Next.Equal(noon.Add(30*time.Minute)) {
		t.Errorf("%+v", desks)
	}
	if rest.Name != config.DefaultGroup || rest.Label != "" || rest.Safe != "off" || !rest.Next.IsZero() || len(rest.Devices) != 2 { // rececom and the X-ray
		t.Errorf("%+v", rest)
	}
	if d := got.Groups[1].Devices; len(d) != 1 || d[0].Known {
		t.Errorf("%+v", d)
	}
	// A device that was never seen has no address to answer for, so what it
	// would get is not made up, unless it is what all get.
	fails(t, second(b.WhyName(t.Context(), people.Actor(staff), listed, "00:80:77:00:00:51", netip.Addr{})), "dns.device_unseen")
	if _, err := b.WhyName(t.Context(), staff, listed, "00:20:6b:00:00:41", netip.Addr{}); err != nil {
		t.Error(err)
	}
	for lang, want := range map[text.Lang]string{text.JA: "月、火、水、木、金 09:00〜12:30", text.EN: "Mon, Tue, Wed, Thu, Fri 09:00–12:30"} {
		if said := desks.Hours[0].In(lang); said != want {
			t.Error(said)
		}
	}
	night := NameHours{Days: make([]time.Weekday, 7), From: "22:00", To: "06:00"}
	if said := night.In(text.JA); said != "毎日 22:00〜翌日 06:00" {
		t.Error(said)
	}
	if GroupTitle(text.JA, "default", "") != "そのほかの機器" || GroupTitle(text.JA, "desks", "受付") != "受付" || GroupTitle(text.EN, "", "") != "" {
		t.Error("titles")
	}
}
