package people

import (
	"slices"
	"time"
)

// may is who may do what; a role or act that is not here may not. A director
// approves, and the staff he named his deputies: the vendor never, not even
// where he installed the box, and the console opens by break-glass instead,
// which alarms everyone.
var may = map[Role][]Act{
	Director: {ActRead, ActAskWindow, ActApprove, ActCloseWindow, ActNameDevice, ActSelfTest,
		ActManagePeople, ActConfigure, ActExplain, ActBreakSealed, ActReport, ActReview, ActEnrol, ActNotices,
		ActNames, ActAllowName, ActLists, ActBringUpdate, ActApproveUpdate, ActSiteFile, ActAccount},
	Staff: {ActRead, ActAskWindow, ActCloseWindow, ActNameDevice, ActSelfTest, ActExplain, ActBreakSealed,
		ActReport, ActReview, ActAccount},
	Vendor: {ActRead, ActAskWindow, ActCloseWindow, ActNameDevice, ActSelfTest, ActConfigure, ActExplain,
		ActReport, ActBringUpdate, ActAccount},
	Inspector: {ActRead, ActAccount},
	Console: {ActRead, ActAskWindow, ActCloseWindow, ActBreakGlass, ActNameDevice, ActSelfTest,
		ActManagePeople, ActConfigure, ActExplain, ActReport, ActReview, ActEnrol, ActNotices,
		ActNames, ActAllowName, ActLists},
	System: {ActRead, ActCloseWindow, ActSelfTest},
}

// deputed is what a deputy may do in the director's place.
var deputed = []Act{ActApprove, ActNames, ActAllowName}

// May reports whether a's role allows act.
func (a Actor) May(act Act) bool {
	return slices.Contains(may[a.Role], act) || slices.Contains(deputed, act) && a.Deputy && a.Role == Staff
}

// Same reports whether a and b are the same person, or the same account of
// the console. Two actors without a name are never the same.
func (a Actor) Same(b Actor) bool {
	if a.ID != 0 || b.ID != 0 {
		return a.ID == b.ID
	}
	return a.Name != "" && a.Name == b.Name && a.Role == b.Role
}

// SteppedUpWithin reports whether a gave the second factor at most d before
// t. A time after t, as a clock that was set back leaves it, does not count.
func (a Actor) SteppedUpWithin(d time.Duration, t time.Time) bool {
	age := t.Sub(a.SteppedUp)
	return !a.SteppedUp.IsZero() && age >= 0 && age <= d
}

// A Person is an account of the page.
type Person struct {
	ID   int64  `json:"id"`
	Name string `json:"name"` // unique, cleaned by Clean
	Role Role   `json:"role"`

	Password string   `json:"-"` // PHC string of Hasher.Hash
	TOTP     []byte   `json:"-"` // shared secret; empty until enrolled
	Counter  int64    `json:"-"` // last time step whose code was used
	Recovery []string `json:"-"` // hashes of the unused recovery codes

	// Renewed counts how often password, authenticator or recovery codes were
	// renewed: a sign-in under another count is over.
	Renewed int64 `json:"-"`

	Deputy   bool      `json:"deputy"`   // staff who may approve
	Disabled bool      `json:"disabled"` // kept for the log's sake, cannot sign in
	Created  time.Time `json:"created"`
}

// Actor returns p as somebody who does something, via "page" or "socket".
func (p Person) Actor(via string) Actor {
	return Actor{ID: p.ID, Name: p.Name, Role: p.Role, Via: via, Deputy: p.Deputy && p.Role == Staff, Renewed: p.Renewed}
}

// Assignable reports whether an account may have role r: Console and System
// are no people.
func (r Role) Assignable() bool {
	return r == Director || r == Staff || r == Vendor || r == Inspector
}
