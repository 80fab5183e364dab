package config

import (
	"slices"
	"time"
	_ "time/tzdata" // the image has no zone files

	"monban/gateway/window"
)

// check turns the written file into what it means. It goes on after each
// fault; the result counts only if there were none.
func (f *faults) check(t file) Config {
	if t.Version != Version {
		f.add("version", "config.version", "found", t.Version, "want", Version)
	}
	c := Config{
		Clinic:   f.text("clinic", t.Clinic, required),
		Timezone: f.timezone(t.Timezone),
		WAN:      f.wan(t.WAN),
		LAN:      f.lan(t.LAN),
		Page:     Page{f.pageNames(t.Page.Names)},
		Tools:    Tools{f.observeDays(t.Tools.ObserveDays)},
		Approval: Approval{t.Approval.Alone},
		Time:     Time{f.timeServers(t.Time.Servers)},
		Update:   f.update(t.Update),
		Devices:  f.devices(t.Devices),
	}
	c.WireGuard = f.wireGuard(t.WireGuard)
	if c.LAN.Interface == c.WAN.Interface && c.LAN.Interface != "" {
		f.add("lan.interface", "config.same_interface", "value", c.LAN.Interface)
	}
	if len(c.WAN.MAC) > 0 && slices.Equal(c.LAN.MAC, c.WAN.MAC) {
		f.add("lan.mac", "config.duplicate", "value", c.LAN.MAC, "first", "wan.mac")
	}
	f.overlaps(t, c)
	c.DNS = f.dns(t.DNS, c)
	c.DNS.Groups = f.groups(t.DNS.Groups, c)
	c.Vendors = f.vendors(t.Vendors, c)
	return c
}

func (f *faults) timezone(name string) *time.Location {
	if name == "" {
		name = "Asia/Tokyo"
	}
	zone, err := time.LoadLocation(name)
	// "Local" would mean whatever the box happens to have.
	if err != nil || name == "Local" {
		f.add("timezone", "config.timezone", "value", show(name))
		return time.UTC
	}
	return zone
}

func (f *faults) devices(written []fileDevice) []Device {
	var devices []Device
	names, macs := f.unique(), f.unique()
	for i, w := range written {
		at := index("device", i)
		d := Device{
			Name:   f.id(join(at, "name"), w.Name),
			Label:  f.text(join(at, "label"), w.Label, optional),
			MAC:    f.mac(join(at, "mac"), w.MAC),
			Place:  f.text(join(at, "place"), w.Place, optional),
			Egress: f.egress(join(at, "egress"), w.Egress),
		}
		if d.Label == "" {
			d.Label = d.Name
		}
		names.add(join(at, "name"), d.Name)
		macs.add(join(at, "mac"), d.MAC.String())
		devices = append(devices, d)
	}
	return devices
}

func (f *faults) egress(path, s string) Egress {
	switch e := Egress(s); e {
	case "":
		return Open
	case Open, Answered:
		return e
	}
	f.add(path, "config.egress", "value", show(s))
	return Open
}

// mostObserved bounds the first days in which tools are not refused yet.
const mostObserved = 90

func (f *faults) observeDays(n int64) int {
	if n < 0 || n > mostObserved {
		f.add("tools.observe_days", "config.observe_days", "value", n, "max", mostObserved)
		return 0
	}
	return int(n)
}

// protoPort checks a protocol and a port of it.
func (f *faults) protoPort(at, proto string, port int64) (window.Proto, uint16) {
	p := window.Proto(proto)
	if p != window.TCP && p != window.UDP {
		f.add(join(at, "proto"), "config.proto", "value", show(proto))
	}
	if port < 1 || port > 65535 {
		f.add(join(at, "port"), "config.port", "value", port)
		return p, 0
	}
	return p, uint16(port)
}

// unique finds values that stand twice.
type unique struct {
	f    *faults
	seen map[string]string // value → where it stands first
}

func (f *faults) unique() unique { return unique{f, map[string]string{}} }

// add notes that value, in its canonical form, stands at path. Empty values
// have their own fault.
func (u unique) add(path, value string) {
	if value == "" {
		return
	}
	if first, ok := u.seen[value]; ok {
		u.f.add(path, "config.duplicate", "value", value, "first", first)
		return
	}
	u.seen[value] = path
}
