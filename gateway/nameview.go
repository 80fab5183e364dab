package gateway

import (
	"net/netip"
	"strconv"
	"time"

	"monban/gateway/people"
)

// NameQuery says which questions for names somebody wants to see.
type NameQuery struct {
	Device  string    `json:"device,omitempty"`  // hardware address, or address of a client nobody knows
	Name    string    `json:"name,omitempty"`    // part of it
	Verdict string    `json:"verdict,omitempty"` // "answered", "refused", "local", "failed"
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Before  uint64    `json:"before,omitempty"`
	Limit   int       `json:"limit,omitempty"`
}

// NamePage is some of them, newest first.
type NamePage struct {
	Records []NameRecord  `json:"records"`
	Next    uint64        `json:"next,omitempty"`   // Before of the page that follows; 0: there is none
	Until   time.Time     `json:"until,omitzero"`   // how far back it has looked, if it stopped without filling the page
	Keep    time.Duration `json:"keep"`             // how long records are kept
	Off     bool          `json:"off,omitempty"`    // nothing is kept
	Masked  bool          `json:"masked,omitempty"` // names of what comes now are not
	Lost    uint64        `json:"lost,omitempty"`   // records since the start that found no room
	Error   string        `json:"error,omitempty"`  // what is wrong with the disk
}

// NameRecord is one question for a name.
type NameRecord struct {
	ID         uint64     `json:"id"`
	At         time.Time  `json:"at"`
	Client     netip.Addr `json:"client"`
	Device     string     `json:"device"` // key: hardware address, or the client's address
	DeviceName string     `json:"device_name"`
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Verdict    string     `json:"verdict"`
	Reason     string     `json:"reason"` // code dns.reason.*
	List       string     `json:"list,omitempty"`
	Line       int        `json:"line,omitempty"`
	Via        string     `json:"via,omitempty"`
	Tool       string     `json:"tool,omitempty"`
}

// NameWhy is why a name is answered as it is, for one device.
type NameWhy struct {
	Explanation
	Device     string        `json:"device,omitempty"` // key; empty: no particular one
	DeviceName string        `json:"device_name,omitempty"`
	Paused     time.Duration `json:"paused,omitempty"` // what remains of a pause
	Wished     time.Time     `json:"wished,omitzero"`  // since when somebody there waits for it to be allowed
}

// AllowAsk is what somebody wants to be let through.
type AllowAsk struct {
	Name   string        `json:"name"`
	Device string        `json:"device"` // hardware address; empty: all
	Length time.Duration `json:"length"` // 0: for good
	Reason string        `json:"reason"`
}

// NameAllow is a name that is allowed, or wished for.
type NameAllow struct {
	ID         int64         `json:"id"`
	Name       string        `json:"name"`
	Device     string        `json:"device,omitempty"` // hardware address; empty: all
	DeviceName string        `json:"device_name,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	AskedBy    people.Actor  `json:"asked_by"`
	Asked      time.Time     `json:"asked"`
	By         people.Actor  `json:"by"`
	At         time.Time     `json:"at"`    // zero: a wish
	Until      time.Time     `json:"until"` // zero: for good
	Left       time.Duration `json:"left"`
}

// NameStats is one day's questions for names.
type NameStats struct {
	Day     string        `json:"day"`
	First   string        `json:"first,omitempty"` // the oldest day there is something of
	Device  string        `json:"device,omitempty"`
	Hours   []NameHour    `json:"hours"`   // of the day, in order
	Devices []NameDevice  `json:"devices"` // the most questions first, whatever Device is
	Tops    []NameTop     `json:"tops"`    // the most questions first
	Refused []NameTop     `json:"refused"` // the most refusals first
	Reasons []NameReason  `json:"reasons"` // of refusals, the most first
	Sum     NameSum       `json:"sum"`
	Keep    time.Duration `json:"keep"`
	Off     bool          `json:"off,omitempty"`    // no record is kept, only sums
	Masked  bool          `json:"masked,omitempty"` // names are not kept, so Tops and Refused lack them
}

// NameSum is how many questions there were, and how many were refused.
type NameSum struct {
	Asked   uint64 `json:"asked"`
	Refused uint64 `json:"refused"`
}

// NameHour is one hour of a day.
type NameHour struct {
	Start time.Time `json:"start"`
	NameSum
}

// NameDevice is a device's share.
type NameDevice struct {
	Device     string `json:"device"`
	DeviceName string `json:"device_name"`
	NameSum
}

// NameTop is a name's share.
type NameTop struct {
	Name string `json:"name"`
	NameSum
}

// NameReason is how often something was refused for a reason.
type NameReason struct {
	Reason string `json:"reason"`
	N      uint64 `json:"n"`
}

// typeName is what people call a DNS type; RFC 3597 says how when it is rare.
func typeName(t uint16) string {
	switch t {
	case 1:
		return "A"
	case 2:
		return "NS"
	case 5:
		return "CNAME"
	case 6:
		return "SOA"
	case 12:
		return "PTR"
	case 15:
		return "MX"
	case 16:
		return "TXT"
	case 28:
		return "AAAA"
	case 33:
		return "SRV"
	case 43:
		return "DS"
	case 48:
		return "DNSKEY"
	case 64:
		return "SVCB"
	case 65:
		return "HTTPS"
	case 255:
		return "ANY"
	case 257:
		return "CAA"
	}
	return "TYPE" + strconv.Itoa(int(t))
}
