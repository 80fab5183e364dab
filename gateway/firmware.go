package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// Slots are the two places that hold the box's own software, of which one
// runs. The client of the slot service is it. Errors are Faults.
type Slots interface {
	Status(context.Context) (bootslot.Status, error)
	// Check says what a manifest is of, if its signature is good and this box
	// may be updated to it.
	Check(ctx context.Context, manifest, signature []byte) (bootslot.Manifest, error)
	// Install writes an update file of size bytes to the slot that does not
	// run, if its manifest has the sum want; else that is slot.other. What
	// runs, and what starts next, stays.
	Install(ctx context.Context, size int64, want bootslot.Sum, file io.Reader) error
	// Arm makes what was installed start next, on trial; Back undoes that.
	Arm(context.Context) error
	Back(ctx context.Context, why []*text.Fault) error
	Reboot(context.Context) error
}

// A firmwareOffer is a version newer than the one that runs.
type firmwareOffer struct {
	Sum      string            `json:"sum"` // SHA-256 of its manifest, in hex: which one people mean
	Manifest bootslot.Manifest `json:"manifest"`
	Size     int64             `json:"size"` // bytes of the whole file
	At       time.Time         `json:"at"`
	// File says that it came as a file, from By, that lies in the state
	// directory; else it is fetched.
	File     bool         `json:"file,omitempty"`
	By       people.Actor `json:"by,omitzero"`
	Approver people.Actor `json:"approver,omitzero"` // without a name: nobody yet
	Approved time.Time    `json:"approved,omitzero"`
}

// sum is Sum as the slots know it.
func (o *firmwareOffer) sum() (s bootslot.Sum, err error) {
	if err := s.UnmarshalText([]byte(o.Sum)); err != nil {
		return s, fmt.Errorf("reading which update is meant: %w", err)
	}
	return s, nil
}

func (o *firmwareOffer) approved() bool { return o != nil && o.Approver.Name != "" }

// A firmwareStep is the way from one version to another.
type firmwareStep struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
}

// A firmwareFall is a step that was taken back by itself, and what the version
// said of itself before, if it still could.
type firmwareFall struct {
	firmwareStep
	Why []*text.Fault `json:"why,omitempty"`
}

// A firmwareTrial is a step that was begun and has not come to an end.
type firmwareTrial struct {
	firmwareStep
	BootID string  `json:"boot_id"` // in which it began
	Before *before `json:"before,omitempty"`
}

// A firmwareFailure is why an approved version could not be installed.
type firmwareFailure struct {
	Why  *text.Fault `json:"why"`
	At   time.Time   `json:"at"`
	Told time.Time   `json:"told"` // when people were told of one
}

// keptFirmware is what the box remembers of its own software through
// restarts. Its parts are replaced, never changed.
type keptFirmware struct {
	Runs    string           `json:"runs,omitempty"` // the version that was last kept
	Checked time.Time        `json:"checked,omitzero"`
	Tried   time.Time        `json:"tried,omitzero"`
	Error   *text.Fault      `json:"error,omitempty"` // of the last try
	Fails   int              `json:"fails,omitempty"` // in a row
	Offer   *firmwareOffer   `json:"offer,omitempty"`
	Failed  *firmwareFailure `json:"failed,omitempty"` // about Offer
	Trial   *firmwareTrial   `json:"trial,omitempty"`
	Fallen  *firmwareFall    `json:"fallen,omitempty"` // told until somebody has seen it
	Bad     string           `json:"bad,omitempty"`    // the version that was last given up
	// Unwanted is a version that was to start next and shall not any more,
	// until it is seen that it does not.
	Unwanted string `json:"unwanted,omitempty"`
}

// What the box does about its software just now.
const (
	firmwareChecking   = "checking"
	firmwareInstalling = "installing"
	firmwareRestarting = "restarting"
)

// firmware is all that is known of the box's own software.
type firmware struct {
	turn     sync.Mutex // one check, upload or installation at a time; first
	changing sync.Mutex // what is kept, in memory and on disk; before mu

	mu       sync.Mutex // guards what follows; never held over disk or socket
	loaded   bool
	kept     keptFirmware
	status   bootslot.Status
	statusAt time.Duration // boot time it was read; 0: never
	mute     error         // why the slots could not be asked; nil: they could
	busy     string
	began    time.Duration
	due      time.Duration // boot time the next check is due; 0: not known yet
	retry    time.Duration // … and the next try to install
	tries    int
	hurry    string        // the offer somebody wants at once
	restart  time.Duration // boot time a restart was asked for; 0: none was
	whole    time.Duration // boot time the log was last verified for Health

	wake chan struct{}
}

func newFirmware(boot time.Duration) *firmware {
	return &firmware{began: boot, wake: make(chan struct{}, 1)}
}

// keyFirmware is the setting that holds keptFirmware.
const keyFirmware = "firmware"

