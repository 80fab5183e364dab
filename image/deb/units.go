package deb

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"monban/image"
)

// Without are the units of the firmware that have no place on somebody's own
// machine, with the reason.
var Without = map[string]string{
	"monban-data.service":                       "the disk is laid out by its owner",
	"monban-provision.service":                  "its owner puts site.toml in place; no USB stick does",
	"monban-slot.socket":                        "the program is updated by dpkg",
	"monban-slot.service":                       "the program is updated by dpkg",
	"monban-trial.service":                      "the program is updated by dpkg",
	"systemd-networkd.service.d/10-monban.conf": "monban-closed.service says it, once it is enabled",
	"system-preset/80-monban.preset":            "whether and when Monban begins is its owner's decision",
}

// units puts the units into the tree.
func (t tree) units() error {
	units, err := fs.Sub(image.Units, "systemd")
	if err != nil {
		return err
	}
	return fs.WalkDir(units, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || Without[name] != "" {
			return err
		}
		b, err := fs.ReadFile(units, name)
		if err != nil {
			return err
		}
		switch dir := path.Dir(name); dir {
		case "sysusers.d", "modules-load.d":
			t.put("usr/lib/"+name, b)
		default:
			t.put("usr/lib/systemd/system/"+name, own(name, b))
		}
		return nil
	})
}

// own is a unit as it is on somebody's own machine.
func own(name string, unit []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(unit)) {
		switch key, value, _ := strings.Cut(line, "="); {
		case key == "Also":
			here := slices.DeleteFunc(strings.Fields(value), func(u string) bool { return Without[u] != "" })
			line = "Also=" + strings.Join(here, " ") + "\n"
		case key == "ExecStart" && (strings.HasPrefix(name, "monban-net") || name == "monban.service"):
			line = strings.TrimSpace(line) + " --sockets-only\n"
		}
		b.WriteString(line)
		b.WriteString(added[name][strings.TrimSpace(line)])
	}
	return []byte(b.String())
}

// added is what follows a line of a unit.
var added = map[string]map[string]string{
	"monban-closed.service": {
		// Its configuration usually begins with "flush ruleset".
		"[Unit]": "After=nftables.service\n",
		// Those who bring links up on Debian: once Monban is enabled none of
		// them does unless the box could close itself.
		"[Install]": "RequiredBy=systemd-networkd.service networking.service NetworkManager.service\n",
	},
	// So that one command starts everything.
	"monban.service": {"[Unit]": "Wants=monban-net.service monban-net.socket monban-selftest.socket\n"},
}
