// Package image holds what the builder of the firmware and the running box must
// agree on: the disk's layout, the units, what becomes of the partition data, how
// a box is called.
//
// It touches nothing. The builder puts the units in place; the programs on the
// box do what the rest says.
package image

import "embed"

// Units are the files below systemd/: units and drop-ins for
// /usr/lib/systemd/system; modules-load.d, sysusers.d and system-preset go to the
// directories of those names.
//
//go:embed systemd
var Units embed.FS