// Pace of keepFirmware.
const (
	firmwareLook = 30 * time.Second
	slotsFresh   = 10 * time.Minute // how long the slots' state is taken as known
	slotsAnswer  = 10 * time.Second // twice what the service waits for another's act
	// slotsAct is how long the service may take to arm, disarm or begin a
	// restart, which syncs a disk it yields to everybody else. Three of them are
	// less than restartWithin.
	slotsAct      = 90 * time.Second
	restartWithin = 5 * time.Minute // after it was asked for
)

// keepFirmware follows what runs, asks for newer versions, and installs what
// was approved.
func (g *Gateway) keepFirmware(ctx context.Context) error {
	for {
		g.firmwareTurn(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(firmwareLook):
		case <-g.firm.wake:
		}
	}
}

func (g *Gateway) firmwareTurn(ctx context.Context) {
	g.firm.turn.Lock()
	defer g.firm.turn.Unlock()
	if !g.loadFirmware(ctx) {
		return
	}
	st, err := g.askSlots(ctx, slotsFresh)
	if err != nil {
		return
	}
	g.settleFirmware(ctx, st)
	g.disarm(ctx)
	g.tidyUpdates()
	if g.keptFirmware().Trial == nil {
		g.checkFirmware(ctx)
		g.installFirmware(ctx)
	}
}

// askSlots is how the slots stand, as it was read at most fresh ago, or while
// something is on trial now.
func (g *Gateway) askSlots(ctx context.Context, fresh time.Duration) (bootslot.Status, error) {
	f, now := g.firm, g.o.Clock.Boot()
	f.mu.Lock()
	st, err, at, trial := f.status, f.mute, f.statusAt, f.kept.Trial != nil
	writing := f.busy == firmwareInstalling && fresh > 0 // it answers when that is done
	f.mu.Unlock()
	if at != 0 && (now-at < fresh && !trial || writing) {
		return st, err
	}
	known := st
	soon, stop := context.WithTimeout(ctx, slotsAnswer)
	defer stop()
	st, err = g.o.Slots.Status(soon)
	switch {
	case ctx.Err() != nil:
		return st, ctx.Err()
	case at != 0 && is(err, "slot.busy"): // by the console
		return known, nil
	}
	f.mu.Lock()
	news := err != nil && f.mute == nil
	f.status, f.mute, f.statusAt = st, err, now
	f.mu.Unlock()
	if news {
		g.o.Log.Warn("slots not read", "err", err)
	}
	return st, err
}

// loadFirmware reads what earlier runs knew, once there is a database.
func (g *Gateway) loadFirmware(ctx context.Context) bool {
	f, db := g.firm, g.db()
	f.changing.Lock()
	defer f.changing.Unlock()
	f.mu.Lock()
	loaded := f.loaded
	f.mu.Unlock()
	if loaded || db == nil {
		return loaded
	}
	b, err := db.Meta(ctx, keyFirmware)
	if err != nil {
		g.troubled(err)
		return false
	}
	var kept keptFirmware
	if b != nil && json.Unmarshal(b, &kept) != nil {
		kept = keptFirmware{} // of another program; what runs is known anyway
	}
	f.mu.Lock()
	f.kept, f.loaded = kept, true
	f.mu.Unlock()
	return true
}

func (g *Gateway) keptFirmware() keptFirmware {
	g.firm.mu.Lock()
	defer g.firm.mu.Unlock()
	return g.firm.kept
}

// noteFirmware keeps what the box saw. Without the disk it is kept in memory.
func (g *Gateway) noteFirmware(ctx context.Context, change func(*keptFirmware)) {
	f := g.firm
	f.changing.Lock()
	defer f.changing.Unlock()
	next := g.keptFirmware()
	change(&next)
	if db, b := g.db(), mustJSON(next); db != nil {
		if err := db.PutMeta(ctx, keyFirmware, b); err != nil {
			g.o.Log.Warn("state of updates not stored", "err", err)
		}
	}
	f.mu.Lock()
	f.kept = next
	f.mu.Unlock()
}

// actFirmware carries out an act: change says what becomes of what is kept,
// and the line of the log about it. If it is not on disk it did not happen.
func (g *Gateway) actFirmware(ctx context.Context, who people.Actor, change func(*keptFirmware) (code string, args map[string]any, err error)) error {
	f := g.firm
	if !g.loadFirmware(ctx) {
		return g.storeFault()
	}
	f.changing.Lock()
	defer f.changing.Unlock()
	next := g.keptFirmware()
	code, args, err := change(&next)
	if err != nil {
		return err
	}
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.SetMeta(keyFirmware, mustJSON(next)); err != nil {
			return err
		}
		return g.tell(tx, code, maps.Clone(args))
	}); err != nil {
		return err
	}
	f.mu.Lock()
	f.kept = next
	f.mu.Unlock()
	return nil
}

func mustJSON(k keptFirmware) []byte {
	b, err := json.Marshal(k)
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return b
}

func (g *Gateway) setFirmwareBusy(what string) {
	g.firm.mu.Lock()
	g.firm.busy = what
	g.firm.mu.Unlock()
}
