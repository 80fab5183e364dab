// Package people says who may do what, and keeps passwords and one-time codes
// to their rules.
//
// It holds no sessions and no database: package store keeps people, package
// webui their sessions.
package people

import "time"

// A Role is what somebody is in the clinic.
type Role string

// The roles. A vendor's engineer never approves; System is the box itself.
const (
	Director  Role = "director"  // 院長: approves, sees everything
	Staff     Role = "staff"     // 受付: records requests, names devices
	Vendor    Role = "vendor"    // 業者: installs, asks; never approves
	Inspector Role = "inspector" // 検査員: reads
	Console   Role = "console"   // root or the service user on the control socket
	System    Role = "system"    // the box by itself
	Visitor   Role = "visitor"   // somebody in the house without an account, who may do nothing
)

// An Act is something a person may be allowed to do.
type Act string

// The acts every gateway method authorises by itself.
const (
	ActRead         Act = "read"           // see pages, lists, the log
	ActAskWindow    Act = "window.ask"     // record a request for a window
	ActApprove      Act = "window.approve" // approve or refuse one
	ActCloseWindow  Act = "window.close"   // close one early
	ActBreakGlass   Act = "window.break_glass"
	ActNameDevice   Act = "device.name"
	ActSelfTest     Act = "selftest.run"
	ActManagePeople Act = "people.manage"
	ActConfigure    Act = "config.apply"
	ActSiteFile     Act = "config.file" // see and change site.toml, which may hold addresses that are secrets
	ActExplain      Act = "dns.explain"
	ActBreakSealed  Act = "window.break_sealed" // break-glass with a code on paper
	ActReport       Act = "window.report"       // write what was done in a window
	ActReview       Act = "window.review"       // compare sessions with the request
	ActEnrol        Act = "vendor.enrol"        // keys of a vendor's engineers
	ActNotices      Act = "notice.configure"
	ActNames        Act = "dns.read"  // see who asked for which name
	ActAllowName    Act = "dns.allow" // allow a name, refuse one, pause the filter
	ActLists        Act = "dns.lists" // answer for a list that is held back

	ActBringUpdate   Act = "firmware.bring"   // send an update of the box's own software, or have one looked for
	ActApproveUpdate Act = "firmware.approve" // have it installed

	ActAccount Act = "account.own" // renew one's own password, authenticator and recovery codes
)

// An Actor is who does something, as the audit log names him.
type Actor struct {
	ID   int64  `json:"id,omitempty"` // person's id in the store; 0 for Console and System
	Name string `json:"name"`         // as shown; for Console the user name and uid
	Role Role   `json:"role"`
	Via  string `json:"via"` // "page", "socket" or "box"
	// Deputy says that the director named him to approve in his place. Only
	// staff can be.
	Deputy bool `json:"deputy,omitempty"`
	// SteppedUp is when the second factor was last checked in this request
	// or session; zero if never.
	SteppedUp time.Time `json:"-"`
	// Renewed is the Person's as this actor came in. It is no part of who he
	// is, so the log does not have it.
	Renewed int64 `json:"-"`
}

// Box is the actor for what the box does by itself.
var Box = Actor{Name: "monban", Role: System, Via: "box"}
