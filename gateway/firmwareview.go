package gateway

import (
	"context"
	"time"

	"monban/gateway/checklist"
	"monban/gateway/people"
	"monban/gateway/text"
)

// Firmware is the box's own software as people see it.
type Firmware struct {
	Version string `json:"version"` // that runs
	// Slots says that it is an image in one of two slots. Without them somebody
	// else updates it, and nothing below is known.
	Slots bool        `json:"slots"`
	Mute  *text.Fault `json:"mute,omitempty"`  // why the slots could not be asked; then Slot to Trial are not known
	Slot  string      `json:"slot,omitempty"`  // "a" or "b"
	Other string      `json:"other,omitempty"` // version in the other one; empty: none that can start
	Trial bool        `json:"trial,omitempty"` // not kept yet
	// Armed is a version that is not wanted any more, and that the next restart
	// tries unless the box comes to disarm it before.
	Armed string `json:"armed,omitempty"`

	Host    string      `json:"host,omitempty"` // that is asked for newer versions; empty: nobody is
	Checked time.Time   `json:"checked,omitzero"`
	Tried   time.Time   `json:"tried,omitzero"`
	Error   *text.Fault `json:"error,omitempty"` // of the last try

	Offer    *FirmwareOffer `json:"offer,omitempty"`
	Failed   *text.Fault    `json:"failed,omitempty"` // why Offer is not in use yet
	FailedAt time.Time      `json:"failed_at,omitzero"`
	Fallen   *FirmwareFall  `json:"fallen,omitempty"`

	From int       `json:"from"` // minutes of the day between which it may restart
	To   int       `json:"to"`
	Next time.Time `json:"next,omitzero"` // when an approved version is installed; zero: the clock is not set
	Busy string    `json:"busy,omitempty"`
}

// A FirmwareOffer is a version newer than the one that runs. What is said of
// it is signed, but by strangers to the page.
type FirmwareOffer struct {
	Version  string            `json:"version"`
	Sum      string            `json:"sum"` // which one exactly
	Made     time.Time         `json:"made"`
	Size     int64             `json:"size"`  // bytes
	Notes    map[string]string `json:"notes"` // by language
	At       time.Time         `json:"at"`    // when it came here
	By       people.Actor      `json:"by,omitzero"`
	File     bool              `json:"file,omitempty"` // By sent it; else it is fetched
	Approver people.Actor      `json:"approver,omitzero"`
	Approved time.Time         `json:"approved,omitzero"` // zero: it waits for the director
	Fell     bool              `json:"fell,omitempty"`    // it was installed before, and given up
}

// A FirmwareFall is that the box went back by itself.
type FirmwareFall struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
	// Why is what the version said of itself before, if it still could.
	Why []*text.Fault `json:"why,omitempty"`
}

// pageFresh is how old the slots' state may be on the page.
const pageFresh = 5 * time.Second

// Firmware says which version runs, how it stands, and what is newer.
func (g *Gateway) Firmware(ctx context.Context, who people.Actor) (Firmware, error) {
	if err := may(who, people.ActRead); err != nil {
		return Firmware{}, err
	}
	u := g.current().config.Update
	v := Firmware{Version: g.o.Version, Host: hostOfUpdates(u.Address), From: u.From, To: u.To}
	if g.o.Slots == nil {
		return v, nil
	}
	v.Slots = true
	if !g.loadFirmware(ctx) {
		v.Mute = faultOf(g.storeFault())
		return v, nil
	}
	st, err := g.askSlots(ctx, pageFresh)
	if err != nil {
		v.Mute = faultOf(err)
	} else {
		v.Slot, v.Trial = st.Slot, st.Trial
		v.Version, v.Other = st.Release.Version.String(), st.Other.String()
	}
	k := g.keptFirmware()
	v.Checked, v.Tried, v.Error, v.Armed = k.Checked, k.Tried, k.Error, k.Unwanted
	if k.Offer != nil {
		o := offerView(k.Offer)
		o.Fell = o.Version == k.Bad
		v.Offer = &o
	}
	if k.Failed != nil {
		v.Failed, v.FailedAt = k.Failed.Why, k.Failed.At
	}
	if k.Fallen != nil {
		v.Fallen = &FirmwareFall{k.Fallen.From, k.Fallen.To, k.Fallen.At, k.Fallen.Why}
	}
	if g.o.Clock.Synced() {
		v.Next = nextNight(u, g.o.Clock.Wall().In(g.Zone()))
	}
	g.firm.mu.Lock()
	v.Busy = g.firm.busy
	g.firm.mu.Unlock()
	return v, nil
}

