package webui

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// How long a session lasts: unattended, and at most.
const (
	idleTime     = 30 * time.Minute
	longestTime  = 12 * time.Hour
	seenEvery    = time.Minute // how exactly idleness is kept, to spare the disk
	clockSlack   = 5 * time.Minute
	keyPerson    = "person"  // int64, id
	keySteppedUp = "stepped" // int64, Unix ms
	keySeen      = "seen"    // int64, Unix ms
	keyRenewed   = "renewed" // int64, people.Actor's; a session under another is over
	keyPending   = "pending" // string, id of a set-up under way
	keyFactor    = "factor"  // string, id of a new authenticator under way
	keyFlash     = "flash"   // string, JSON of flash
)

// newSessions sets scs up. Its own idle time-out is not used: it would write
// to the disk on every request, also on those of an open page by itself.
func (s *site) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = &spare{Store: s.Sessions, log: s.Log, now: time.Now}
	m.Lifetime = longestTime
	m.Cookie = scs.SessionCookie{Name: "__Host-monban", Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteStrictMode}
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		v := &visit{site: s, w: w, r: r}
		v.lang = v.chooseLang()
		v.fail(fmt.Errorf("keeping the session: %w", err))
	}
	return m
}

// enter reads who the visitor is. Somebody who was taken away, whose session
// rested too long, or who renewed his password elsewhere, is nobody.
func (v *visit) enter() (bool, error) {
	ctx := v.r.Context()
	id := v.sessions.GetInt64(ctx, keyPerson)
	if id == 0 {
		return false, nil
	}
	now := v.Now()
	idle := now.Sub(time.UnixMilli(v.sessions.GetInt64(ctx, keySeen)))
	who, err := v.Gateway.Actor(ctx, id)
	switch {
	case err == nil:
		v.known.put(who)
	case gone(err):
		v.known.drop(id)
	default:
		err = fmt.Errorf("looking up who this is: %w", err)
		ok := false
		if who, ok = v.known.get(id); !ok {
			return false, err
		}
		v.unsure, err = err, nil
	}
	stale := err == nil && who.Renewed != v.sessions.GetInt64(ctx, keyRenewed)
	if stale && v.live() {
		return false, nil // by a page that may be renewing the session just now
	}
	if err != nil || stale || idle > idleTime || idle < -clockSlack {
		if err := v.sessions.Destroy(ctx); err != nil {
			return false, fmt.Errorf("ending the session: %w", err)
		}
		return false, nil
	}
	if idle > seenEvery && (!v.live() || v.typing()) {
		v.sessions.Put(ctx, keySeen, now.UnixMilli())
	}
	v.who = who
	if ms := v.sessions.GetInt64(ctx, keySteppedUp); ms != 0 {
		v.who.SteppedUp = time.UnixMilli(ms)
	}
	return true, nil
}

// gone reports whether err says that there is no such person any more; a
// store that cannot be read says nothing about him.
func gone(err error) bool {
	var f *text.Fault
	return errors.As(err, &f) && strings.HasPrefix(f.Code, "people.")
}

// admit starts a session for somebody who has just shown who he is, under a
// new token.
func (v *visit) admit(who people.Actor) error {
	ctx := v.r.Context()
	if err := v.sessions.Clear(ctx); err != nil {
		return fmt.Errorf("clearing the session: %w", err)
	}
	if err := v.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("starting a session: %w", err)
	}
	v.sessions.SetDeadline(ctx, time.Now().Add(longestTime))
	v.sessions.Put(ctx, keyPerson, who.ID)
	v.sessions.Put(ctx, keySeen, v.Now().UnixMilli())
	v.sessions.Put(ctx, keyRenewed, who.Renewed)
	v.known.put(who)
	v.steppedUp(who)
	return nil
}

// goOn keeps this session, under a new token, when all of the person's ended.
func (v *visit) goOn(who people.Actor) error {
	ctx := v.r.Context()
	v.sessions.Put(ctx, keyRenewed, who.Renewed)
	v.known.put(who)
	v.who = who
	if err := v.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renewing the session: %w", err)
	}
	return nil
}

// steppedUp remembers when the second factor was last given.
func (v *visit) steppedUp(who people.Actor) {
	v.who = who
	if !who.SteppedUp.IsZero() {
		v.sessions.Put(v.r.Context(), keySteppedUp, who.SteppedUp.UnixMilli())
	}
}

// A flash is one sentence for the next page, and perhaps where to act on it.
type flash struct {
	Level view.Level
	Code  string
	Args  text.Args
	URL   string `json:",omitempty"`
	Link  string `json:",omitempty"` // code of what the link says
}

// tell leaves a sentence for the page after the redirect.
func (v *visit) tell(level view.Level, code string, kv ...any) {
	v.leave(flash{Level: level, Code: code, Args: text.NewFault(code, kv...).Args})
}

func (v *visit) leave(f flash) {
	b, err := json.Marshal(f)
	if err != nil { // arguments are strings and numbers
		v.Log.Error("sentence not kept", "code", f.Code, "err", err)
		return
	}
	v.sessions.Put(v.r.Context(), keyFlash, string(b))
}

// told takes the sentence out. The script's own requests leave it alone.
func (v *visit) told() *view.Note {
	ctx := v.r.Context()
	if v.live() || !v.sessions.Exists(ctx, keyFlash) {
		return nil
	}
	var f flash
	if err := json.Unmarshal([]byte(v.sessions.PopString(ctx, keyFlash)), &f); err != nil {
		return nil
	}
	n := &view.Note{Level: f.Level, Text: v.lang.Say(f.Code, v.shown(f.Args))}
	if f.URL != "" {
		n.URL, n.LinkText = f.URL, v.say(f.Link)
	}
	return n
}
