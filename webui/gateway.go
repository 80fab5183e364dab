package webui

import (
	"context"
	"io"
	"net/netip"
	"time"

	"monban/gateway"
	"monban/gateway/checklist"
	"monban/gateway/notice"
	"monban/gateway/people"
)

// What the page needs from the gateway, one small interface per screen. Every
// method that takes an actor authorises him by itself; the page only hides
// what he may not do. An error meant for people is a *text.Fault; its Field is
// the name of the form field below in quotes, where one is given.

// An Entrance lets people in: the first account, sign-in and step-up. The
// source is the client's address; attempts are limited behind this interface,
// by delay and never by a lock.
type Entrance interface {
	// SetUpNeeded says whether nobody has an account yet.
	SetUpNeeded(ctx context.Context) bool
	// BeginSetUp checks the set-up code or an invitation ("code"), the name
	// ("name") and the password ("password") and keeps them for 15 minutes
	// under a random id. Nothing is an account before FinishSetUp.
	BeginSetUp(ctx context.Context, source netip.Addr, code, name, password string) (pending string, err error)
	// PendingSetUp returns what the authenticator must be told: the secret in
	// base32 without padding, and the otpauth:// URL of the same secret.
	PendingSetUp(ctx context.Context, pending string) (secret, url string, err error)
	// FinishSetUp checks the first one-time code ("totp"), makes the account
	// (a director by the set-up code, else what the invitation says), uses the
	// code up and returns the recovery codes, which are stored only as hashes.
	// The actor has stepped up.
	FinishSetUp(ctx context.Context, source netip.Addr, pending, totp string) (people.Actor, []string, error)
	// SignIn checks name, password and the second factor together. The code
	// is six digits of the authenticator or a recovery code; which, its form
	// says. A wrong name, password or code are one and the same Fault. The
	// actor has stepped up, Via is "page".
	SignIn(ctx context.Context, source netip.Addr, name, password, code string) (people.Actor, error)
	// StepUp checks the second factor again ("totp") and returns the actor
	// with SteppedUp set.
	StepUp(ctx context.Context, source netip.Addr, actor people.Actor, code string) (people.Actor, error)
	// Actor returns the person with this id as he is now, Via "page". It is
	// asked on every request, so that a person taken away is out at once: a
	// Fault "people.…" ends the session, any other error only the request.
	Actor(ctx context.Context, id int64) (people.Actor, error)
}

// An Account is a person's own way in. No method takes another's id. Each change
// ends all sign-ins of the person but that of the actor it returns: the page
// takes no session whose Renewed is not the one Entrance.Actor says.
type Account interface {
	Account(ctx context.Context, actor people.Actor) (gateway.Account, error)
	// SetPassword gives the actor another password ("password") for the one he
	// has ("old"). It needs a
	// fresh step-up, as do BeginFactor and NewRecoveryCodes.
	SetPassword(ctx context.Context, source netip.Addr, actor people.Actor, old, password string) (people.Actor, error)
	// BeginFactor makes the secret of another authenticator and keeps it for
	// 15 minutes under a random id, for PendingSetUp. FinishFactor checks its
	// first code ("totp"); until then the old one holds.
	BeginFactor(ctx context.Context, actor people.Actor) (pending string, err error)
	FinishFactor(ctx context.Context, source netip.Addr, actor people.Actor, pending, totp string) (people.Actor, error)
	// NewRecoveryCodes makes new recovery codes, shown once; the old ones end.
	NewRecoveryCodes(ctx context.Context, source netip.Addr, actor people.Actor) (people.Actor, []string, error)
}

// A Glance is the state of the box as a whole.
type Glance interface {
	Status(ctx context.Context) (gateway.Status, error)
}

