// Package image holds what the firmware consists of besides the program: how
// systemd starts it and what it may do.
//
// It decides nothing at run time; the build puts these files in place.
package image

import "embed"

// Units are the files below systemd/: units and drop-ins for
// /usr/lib/systemd/system; modules-load.d, sysusers.d and system-preset go to the
// directories of those names.
//
//go:embed systemd
var Units embed.FS
