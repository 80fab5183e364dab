package image

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
)

// DataStateFile is where monban-data leaves a DataState, as one JSON object.
const DataStateFile = "/run/monban/data-state"

// States of the partition data.
const (
	DataOK       = "ok"
	DataRepaired = "repaired" // something may be lost, and lies in lost+found
	DataVolatile = "volatile" // memory stands in its place until the box restarts
)

// A DataState says what became of the partition data at boot. Where there is
// no such file the box was not started from the image.
type DataState struct {
	State  string `json:"state"`
	Why    string `json:"why,omitempty"`    // code of a sentence: what is wrong with the partition
	Detail string `json:"detail,omitempty"` // for the log
	Seal   string `json:"seal,omitempty"`   // what opens the partition: "tpm", or "disk" for a key on the same disk
	Box    string `json:"box,omitempty"`    // what a file ResetFile must hold
	New    bool   `json:"new,omitempty"`    // made at this boot
	Reset  bool   `json:"reset,omitempty"`  // the boot before destroyed what there was
}

// ResetFile asks for a factory reset: a file of this name (or with .txt) on the
// partition or stick labelled Label, with the BoxID of the box in it.
const ResetFile = "factory-reset"

// BoxID is what a box is called where a person has to name it, so that a stick
// made for one box does nothing to another: 12 digits that say nothing about the
// machine-id they are made from (machine-id(5) asks that it be kept private).
// A reset changes it.
func BoxID(machineID string) string {
	h := hmac.New(sha256.New, []byte(strings.TrimSpace(machineID)))
	h.Write([]byte("monban box"))
	s := fmt.Sprintf("%X", h.Sum(nil)[:6])
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}
