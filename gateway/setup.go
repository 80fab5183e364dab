package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"monban/gateway/people"
	"monban/gateway/provision"
	"monban/gateway/store"
	"monban/gateway/text"
)

// pendingFor is how long somebody may take from the set-up code to the first
// one-time code.
const pendingFor = 15 * time.Minute

// maxPending bounds what attempts can cost in memory.
const maxPending = 32

// A pendingPerson has given a code and a password but no one-time code yet, or
// has an account and is about to register another authenticator.
type pendingPerson struct {
	person people.Person // with an id: of that account, the new secret only
	grant  grant         // the code that lets him in
	until  time.Time
}

// A grant is the code that lets somebody in: its settings key, and the hash of
// just that one, since another may take its place.
type grant struct{ key, hash string }

// Settings of the store that let people in.
const (
	keySetUp  = "setup"   // hash of the set-up code, gone once it is used
	keyInvite = "invite:" // + role, hash and end of an invitation
)

// PrepareSetUp makes the set-up code while nobody has an account: the one that
// was brought, or one of its own if there is none yet. It leaves it in the state
// directory for the label or the console. There is none later: a used code is
// gone, and one that is brought then is too.
func (g *Gateway) PrepareSetUp(ctx context.Context) error {
	db := g.db()
	if db == nil {
		return nil
	}
	seed := filepath.Join(g.o.State, provision.Seed)
	if !g.SetUpNeeded(ctx) {
		return removed(seed) // nobody needs it any more
	}
	old, err := db.Meta(ctx, keySetUp)
	if err != nil {
		return err
	}
	code, hash := people.NewSetupCode()
	brought := false
	if b, err := os.ReadFile(seed); err == nil {
		// Provisioning has looked at it; one that is no code leaves ours.
		if c, h, ok := people.SetupCode(string(b)); ok {
			code, hash, brought = c, h, true
		}
	}
	if old != nil && !brought {
		return removed(seed)
	}
	// The file first: a code nobody can read would lock the box.
	if err := renameio.WriteFile(g.setUpFile(), []byte(code+"\n"), 0o600); err != nil {
		return text.NewFault("store.read_only").Because(err)
	}
	err = g.act(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.SetMeta(keySetUp, []byte(hash)); err != nil {
			return err
		}
		return tx.Audit("setup.code_made", nil)
	})
	if err != nil {
		return err
	}
	return removed(seed)
}

