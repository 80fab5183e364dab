package gateway

import (
	"net/netip"
	"time"

	"monban/gateway/people"
	"monban/gateway/window"
)

// Ask is a request for a window, as typed by a person.
type Ask struct {
	Kind    window.Kind     `json:"kind,omitempty"` // empty: Inbound
	Vendor  string          `json:"vendor"`         // name in site.toml
	Device  string          `json:"device"`         // ledger name, site.toml name, MAC or address
	Ports   []window.Port   `json:"ports,omitempty"`
	Targets []window.Target `json:"targets,omitempty"`
	Tool    string          `json:"tool,omitempty"`
	// Sources narrow the vendor's ranges; empty: all of them.
	Sources   []netip.Prefix `json:"sources,omitempty"`
	Length    time.Duration  `json:"length"`
	NotBefore time.Time      `json:"not_before"` // zero: as soon as it is approved
	Reason    string         `json:"reason"`
	Requester string         `json:"requester"` // the engineer's name
}

// Vendor is a maintenance company of site.toml, for forms.
type Vendor struct {
	Name    string         `json:"name"`
	Label   string         `json:"label"`
	Phone   string         `json:"phone"` // registered for the call-back
	Sources []netip.Prefix `json:"sources"`
	// WireGuard says that a tunnel of his is registered and the kernel has it;
	// NoWireGuard why not, a code of the catalogue, if one is registered.
	WireGuard   bool   `json:"wireguard"`
	NoWireGuard string `json:"no_wireguard,omitempty"`
	// TunnelKey is the box's public key and TunnelPort its UDP port, which he
	// needs for his end.
	TunnelKey  string `json:"tunnel_key,omitempty"`
	TunnelPort uint16 `json:"tunnel_port,omitempty"`
	// Owed is the window his work report is missing for; 0: none.
	Owed int64 `json:"owed,omitempty"`
}

// Tool is a remote-support tool of the data file that windows can be for.
type Tool struct {
	Name    string   `json:"name"`
	Domains []string `json:"domains"` // those refused outside a window
}

// SignedRequest is a request as its text says it, and what checking it showed.
type SignedRequest struct {
	Ask    Ask            `json:"ask"`
	Vendor string         `json:"vendor_label"`
	Phone  string         `json:"phone"`
	Device string         `json:"device_name"`
	Signer string         `json:"signer"` // the name the key is enrolled under
	MadeAt time.Time      `json:"made_at"`
	Ways   []Way          `json:"ways"` // what exactly would open
	Source []netip.Prefix `json:"source"`
	Digest string         `json:"digest"`            // hex
	ByName bool           `json:"by_name,omitempty"` // as of Window
}

// PlanAsk is a weekly plan as typed.
type PlanAsk struct {
	Ask
	Week   int          `json:"week"` // 0: every week; 1…4: the nth of the month; -1: the last
	Day    time.Weekday `json:"day"`
	Hour   int          `json:"hour"`
	Minute int          `json:"minute"`
}

// WeeklyPlan is a regular appointment and when it asks next.
type WeeklyPlan struct {
	window.Plan
	VendorLabel string    `json:"vendor_label"`
	DeviceName  string    `json:"device_name"`
	Next        time.Time `json:"next"`
	Orphan      bool      `json:"orphan,omitempty"` // its vendor is in site.toml no more: it asks for nothing
}

// VendorKey is the key an engineer signs requests with.
type VendorKey struct {
	ID      int64        `json:"id"`
	Vendor  string       `json:"vendor"`
	Name    string       `json:"name"` // of the engineer
	Key     string       `json:"key"`  // as request.PublicText writes it
	AddedBy people.Actor `json:"added_by"`
	AddedAt time.Time    `json:"added_at"`
}

// SealedCodes says how many break-glass codes on paper are unused.
type SealedCodes struct {
	Left   int       `json:"left"`
	MadeAt time.Time `json:"made_at"`
}

// A Step is one transition of a window.
type Step struct {
	From window.State `json:"from"`
	To   window.State `json:"to"`
	At   time.Time    `json:"at"`
	Who  people.Actor `json:"who"`
}

// A Match is a session held against the request: every false is a question to
// the vendor.
type Match struct {
	window.Session
	Source bool `json:"source_ok"` // from where he asked to come
	Target bool `json:"target_ok"` // to what he asked for
	Time   bool `json:"time_ok"`   // within the window
}

// Sheet is all the evidence of one window. Hash is the SHA-256, in hex, of the
// canonical JSON of everything in it but Hash itself.
type Sheet struct {
	Clinic  string      `json:"clinic"`
	Window  Window      `json:"window"`
	Steps   []Step      `json:"steps"`
	Matches []Match     `json:"matches"`
	Lines   []AuditLine `json:"lines"` // of the log, about this window
	Hash    string      `json:"hash"`
}

// Month is every window asked for in a month of the clinic's calendar, the
// oldest first.
type Month struct {
	Year    int        `json:"year"`
	Month   time.Month `json:"month"`
	Windows []Window   `json:"windows"`
}

// An Attempt is what one source tried outside every window in one day.
type Attempt struct {
	Source  netip.Addr `json:"source"` // invalid: all others together
	Vendor  string     `json:"vendor,omitempty"`
	Packets uint64     `json:"packets"`
	First   time.Time  `json:"first"`
	Last    time.Time  `json:"last"`
	Ports   []string   `json:"ports,omitempty"` // sampled: 3389/tcp …
}

// AttemptDay is a day's attempts. Packets is exact, by the rules' own counters.
type AttemptDay struct {
	Day      string    `json:"day"` // 2026-11-21, in the clinic's zone
	Packets  uint64    `json:"packets"`
	Attempts []Attempt `json:"attempts"` // the most packets first
	Days     []string  `json:"days"`     // that have any, newest first, at most 31
}
