package webui

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/webui/view"
)

// siteFile is who named a device that site.toml names; such a name changes
// there, not here.
const siteFile = "site.toml"

func (v *visit) devices() error {
	m, err := v.devicesModel(0, "")
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.DevicesPage(v.frame("page.nav.devices"), m))
}

// devicesModel is the ledger; typed is the name in the form of one device
// whose form comes back.
func (v *visit) devicesModel(id int64, typed string) (view.Devices, error) {
	all, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return view.Devices{}, err
	}
	sortDevices(all)
	m := view.Devices{Every: paceFast}
	for _, d := range all {
		row := v.device(d)
		if d.ID == id && typed != "" {
			row.Name = typed
		}
		if row.New {
			m.New = append(m.New, row)
		} else {
			m.Named = append(m.Named, row)
		}
	}
	m.Summary = v.say("page.devices.summary", "n", len(all), "new", len(m.New))
	return m, nil
}

// sortDevices puts what nobody named first, the newest of them on top, and
// the named ones by name.
func sortDevices(all []gateway.Device) {
	slices.SortStableFunc(all, func(a, b gateway.Device) int {
		an, bn := firstOf(a.Name, a.Label), firstOf(b.Name, b.Label)
		switch {
		case an == "" && bn == "":
			return b.FirstSeen.Compare(a.FirstSeen)
		case an == "":
			return -1
		case bn == "":
			return 1
		}
		return cmp.Compare(an, bn)
	})
}

func (v *visit) deviceTitle(d gateway.Device) string {
	if s := firstOf(plain(d.Label), plain(d.Name)); s != "" {
		return s
	}
	return v.say("page.device.unnamed", "maker", firstOf(plain(d.Maker), plain(d.MAC)))
}

func (v *visit) device(d gateway.Device) view.Device {
	maker := plain(d.Maker)
	switch {
	case d.Random:
		maker = v.say("page.device.random")
	case maker == "":
		maker = v.say("page.device.maker_unknown")
	}
	row := view.Device{
		ID: strconv.FormatInt(d.ID, 10), Title: v.deviceTitle(d), New: d.Name == "" && d.Label == "",
		Here: d.Present, Present: v.say("page.device.away"), Name: plain(d.Name), CanName: v.who.May(people.ActNameDevice) && d.ID != 0,
		Known: []string{v.say("page.device.maker", "maker", maker), plain(d.MAC), firstOf(addrs(d.Addrs), v.say("page.device.no_addr"))},
		Seen:  []string{v.say("page.device.first", "at", v.when(d.FirstSeen)), v.say("page.device.last", "at", v.when(d.LastSeen))},
	}
	if d.Present {
		row.Present = v.say("page.device.here")
	}
	if v.who.May(people.ActNames) && d.MAC != "" {
		row.Names = "/names/statistics?" + url.Values{"device": {d.MAC}}.Encode()
	}
	if d.NamedBy == siteFile {
		row.Fixed = v.say("page.device.fixed")
	} else if d.NamedBy != "" {
		row.Seen = append(row.Seen, v.say("page.device.named_by", "name", plain(d.NamedBy)))
	}
	return row
}

func (v *visit) nameDevice() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	name := v.r.PostForm.Get("name")
	field := "name-" + strconv.FormatInt(id, 10)
	if err := v.Gateway.NameDevice(v.r.Context(), v.who, id, name); err != nil {
		m, e := v.devicesModel(id, plain(name))
		if e != nil {
			return e
		}
		if all, ok := faultsIn(err); ok && len(all) == 1 && (all[0].Field == "" || all[0].Field == "name") && statusOf(all) == http.StatusUnprocessableEntity {
			f := *all[0]
			err = f.On(field)
		}
		return v.again(err, v.frame("page.nav.devices"), func(p view.Page) templ.Component { return view.DevicesPage(p, m) }, field)
	}
	v.tell(view.Good, "page.devices.done", "name", plain(name))
	return v.to("/devices")
}