// Maintenance is the windows from the request to the end.
type Maintenance interface {
	// Vendors are the companies that may be let in, in the order of site.toml.
	Vendors(ctx context.Context) []gateway.Vendor
	// Windows are the newest first, with ids below before (0: from the
	// newest), at most limit of them; without their sessions.
	Windows(ctx context.Context, actor people.Actor, before int64, limit int) ([]gateway.Window, error)
	// WindowByID is one window with its sessions.
	WindowByID(ctx context.Context, actor people.Actor, id int64) (gateway.Window, error)
	// AskWindow records a request. Faults name the fields "vendor",
	// "device", "port", "for", "reason" and "requester".
	AskWindow(ctx context.Context, actor people.Actor, ask gateway.Ask) (gateway.Window, error)
	// ApproveWindow approves a request for at most the length asked for and
	// opens it. callBack says that the approver rang the registered number
	// back ("called_back"). It needs a step-up of the last minutes. It
	// returns when the kernel holds the window.
	ApproveWindow(ctx context.Context, actor people.Actor, id int64, length time.Duration, callBack bool) (gateway.Window, error)
	// RefuseWindow answers a request with no and says why ("answer").
	RefuseWindow(ctx context.Context, actor people.Actor, id int64, why string) (gateway.Window, error)
	// CloseWindow ends an open window now. Closing one that is over already
	// is no error.
	CloseWindow(ctx context.Context, actor people.Actor, id int64) (gateway.Window, error)
	// CloseAll ends every open window now and says how many there were.
	CloseAll(ctx context.Context, actor people.Actor) (int, error)
	// ExtendWindow lengthens an open window by more, at most to 8 hours from
	// its opening ("length_other"). It is a new approval: step-up, and who may
	// and callBack as for ApproveWindow.
	ExtendWindow(ctx context.Context, actor people.Actor, id int64, more time.Duration, callBack bool) (gateway.Window, error)
	// Tools are the remote-support tools a window can be for, by name.
	Tools(ctx context.Context) []gateway.Tool
}

// Requests are asked for by signed text, or stand in the calendar.
type Requests interface {
	// ReadRequest checks a signed request ("text") and says what it asks for.
	// It changes nothing.
	ReadRequest(ctx context.Context, actor people.Actor, text string) (gateway.SignedRequest, error)
	// RecordRequest checks it again and records it as a request.
	RecordRequest(ctx context.Context, actor people.Actor, text string) (gateway.Window, error)
	Plans(ctx context.Context, actor people.Actor) ([]gateway.WeeklyPlan, error)
	// AddPlan makes a weekly plan. Faults name AskWindow's fields, and "week",
	// "day", "time".
	AddPlan(ctx context.Context, actor people.Actor, ask gateway.PlanAsk) (gateway.WeeklyPlan, error)
	DropPlan(ctx context.Context, actor people.Actor, id int64) error
	Keys(ctx context.Context, actor people.Actor) ([]gateway.VendorKey, error)
	// EnrolKey registers an engineer's ("name") public key ("key") for a vendor
	// ("vendor"). It needs a fresh step-up, as does RevokeKey.
	EnrolKey(ctx context.Context, actor people.Actor, vendor, name, key string) (gateway.VendorKey, error)
	RevokeKey(ctx context.Context, actor people.Actor, id int64) error
}

// An Emergency opens without an approver, by a code on paper.
type Emergency interface {
	// NewSealedCodes makes new codes, shown this once, and ends all old ones.
	// It needs a fresh step-up.
	NewSealedCodes(ctx context.Context, actor people.Actor) ([]string, error)
	SealedCodes(ctx context.Context, actor people.Actor) (gateway.SealedCodes, error)
	// BreakSealed opens a window at once, for an hour at most, with a code
	// ("code"), which is used up. Attempts are limited by source.
	BreakSealed(ctx context.Context, actor people.Actor, source netip.Addr, code string, ask gateway.Ask) (gateway.Window, error)
}

