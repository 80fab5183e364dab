package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"

	"monban/dnsfilter/subscribe"
	"monban/gateway/bootslot"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// maxFirmwareWords bounds a manifest and its signature, each.
const maxFirmwareWords = bootslot.MaxManifest

// checkFirmware asks for a newer version once a day, or when somebody wants
// to know. g.firm.turn is held.
func (g *Gateway) checkFirmware(ctx context.Context) {
	s := g.current()
	if s.config.Update.Address == "" || g.o.Updates == nil || s.mode == SetUp || !g.firmwareDue() {
		return
	}
	g.setFirmwareBusy(firmwareChecking)
	o, err := g.newestFirmware(ctx, s.config.Update.Address)
	g.setFirmwareBusy("")
	if ctx.Err() != nil {
		return
	}
	now := g.o.Clock.Wall().UTC()
	g.noteFirmware(ctx, func(k *keptFirmware) {
		k.Tried, k.Error = now, nil
		if err != nil {
			k.Fails++
			k.Error = faultOf(err)
			return
		}
		k.Checked, k.Fails = now, 0
	})
	g.nextFirmwareCheck()
	if err != nil {
		g.o.Log.Warn("no answer about newer versions", "err", err)
		return
	}
	if o == nil || !g.betterOffer(o) {
		return
	}
	if err := g.actFirmware(ctx, people.Box, func(k *keptFirmware) (string, map[string]any, error) {
		k.Offer, k.Failed = o, nil
		return "firmware.offered", map[string]any{"version": o.Manifest.Version.String()}, nil
	}); err != nil {
		g.o.Log.Warn("newer version not recorded", "err", err)
	}
}

// betterOffer says whether o takes the place of what is offered: nothing that
// is approved gives way, nor does a file unless o is newer.
func (g *Gateway) betterOffer(o *firmwareOffer) bool {
	have := g.keptFirmware().Offer
	switch {
	case have == nil:
		return true
	case have.approved():
		return false
	case have.File:
		return o.Manifest.Version.Compare(have.Manifest.Version) > 0
	}
	return o.Sum != have.Sum
}

// firmwareDue says whether it is time to ask. The clock must be set, by which
// certificates are judged, but not for ever.
func (g *Gateway) firmwareDue() bool {
	f, now := g.firm, g.o.Clock.Boot()
	f.mu.Lock()
	due, k := f.due, f.kept
	f.mu.Unlock()
	if due == 0 {
		due = max(now, f.began+fetchFirst+upTo(fetchWithin))
		if since := g.o.Clock.Wall().Sub(k.Tried); !k.Tried.IsZero() && since >= 0 {
			due = max(due, now+interval(store.ListState{Fails: k.Fails})-since)
		}
		f.mu.Lock()
		f.due = due
		f.mu.Unlock()
	}
	return due <= now && g.clockForChecks()
}

// clockForChecks says whether the clock is set, or was waited for long enough.
func (g *Gateway) clockForChecks() bool {
	return g.o.Clock.Synced() || g.o.Clock.Boot() >= g.firm.began+clockWait
}

func (g *Gateway) nextFirmwareCheck() {
	f := g.firm
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = g.o.Clock.Boot() + interval(store.ListState{Fails: f.kept.Fails})
}

// newestFirmware asks what is at address; nil: nothing newer than what runs.
func (g *Gateway) newestFirmware(ctx context.Context, address string) (*firmwareOffer, error) {
	manifest, err := g.fetchWords(ctx, address+"/manifest")
	if err != nil {
		return nil, err
	}
	signature, err := g.fetchWords(ctx, address+"/manifest.minisig")
	if err != nil {
		return nil, err
	}
	o, err := g.offerOf(ctx, manifest, signature)
	if is(err, "slot.same") || is(err, "slot.older") { // signed well, and nothing new
		return nil, nil
	}
	return o, err
}

// offerOf lets the slot service judge a manifest.
func (g *Gateway) offerOf(ctx context.Context, manifest, signature []byte) (*firmwareOffer, error) {
	soon, stop := context.WithTimeout(ctx, slotsAnswer)
	defer stop()
	m, err := g.o.Slots.Check(soon, manifest, signature)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(manifest)
	return &firmwareOffer{Sum: hex.EncodeToString(sum[:]), Manifest: m, Size: updateSize(manifest, signature, m), At: g.o.Clock.Wall().UTC()}, nil
}

// updateSize is how many bytes the update file has: each entry of a tar has a
// header and is filled up to a block, and two blocks end it.
func updateSize(manifest, signature []byte, m bootslot.Manifest) int64 {
	const block = 512
	size := int64(2 * block)
	for _, n := range []int64{int64(len(manifest)), int64(len(signature)), m.Boot.Size, m.Root.Size} {
		size += block + (n+block-1)/block*block
	}
	return size
}

// fetchWords fetches a short text.
func (g *Gateway) fetchWords(ctx context.Context, address string) ([]byte, error) {
	var b bounded
	if _, err := g.o.Updates.Fetch(ctx, subscribe.Source{Name: "-", URL: address}, subscribe.Seen{}, &b); err != nil {
		return nil, fetchFault(err)
	}
	return b.all, nil
}

// bounded takes maxFirmwareWords and no more.
type bounded struct{ all []byte }

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.all)+len(p) > maxFirmwareWords {
		return 0, text.NewFault("firmware.fetch.big")
	}
	b.all = append(b.all, p...)
	return len(p), nil
}

// fetchFault words what the fetcher says of a list for an update.
func fetchFault(err error) error {
	var f *text.Fault
	if !errors.As(err, &f) || !strings.HasPrefix(f.Code, "list.") {
		return err
	}
	kind := strings.TrimPrefix(f.Code, "list.fetch_")
	if !slices.Contains(fetchKinds, kind) {
		kind = "unusable"
	}
	return &text.Fault{Code: "firmware.fetch." + kind, Args: f.Args, Err: f.Err}
}

// fetchKinds are the ends of the codes both have.
var fetchKinds = []string{"name", "connect", "tls", "private", "http", "redirects", "status", "big", "cut", "slow", "time"}

// hostOfUpdates is all of the address that is shown.
func hostOfUpdates(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// faultOf is the Fault in err, or one that says no more than that it failed.
func faultOf(err error) *text.Fault {
	var f *text.Fault
	if errors.As(err, &f) {
		return f
	}
	return text.NewFault("page.internal").Because(err)
}
