package gateway

import (
	"net/netip"
	"time"

	"monban/gateway/checklist"
	"monban/gateway/text"
	"monban/gateway/window"
)

// The types here are what the page, the control socket and the command line
// are shown. Their JSON is a contract with people's scripts: fields are added,
// never renamed. Times are UTC; a zero time means "not yet" or "never".

// A Mode is how the box stands as a whole.
type Mode string

// The modes. In SetUp there is no usable site.toml yet: the firewall is closed
// and only the page on the LAN port answers. Kept means site.toml is broken
// now and the last good generation stays in force.
const (
	SetUp    Mode = "setup"
	Guarding Mode = "guarding"
	Kept     Mode = "kept"
)

// A Note is a sentence of the catalogue about the state of the box: something
// to know or to do. Level is "info", "caution" (注意) or "danger" (危険).
type Note struct {
	Code  string         `json:"code"`
	Level string         `json:"level"`
	Args  map[string]any `json:"args,omitempty"`
	Link  string         `json:"link,omitempty"` // page path that helps
}

// Status is the box at a glance.
type Status struct {
	Mode        Mode      `json:"mode"`
	Clinic      string    `json:"clinic"`
	Version     string    `json:"version"`
	Box         string    `json:"box,omitempty"` // what a factory reset has to name; empty where there is none
	Notes       []Note    `json:"notes"`         // most important first
	RulesOK     bool      `json:"rules_ok"`      // the kernel held exactly our rules when last read
	RulesReadAt time.Time `json:"rules_read_at"`
	ClockSynced bool      `json:"clock_synced"`
	Now         time.Time `json:"now"`
	Open        []Window  `json:"open"`
	Waiting     []Window  `json:"waiting"` // requested, to be answered
	Planned     int       `json:"planned"` // approved, waiting for their time
	Owed        []Window  `json:"owed"`    // closed, but a report, a review or a reason is missing; at most 20
	Devices     int       `json:"devices"`
	Unnamed     int       `json:"unnamed"`
	DNS         DNSStatus `json:"dns"`
	AuditHead   string    `json:"audit_head"` // hex
	AuditCount  uint64    `json:"audit_count"`
	LastProof   time.Time `json:"last_proof"` // last passed self-test
	Slots       bool      `json:"slots"`      // the box's own software is an image in one of two slots
	Trial       bool      `json:"trial"`      // Version is not kept yet
}

// DNSStatus is the name filter at a glance; counts are since the start.
type DNSStatus struct {
	Names      int       `json:"names"` // on the block lists
	ListAt     time.Time `json:"list_at"`
	Queries    uint64    `json:"queries"`
	Refused    uint64    `json:"refused"`
	UpstreamOK bool      `json:"upstream_ok"`
	// Paused is what remains of a pause for all, in which no list refuses
	// anything. Pauses are all, the longest first.
	Paused time.Duration `json:"paused,omitempty"`
	Pauses []NamePause   `json:"pauses,omitempty"`
}

// Window is a maintenance window with what people call its parts, and for an
// open one what is left of it.
type Window struct {
	window.Window
	VendorLabel string           `json:"vendor_label"`
	VendorPhone string           `json:"vendor_phone"`
	DeviceName  string           `json:"device_name"`
	Ends        time.Time        `json:"ends"`           // EndAt, under the short name scripts use
	Left        time.Duration    `json:"left"`           // 0 unless open
	Ways        []Way            `json:"ways,omitempty"` // what it opens, or would
	Sessions    []window.Session `json:"sessions,omitempty"`
	Unrecorded  bool             `json:"unrecorded,omitempty"` // closed, but the disk would not take the record
	// ByName says of a tool's window that outside it the device's way is shut
	// by names alone (名前でのみ遮断): the device is not under answered-only egress.
	ByName bool `json:"by_name,omitempty"`
	// Waits is why it is not open although its planned time has come.
	Waits *text.Fault `json:"waits,omitempty"`
}

// A Way is one way in that a window opens: who dials what, and where that
// leads. By IPv6 Dial is the device itself.
type Way struct {
	Source netip.Prefix   `json:"source"`
	Proto  window.Proto   `json:"proto"`
	Dial   string         `json:"dial"` // address and port outside
	Inside netip.AddrPort `json:"inside"`
	Out    bool           `json:"out,omitempty"` // Source is the device, Inside what it dials
}

// Device is a row of the ledger.
type Device struct {
	ID        int64        `json:"id"`
	Name      string       `json:"name"`     // given by a person or by site.toml; empty: nobody named it yet
	Label     string       `json:"label"`    // Japanese name of site.toml, if any
	NamedBy   string       `json:"named_by"` // person's name, or "site.toml"
	MAC       string       `json:"mac"`
	Maker     string       `json:"maker"`  // by OUI; empty if unknown
	Random    bool         `json:"random"` // locally administered address
	Addrs     []netip.Addr `json:"addrs"`
	FirstSeen time.Time    `json:"first_seen"`
	LastSeen  time.Time    `json:"last_seen"`
	Present   bool         `json:"present"`
	// Answered says that it reaches only addresses the name filter gave it.
	Answered bool `json:"answered,omitempty"`
}

// AuditLine is one line of the log as people read it. Code and Args are the
// hashed bytes; the sentence is made by package text.
type AuditLine struct {
	Seq    uint64         `json:"seq"`
	At     time.Time      `json:"at"`
	Synced bool           `json:"synced"`
	Who    string         `json:"who"`
	Role   string         `json:"role"`
	Via    string         `json:"via"`
	Code   string         `json:"code"`
	Args   map[string]any `json:"args,omitempty"`
	Hash   string         `json:"hash"` // hex
}

// AuditCheck is the outcome of verifying the log. Bad is 0 when it verifies,
// else the first line that does not.
type AuditCheck struct {
	Head  string    `json:"head"`
	Count uint64    `json:"count"`
	Bad   uint64    `json:"bad"`
	Why   string    `json:"why,omitempty"` // code of the catalogue
	At    time.Time `json:"at"`
}

// Checklist is the Ministry's checklist as this box sees it.
type Checklist struct {
	Edition string              `json:"edition"`
	Items   []checklist.Finding `json:"items"`
}

// Explanation is why a name is answered as it is.
type Explanation struct {
	Name   string `json:"name"`
	Client string `json:"client,omitempty"`
	Action string `json:"action"` // "answer", "refuse"
	Reason string `json:"reason"` // code: dns.reason.*
	List   string `json:"list,omitempty"`
	Line   int    `json:"line,omitempty"`
	Via    string `json:"via,omitempty"`  // the alias that decided, if not the name itself
	Tool   string `json:"tool,omitempty"` // the remote-support tool whose name it is
	// Since is when List, as it is now, came to this box; zero: not known.
	Since time.Time `json:"since,omitzero"`
	// Group is the group whose list, safe search or pause decided; empty: none.
	// Schedule is the number of its schedule, from 1, by which List holds now,
	// and Hours that schedule; 0: List always holds.
	Group      string     `json:"group,omitempty"`
	GroupLabel string     `json:"group_label,omitempty"`
	Schedule   int        `json:"schedule,omitempty"`
	Hours      *NameHours `json:"hours,omitempty"`
	Host       string     `json:"host,omitempty"` // the safe entrance it is led to
}