// An Aftermath is what is owed and shown after a window.
type Aftermath interface {
	// ReportWindow keeps what the vendor did ("report"), ReviewWindow that the
	// sessions were held against the request ("review"), ExcuseWindow why the
	// glass had to be broken ("excuse"). Each once.
	ReportWindow(ctx context.Context, actor people.Actor, id int64, text string) (gateway.Window, error)
	ReviewWindow(ctx context.Context, actor people.Actor, id int64, text string) (gateway.Window, error)
	ExcuseWindow(ctx context.Context, actor people.Actor, id int64, text string) (gateway.Window, error)
	WindowSheet(ctx context.Context, actor people.Actor, id int64) (gateway.Sheet, error)
	WindowMonth(ctx context.Context, actor people.Actor, year int, month time.Month) (gateway.Month, error)
	// Attempts are a day's ("2026-11-21"; empty: today).
	Attempts(ctx context.Context, actor people.Actor, day string) (gateway.AttemptDay, error)
}

// A Crier tells people outside the page.
type Crier interface {
	NoticeSettings(ctx context.Context, actor people.Actor) (notice.Settings, error)
	// SetNoticeSettings keeps them; faults name notice.Settings' fields. A
	// secret left empty stays as it was. It needs a fresh step-up.
	SetNoticeSettings(ctx context.Context, actor people.Actor, s notice.Settings) error
	// TestNotice sends a trial notice by one channel now and says what came
	// of it: nil, or a Fault with the reason.
	TestNotice(ctx context.Context, actor people.Actor, c notice.Channel) error
}

// A Ledger is the devices.
type Ledger interface {
	Devices(ctx context.Context, actor people.Actor) ([]gateway.Device, error)
	// NameDevice gives a device its name ("name").
	NameDevice(ctx context.Context, actor people.Actor, id int64, name string) error
}

// An Inspection is the Ministry's checklist and what proves its items.
type Inspection interface {
	// Checklist evaluates the newest edition that is shipped.
	Checklist(ctx context.Context, actor people.Actor) (checklist.Edition, []checklist.Finding, error)
	// RunSelfTest proves by packets that every way in is closed, and returns
	// when that is done. What came out is evidence in the checklist; an
	// error means that the test could not be run.
	RunSelfTest(ctx context.Context, actor people.Actor) error
}

// A Journal is the audit log.
type Journal interface {
	// Audit returns lines below before (0: from the newest), newest first.
	Audit(ctx context.Context, actor people.Actor, before uint64, limit int) ([]gateway.AuditLine, error)
	// CheckAudit verifies the whole chain. A chain that does not verify is
	// not an error but an answer.
	CheckAudit(ctx context.Context, actor people.Actor) (gateway.AuditCheck, error)
}

// Staffing is further people. It is apart from Gateway because the page works
// without it, for a clinic of one; a gateway that has it gets the screen.
type Staffing interface {
	// People are everybody with an account, in the order they came.
	People(ctx context.Context, actor people.Actor) ([]people.Actor, error)
	// Invite returns a code of the set-up code's strength, good once and for
	// 7 days, by which one person of this role makes an account with
	// BeginSetUp. It needs a fresh step-up.
	Invite(ctx context.Context, actor people.Actor, role people.Role) (code string, err error)
	// SetDeputy says whether a member of the staff may approve in the
	// director's place. It needs a fresh step-up.
	SetDeputy(ctx context.Context, actor people.Actor, id int64, deputy bool) error
}