func removed(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SetUpFile holds the set-up code in the state directory until it is used.
const SetUpFile = "setup-code"

func (g *Gateway) setUpFile() string { return filepath.Join(g.o.State, SetUpFile) }

// SetUpNeeded says whether nobody has an account yet.
func (g *Gateway) SetUpNeeded(ctx context.Context) bool {
	db := g.db()
	if db == nil {
		return false
	}
	all, err := db.People(ctx)
	return err == nil && len(all) == 0
}

// BeginSetUp checks a set-up code or an invitation, a name and a password, and
// keeps them for 15 minutes under a random id.
func (g *Gateway) BeginSetUp(ctx context.Context, source netip.Addr, code, name, password string) (string, error) {
	db := g.db()
	if db == nil {
		return "", g.storeFault()
	}
	if err := g.try("", source); err != nil {
		return "", err
	}
	by, role, err := g.grant(ctx, code)
	if err != nil {
		return "", err
	}
	var faults []error
	if name, err = people.Clean(name); err != nil {
		faults = append(faults, on("name", err))
	}
	if err := people.CheckPassword(password, name, g.current().config.Clinic); err != nil {
		faults = append(faults, on("password", err))
	}
	if _, err := db.PersonNamed(ctx, name); err == nil {
		faults = append(faults, text.NewFault("people.name_taken", "name", name).On("name"))
	}
	if len(faults) > 0 {
		return "", errors.Join(faults...)
	}
	hash, err := g.hash.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	return g.keepPending(people.Person{Name: name, Role: role, Password: hash, TOTP: people.NewTOTP()}, by)
}

// keepPending keeps p for 15 minutes under a random id, an account once.
func (g *Gateway) keepPending(p people.Person, by grant) (string, error) {
	id := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.o.Clock.Wall()
	for k, old := range g.pending {
		if now.After(old.until) || p.ID != 0 && old.person.ID == p.ID {
			delete(g.pending, k)
		}
	}
	if len(g.pending) >= maxPending {
		return "", text.NewFault("people.wait", "seconds", int(pendingFor.Seconds()))
	}
	g.pending[id] = pendingPerson{p, by, now.Add(pendingFor)}
	return id, nil
}

// grant finds what a code lets its bearer become.
func (g *Gateway) grant(ctx context.Context, code string) (grant, people.Role, error) {
	hash, err := g.db().Meta(ctx, keySetUp)
	if err != nil {
		return grant{}, "", err
	}
	if people.IsSetupCode(string(hash), code) {
		return grant{keySetUp, string(hash)}, people.Director, nil
	}
	if by, role, err := g.invited(ctx, code); err != nil || by.key != "" {
		return by, role, err
	}
	return grant{}, "", text.NewFault("people.wrong_setup_code").On("code")
}

// good says whether what is kept under the grant's key now still lets its
// bearer in.
func (by grant) good(kept []byte, now time.Time) bool {
	if by.key == keySetUp {
		return by.hash != "" && string(kept) == by.hash
	}
	i, ok := invitationOf(kept, now)
	return ok && i.Hash == by.hash
}

// PendingSetUp returns what the authenticator must be told.
func (g *Gateway) PendingSetUp(_ context.Context, pending string) (secret, url string, err error) {
	p, err := g.pendingPerson(pending)
	if err != nil {
		return "", "", err
	}
	clinic := g.current().config.Clinic
	if clinic == "" {
		clinic = "Monban"
	}
	return people.TOTPText(p.person.TOTP), people.TOTPURL(p.person.TOTP, clinic, p.person.Name), nil
}

func (g *Gateway) pendingPerson(id string) (pendingPerson, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.pending[id]
	if !ok || g.o.Clock.Wall().After(p.until) {
		return pendingPerson{}, text.NewFault("people.setup_expired")
	}
	return p, nil
}

func (g *Gateway) dropPending(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.pending, id)
}

// FinishSetUp checks the first one-time code and makes the account.
func (g *Gateway) FinishSetUp(ctx context.Context, source netip.Addr, pending, totp string) (people.Actor, []string, error) {
	if err := g.try("", source); err != nil {
		return people.Actor{}, nil, err
	}
	p, err := g.pendingPerson(pending)
	if err == nil && p.person.ID != 0 { // has an account
		err = text.NewFault("people.setup_expired")
	}
	if err != nil {
		return people.Actor{}, nil, err
	}
	now := g.o.Clock.Wall()
	step, ok := people.CheckTOTP(p.person.TOTP, totp, now, 0)
	if !ok {
		return people.Actor{}, nil, g.wrongCode("totp")
	}
	p.person.Counter, p.person.Created = step, now
	codes, hashes, err := g.hash.NewRecovery(ctx)
	if err != nil {
		return people.Actor{}, nil, err
	}
	p.person.Recovery = hashes
	made := p.person.Actor("page")
	err = g.act(ctx, made, func(tx *store.Tx) error {
		// Two could hold the same code; the first to come this far has it. And
		// it may have been replaced since, because it got into wrong hands.
		left, err := tx.Meta(p.grant.key)
		if err != nil {
			return err
		}
		if !p.grant.good(left, now) {
			return text.NewFault("people.wrong_setup_code").On("code")
		}
		if err := tx.SetMeta(p.grant.key, nil); err != nil {
			return err
		}
		person, err := tx.InsertPerson(p.person)
		if err != nil {
			return err
		}
		made = person.Actor("page")
		return g.tell(tx, "people.joined", map[string]any{"name": person.Name, "role": string(person.Role), "source": source.String()})
	})
	if err != nil {
		return people.Actor{}, nil, err
	}
	g.dropPending(pending)
	if p.grant.key == keySetUp {
		if err := os.Remove(g.setUpFile()); err != nil {
			g.o.Log.Warn("used set-up code not removed", "err", err)
		}
	}
	g.doors.Good("", sourceKey(source))
	made.SteppedUp = now
	return made, codes, nil
}