func offerView(o *firmwareOffer) FirmwareOffer {
	m := o.Manifest
	return FirmwareOffer{Version: m.Version.String(), Sum: o.Sum, Made: m.Made, Size: m.Root.Size + m.Boot.Size,
		Notes: map[string]string{"ja": m.Notes.JA, "en": m.Notes.EN}, At: o.At, By: o.By, File: o.File, Approver: o.Approver, Approved: o.Approved}
}

const firmwarePath = "/firmware"

// firmwareNotes are what the first page says of the box's own software, from
// memory: it asks nobody.
func (g *Gateway) firmwareNotes() (notes []Note) {
	if g.o.Slots == nil {
		return nil
	}
	f := g.firm
	f.mu.Lock()
	k, st, mute, loaded := f.kept, f.status, f.mute, f.loaded
	f.mu.Unlock()
	add := func(code, level string, args map[string]any) {
		notes = append(notes, Note{Code: code, Level: level, Args: args, Link: firmwarePath})
	}
	if !loaded {
		return nil
	}
	if k.Fallen != nil {
		add("gateway.firmware_fallen", "caution", map[string]any{"from": k.Fallen.From, "to": k.Fallen.To})
	}
	if mute != nil {
		add("gateway.firmware_mute", "caution", nil)
	}
	if k.Unwanted != "" {
		add("gateway.firmware_armed", "caution", map[string]any{"version": k.Unwanted})
	}
	if o := k.Offer; o != nil {
		args := map[string]any{"version": o.Manifest.Version.String()}
		switch {
		case k.Failed != nil && !o.approved(): // it did not start, and is to be approved anew
			add("gateway.firmware_again", "caution", args)
		case k.Failed != nil:
			add("gateway.firmware_failed", "caution", args)
		case !o.approved():
			add("gateway.firmware_offer", "caution", args)
		}
	}
	if mute == nil && st.Trial {
		add("gateway.firmware_trial", "info", map[string]any{"version": st.Release.Version.String()})
	}
	return notes
}

// How old what is known may be, and how long ago an approved version may have
// come without being in use, before the checklist finds fault with it. It does
// with one that nobody has approved from the first day: item 2-⑥ asks whether
// what is known is in use, and the house has its say by approving.
const (
	firmwareKnown = 7 * dayOld
	firmwareGrace = 14 * dayOld
)

// firmwareEvidence is E-08: the version of this box, and whether there is a
// newer one. Where the software is somebody else's matter nothing is measured.
func (g *Gateway) firmwareEvidence(ctx context.Context) (checklist.Evidence, bool) {
	v, err := g.Firmware(ctx, people.Box)
	if err != nil || !v.Slots || v.Mute != nil {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-08", firmwareKnown)
	seen(&e, false, "evidence.firmware_runs", text.Args{"version": v.Version})
	if v.Trial {
		seen(&e, false, "evidence.firmware_trial", nil)
	}
	if v.Fallen != nil {
		seen(&e, true, "evidence.firmware_fallen", text.Args{"from": v.Fallen.From, "to": v.Fallen.To})
	}
	now := g.o.Clock.Wall()
	switch o := v.Offer; {
	case o != nil && (o.Approved.IsZero() || v.Failed != nil || now.Sub(o.At) > firmwareGrace):
		seen(&e, true, "evidence.firmware_waits", text.Args{"version": o.Version, "since": o.At})
	case o != nil:
		seen(&e, false, "evidence.firmware_approved", text.Args{"version": o.Version})
	case v.Host == "" || v.Checked.IsZero() || now.Sub(v.Checked) > firmwareKnown:
		seen(&e, false, "evidence.firmware_unasked", nil)
		if e.Result == checklist.Pass {
			e.Result = checklist.Unknown
		}
	default:
		e.At, e.ValidUntil = v.Checked, v.Checked.Add(firmwareKnown)
		seen(&e, false, "evidence.firmware_newest", text.Args{"at": v.Checked})
	}
	return e, true
}

// firmwareGlance says whether there are slots, and whether what runs is on
// trial, as it was last read.
func (g *Gateway) firmwareGlance() (slots, trial bool) {
	g.firm.mu.Lock()
	defer g.firm.mu.Unlock()
	return g.o.Slots != nil, g.firm.mute == nil && g.firm.status.Trial
}