// A Namer is the name filter as people see it.
type Namer interface {
	// Names are questions for names, newest first. Faults name the fields
	// "device" and "verdict".
	Names(ctx context.Context, actor people.Actor, q gateway.NameQuery) (gateway.NamePage, error)
	// NameStats is one day ("2026-11-21"; empty: today) of one device (its
	// hardware address; empty: all).
	NameStats(ctx context.Context, actor people.Actor, day, device string) (gateway.NameStats, error)
	// WhyName says why a name ("name"), or the address of a page, is answered
	// as it is for a device ("device"); empty: for whoever has the address client.
	WhyName(ctx context.Context, actor people.Actor, name, device string, client netip.Addr) (gateway.NameWhy, error)
	// Allows are the names that are allowed, and those wished for.
	Allows(ctx context.Context, actor people.Actor) ([]gateway.NameAllow, error)
	WishName(ctx context.Context, actor people.Actor, ask gateway.AllowAsk) (gateway.NameAllow, error)
	// AllowName lets a name through; with an id it answers that wish. Without
	// a length it is for good and needs a fresh step-up.
	AllowName(ctx context.Context, actor people.Actor, id int64, ask gateway.AllowAsk) (gateway.NameAllow, error)
	// EndAllow takes one back, or declines a wish.
	EndAllow(ctx context.Context, actor people.Actor, id int64) error
	// BlockedName says why the device at client does not get name, to somebody
	// without an account; ok is false if it does. WishBlocked is WishName for
	// him ("reason").
	BlockedName(ctx context.Context, client netip.Addr, name string) (w gateway.NameWhy, ok bool)
	WishBlocked(ctx context.Context, client netip.Addr, name, reason string) (gateway.NameAllow, error)
	// ExportNames are those of Names to take along, bounded; the log gets a line.
	ExportNames(ctx context.Context, actor people.Actor, q gateway.NameQuery) (all []gateway.NameRecord, more bool, err error)
	// NameGroups are the groups of devices and what holds for them now.
	NameGroups(ctx context.Context, actor people.Actor) (gateway.NameGroups, error)
	// PauseNames lets names through that a list refuses or safe search renames,
	// for 5 or 30 minutes: for a group, a device or all. ResumeNames ends that
	// early; for all it ends every pause.
	PauseNames(ctx context.Context, actor people.Actor, ask gateway.PauseAsk) error
	ResumeNames(ctx context.Context, actor people.Actor, ask gateway.PauseAsk) error
}

// A Librarian keeps the lists of names that are refused.
type Librarian interface {
	// NameLists are all lists and what became of them.
	NameLists(ctx context.Context, actor people.Actor) ([]gateway.ListView, error)
	// CheckNameLists fetches them now that are fetched, without waiting, and says
	// what becomes of it.
	CheckNameLists(ctx context.Context, actor people.Actor) (string, error)
	// AcceptList and RefuseList answer for a list that is held back, of that
	// sum. Both need a fresh step-up.
	AcceptList(ctx context.Context, actor people.Actor, name, sum string) error
	RefuseList(ctx context.Context, actor people.Actor, name, sum string) error
	// Denies are the names the clinic itself refuses, for good and for all.
	Denies(ctx context.Context, actor people.Actor) ([]gateway.NameDeny, error)
	// DenyName refuses one more ("name", "reason"); EndDeny takes one back.
	DenyName(ctx context.Context, actor people.Actor, name, reason string) (gateway.NameDeny, error)
	EndDeny(ctx context.Context, actor people.Actor, id int64) error
}

// An Updater is the box's own software.
type Updater interface {
	// Firmware is the version that runs, how it stands, and what is newer.
	Firmware(ctx context.Context, actor people.Actor) (gateway.Firmware, error)
	// CheckFirmware has newer versions looked for now, without waiting.
	CheckFirmware(ctx context.Context, actor people.Actor) error
	// UploadFirmware takes an update file in ("file") and offers what it is of.
	UploadFirmware(ctx context.Context, actor people.Actor, file io.Reader) (gateway.FirmwareOffer, error)
	// ApproveFirmware lets the offer of that sum be installed in the night;
	// HurryFirmware, once it is approved, now. Both need a fresh step-up.
	ApproveFirmware(ctx context.Context, actor people.Actor, sum string) error
	HurryFirmware(ctx context.Context, actor people.Actor, sum string) error
	// CancelFirmware takes the approval back, or throws a file away.
	CancelFirmware(ctx context.Context, actor people.Actor, sum string) error
	// SeeFirmware says that somebody has seen that the box went back.
	SeeFirmware(ctx context.Context, actor people.Actor) error
}

// A Gateway is all a page needs. *gateway.Gateway is one.
type Gateway interface {
	Entrance
	Account
	Glance
	Maintenance
	Ledger
	Inspection
	Journal
	Requests
	Emergency
	Aftermath
	Crier
	Namer
	Warden
	Librarian
	Updater
	Mover
	Keeper
}
