package bootslot

import (
	"fmt"
	"slices"

	"monban/gateway/text"
)

// What can be asked of the service that changes slots.
const (
	DoStatus  = "status"
	DoCheck   = "check"   // whether an update with this manifest may be installed
	DoInstall = "install" // writes the other slot; the update file follows the request
	DoArm     = "arm"     // the next start tries what waits
	DoBegin   = "begin"   // the running version on trial was really started
	DoCommit  = "commit"  // the running version is kept
	DoBack    = "back"    // what waits is disarmed, or the running version given up
	DoReboot  = "reboot"
)

// A Request is one line of JSON.
type Request struct {
	Do        string        `json:"do"`
	Manifest  string        `json:"manifest,omitempty"`  // check: as it is signed
	Signature string        `json:"signature,omitempty"` // check
	Size      int64         `json:"size,omitempty"`      // install: bytes that follow
	Sum       Sum           `json:"sum,omitzero"`        // install: of the manifest that is meant; zero: whichever is signed
	Why       []*text.Fault `json:"why,omitempty"`       // back: what is missing of a version on trial
}

// A Result is what comes of it: of status and check what they ask for, else
// nothing.
type Result struct {
	Status   *Status   `json:"status,omitempty"`
	Manifest *Manifest `json:"manifest,omitempty"`
}

// MaxWhy is how many reasons are kept of a version on trial.
const MaxWhy = 8

// ParseWhy reads reasons that were left on a disk: at most MaxWhy, and none if
// it is anything else.
func ParseWhy(b []byte) (why []*text.Fault) {
	if strict(b, &why) != nil || len(why) > MaxWhy || slices.Contains(why, nil) {
		return nil
	}
	return why
}

// ParseRequest reads a request. Nothing unknown is taken: who asks is of the
// same version or a stranger.
func ParseRequest(line []byte) (r Request, err error) {
	if err := strict(line, &r); err != nil {
		return Request{}, fmt.Errorf("reading a request: %w", err)
	}
	return r, nil
}
