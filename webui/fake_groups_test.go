package webui_test

import (
	"context"
	"slices"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
)

// groupedFake is namedFake with groups of devices.
func groupedFake() *fake {
	f := namedFake()
	at := f.now()
	f.groups = gateway.NameGroups{At: at, Synced: true,
		Groups: []gateway.NameGroup{
			{Name: "desks", Label: "受付と診察室", Lists: []string{"malware", "ads"}, Safe: "strict", Next: at.Add(3 * time.Hour),
				Hours: []gateway.NameHours{
					{Lists: []string{"play", "video"}, Days: []time.Weekday{1, 2, 3, 4, 5}, From: "09:00", To: "12:30", Now: true},
					{Lists: []string{"night"}, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, From: "20:00", To: "06:00"}},
				Devices: []gateway.NameMember{{Device: "02:00:5e:10:00:01", DeviceName: "レセコン", Known: true}, {Device: "02:00:5e:10:00:02", DeviceName: "受付のプリンタ"}}},
			{Name: "free", Label: "free", Safe: "off"},
			{Name: "default", Lists: []string{"malware"}, Safe: "moderate", Devices: []gateway.NameMember{{Device: "8a:11:22:33:44:55", DeviceName: "院長のスマートフォン", Known: true}}},
		},
		Exempt: []gateway.NameMember{{Device: "02:00:5e:10:00:09", DeviceName: "資格確認端末", Known: true}}}
	return f
}

func (f *fake) NameGroups(context.Context, people.Actor) (gateway.NameGroups, error) {
	out := f.groups
	out.Paused = f.paused
	out.Groups = slices.Clone(out.Groups)
	for i := range out.Groups {
		g := &out.Groups[i]
		g.Devices = slices.Clone(g.Devices)
		for _, p := range f.pauses {
			if p.Group == g.Name {
				g.Paused = max(g.Paused, p.Left)
			}
			for k := range g.Devices {
				if p.Device == g.Devices[k].Device {
					g.Devices[k].Paused = p.Left
				}
			}
		}
	}
	return out, f.broken
}

func (f *fake) PauseNames(_ context.Context, _ people.Actor, ask gateway.PauseAsk) error {
	if ask.Length != 5*time.Minute && ask.Length != 30*time.Minute {
		return text.NewFault("dns.pause_length").On("length")
	}
	p := gateway.NamePause{Group: ask.Group, Device: ask.Device, Left: ask.Length}
	switch i := slices.IndexFunc(f.groups.Groups, func(g gateway.NameGroup) bool { return g.Name == ask.Group }); {
	case ask.Group == "" && ask.Device == "":
		f.paused = ask.Length
	case ask.Group != "" && i < 0:
		return text.NewFault("dns.group_unknown", "group", ask.Group).On("group")
	case ask.Group != "":
		p.GroupLabel = f.groups.Groups[i].Label
		f.pauses = append(f.pauses, p)
	default:
		p.DeviceName = "レセコン"
		f.pauses = append(f.pauses, p)
	}
	f.acts++
	return nil
}

func (f *fake) ResumeNames(_ context.Context, _ people.Actor, ask gateway.PauseAsk) error {
	f.acts++
	f.pauses = slices.DeleteFunc(f.pauses, func(p gateway.NamePause) bool {
		return ask.Group == "" && ask.Device == "" || p.Group == ask.Group && p.Device == ask.Device
	})
	if ask.Group == "" && ask.Device == "" {
		f.paused = 0
	}
	return nil
}
