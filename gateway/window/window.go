// Package window holds maintenance windows: what is asked, approved, open and
// over, and which change of state may follow which.
//
// It is pure: it opens nothing. Package gateway carries a transition out, and
// the kernel alone ends an open window.
package window

import (
	"net/netip"
	"time"

	"monban/gateway/people"
)

// A State is where a window stands.
type State string

// The states. Opening is on record before the kernel is touched, so that a
// crash between the two is seen at the next start (adopted, or NotOpened).
const (
	Requested State = "requested"
	Approved  State = "approved"
	Scheduled State = "scheduled"
	Opening   State = "opening"
	Open      State = "open"
	Closed    State = "closed"
	Refused   State = "refused"
	Lapsed    State = "lapsed"     // nobody answered in time
	NotOpened State = "not_opened" // approved, but the kernel never held it
)

// How a closed window came to its end.
type How string

// The ways a window ends.
const (
	RanOut  How = "ran_out" // the kernel's timer ended it
	ByHand  How = "closed"  // a person closed it
	Revoked How = "revoked" // its vendor, device or range was taken away
	Restart How = "restart" // the box restarted; nothing is restored
	Foreign How = "foreign" // gone from the kernel before its time, not by us
)

// A Kind is what a window opens: every kind is ended by the same mark.
type Kind string

// The kinds. The zero Kind of an old record is Inbound.
const (
	Inbound   Kind = "inbound"   // the vendor's ranges reach ports of a device
	Outbound  Kind = "outbound"  // a device reaches addresses of the vendor
	Tool      Kind = "tool"      // a remote-support tool works on a device
	WireGuard Kind = "wireguard" // the vendor's tunnel reaches ports of a device
)

// A Target is where an outbound window leads: an address of the vendor.
type Target struct {
	Addr  netip.Addr `json:"addr"`
	Proto Proto      `json:"proto"`
	Port  uint16     `json:"port"`
}

// A Proto is an IP protocol a window may open.
type Proto string

// The protocols with ports.
const (
	TCP Proto = "tcp"
	UDP Proto = "udp"
)

// A Port is one way in: the port on the device and, for IPv4, the port on the
// WAN address that leads to it.
type Port struct {
	Proto Proto  `json:"proto"`
	Port  uint16 `json:"port"` // on the device
	WAN   uint16 `json:"wan"`  // on the WAN address (IPv4); equal to Port unless chosen
}

// Limits of a window's length (decided in the domain; a form may offer less).
const (
	MinLength = time.Second
	MaxLength = 8 * time.Hour
	Default   = time.Hour
)

// A Window is one maintenance window from the request to the end.
type Window struct {
	ID     int64  `json:"id"`
	State  State  `json:"state"`
	N      int    `json:"n"` // transitions so far; (ID, from, to, N) is unique
	Kind   Kind   `json:"kind"`
	Vendor string `json:"vendor"` // name in site.toml
	Device int64  `json:"device"` // device id in the ledger
	// Sources are where the vendor comes from: his registered ranges as they
	// were when he asked, or a part of them that a signed request named. For
	// WireGuard it is where his outer packets come from.
	Sources []netip.Prefix `json:"sources"`
	Ports   []Port         `json:"ports"`             // Inbound and WireGuard
	Targets []Target       `json:"targets,omitempty"` // Outbound
	Tool    string         `json:"tool,omitempty"`    // Tool: its name in the data file
	Length  time.Duration  `json:"length"`
	Reason  string         `json:"reason"`
	// NotBefore is the planned start, UTC; zero: on approval. A planned window
	// is over at NotBefore + Length, however late it opened.
	NotBefore time.Time `json:"not_before"`
	Plan      int64     `json:"plan,omitempty"`    // the weekly plan it came from
	Request   string    `json:"request,omitempty"` // SHA-256 of the signed request, hex

	Requester  string       `json:"requester"` // the vendor's engineer, as told
	Recorder   people.Actor `json:"recorder"`  // who entered it
	Approver   people.Actor `json:"approver"`  // zero until approved or refused
	BreakGlass bool         `json:"break_glass"`
	Sealed     bool         `json:"sealed"` // break-glass by a code on paper, not by the console
	Alone      bool         `json:"alone"`  // a clinic of one approved his own record, call-back confirmed
	Answer     string       `json:"answer"` // why refused, or taken back

	RequestedAt time.Time `json:"requested_at"`
	ApprovedAt  time.Time `json:"approved_at"`

	// Filled when it opens. Wall times are UTC and worth what Synced says;
	// the kernel's deadline is the boot time.
	Mark     uint32        `json:"mark"` // serial 1…65534, without the governed bit
	BootID   string        `json:"boot_id"`
	OpenBoot time.Duration `json:"open_boot"` // CLOCK_BOOTTIME
	EndBoot  time.Duration `json:"end_boot"`
	OpenAt   time.Time     `json:"open_at"`
	EndAt    time.Time     `json:"end_at"`
	Synced   bool          `json:"synced"`
	// Rules is what it put into the kernel, as nft text.
	Rules      string      `json:"rules,omitempty"`
	Extensions []Extension `json:"extensions,omitempty"`

	// Filled when it closes.
	ClosedAt time.Time    `json:"closed_at"`
	How      How          `json:"how"`
	Closer   people.Actor `json:"closer"` // or who took a planned one back
	Passed   Count        `json:"passed"` // let through while open
	Dead     Count        `json:"dead"`   // refused after the end
	Cut      int          `json:"cut"`    // live flows at an early close

	// What is owed after the end. They are no transitions.
	Report Remark `json:"report"` // the vendor's: what was done
	Review Remark `json:"review"` // the clinic's: sessions compared with the request
	Excuse Remark `json:"excuse"` // after break-glass: why it had to be
}

// An Extension is one approved lengthening of an open window.
type Extension struct {
	By      people.Actor  `json:"by"`
	At      time.Time     `json:"at"`
	More    time.Duration `json:"more"`
	EndBoot time.Duration `json:"end_boot"` // the end it made
	Alone   bool          `json:"alone"`
}

// A Remark is what somebody wrote about a window after its end; zero: nobody
// has yet.
type Remark struct {
	Text string       `json:"text"`
	By   people.Actor `json:"by"`
	At   time.Time    `json:"at"`
}

// A Count is packets and bytes as the kernel counted them.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// A Session is one connection through a window, as conntrack saw it. Its
// bytes include what was refused after the end; Window.Passed does not.
type Session struct {
	Window int64          `json:"window"`
	Mark   uint32         `json:"mark"`
	Proto  Proto          `json:"proto"`
	Source netip.AddrPort `json:"source"`
	Target netip.AddrPort `json:"target"` // where it led: the device, after DNAT, or what the device dialled
	Start  time.Time      `json:"start"`
	End    time.Time      `json:"end"`       // zero while it lives
	In     uint64         `json:"bytes_in"`  // vendor to device
	Out    uint64         `json:"bytes_out"` // device to vendor
	FlowID uint32         `json:"flow"`      // conntrack id
}
