// Package bootslot knows how a box is updated: two slots, of which one runs and
// the other is written, started once on trial, and kept only after it was seen
// to work.
//
// It decides and reads; it touches no disk. Package disk does what is decided
// here.
package bootslot

import (
	"bytes"
	"encoding/json"
	"fmt"

	"monban/gateway/text"
)

// Where the two versions of a box come from and are asked for.
const (
	ReleaseFile = "/usr/lib/monban/release.json" // what this system is
	KeyDir      = "/usr/lib/monban/keys"         // *.pub: whose updates it takes
	TryBoot     = "/usr/lib/monban/tryboot.ko"   // tells a Pi's firmware to try the other slot
)

// A Release is what a system says of itself.
type Release struct {
	Product string  `json:"product"` // monban
	Board   string  `json:"board"`   // uefi, rpi
	Arch    string  `json:"arch"`    // amd64, arm64
	Version Version `json:"version"`
}

// ParseRelease reads a release.json.
func ParseRelease(b []byte) (Release, error) {
	var r Release
	if err := strict(b, &r); err != nil {
		return Release{}, fmt.Errorf("reading what release this is: %w", err)
	}
	if r.Product == "" || r.Board == "" || r.Arch == "" || r.Version.IsZero() {
		return Release{}, fmt.Errorf("reading what release this is: something is missing in %s", b)
	}
	return r, nil
}

// strict decodes one JSON object without unknown fields and with nothing after
// it.
func strict(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(b[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%d bytes too many", len(rest))
	}
	return nil
}

// A Status is how the slots of a box stand.
type Status struct {
	Release Release `json:"release"`
	Slot    string  `json:"slot"`  // that runs: a or b
	Trial   bool    `json:"trial"` // it is not kept yet: the next start is Other
	// Waiting is a newer version that is written whole. The next start tries it
	// if it is armed. Sum is that of its manifest; none if it is not known.
	Waiting Version `json:"waiting,omitzero"`
	Armed   bool    `json:"armed,omitempty"`
	Sum     Sum     `json:"sum,omitzero"`
	// Other is the version before, to which the box can go back; none while
	// Waiting lies in its place.
	Other Version `json:"other,omitzero"`
	// Failed was tried last and did not stay; Why is what it said of itself
	// then, if it still could. Left was given up by a person.
	Failed Version       `json:"failed,omitzero"`
	Why    []*text.Fault `json:"why,omitempty"`
	Left   Version       `json:"left,omitzero"`
}

// A Health is whether a running system does its work. It is what the daemon
// answers at GET /health of its control socket.
type Health struct {
	Rules    bool `json:"rules"`    // read back as they should be
	Links    bool `json:"links"`    // both are configured
	DNS      bool `json:"dns"`      // answers on the LAN
	Page     bool `json:"page"`     // answers on the LAN
	Database bool `json:"database"` // can be read and written, its log verifies
	// Why says what is missing.
	Why []*text.Fault `json:"why,omitempty"`
}

// OK says whether a version with this health may be kept.
func (h Health) OK() bool { return h.Rules && h.Links && h.DNS && h.Page && h.Database }
