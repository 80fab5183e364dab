package netconf

import "strings"

// LANPort is the network port of a machine that is the LAN's before there is a
// site.toml, or "": then whoever sets the box up names it. model is what the
// machine's firmware says it is, as /proc/device-tree/model has it.
//
// A board gets its line only when the port is the same on every piece of it.
func LANPort(model string) string {
	for _, b := range []struct{ begins, port string }{
		// The one port on the board, next to which the WAN's is on USB.
		{"Raspberry Pi 4 Model B", "end0"},
		{"Raspberry Pi 5 ", "end0"},
		{"Raspberry Pi Compute Module 4", "end0"},
	} {
		if strings.HasPrefix(model, b.begins) {
			return b.port
		}
	}
	return ""
}
