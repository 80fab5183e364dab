package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"monban/gateway/config"
	"monban/gateway/netconf"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// firstSite is what a box without a site.toml offers to be filled in. As it
// stands it has faults.
//
//go:embed first.toml
var firstSite []byte

// A SiteFile is site.toml as the director sees it.
type SiteFile struct {
	Text       []byte    // as it lies there; without one what is in force, or a form to fill in
	Sum        string    // SHA-256 of the file in hex; empty: there is none
	Mode       Mode      // Guarding: it is in force
	Generation int       // of what is in force; 0 in set-up mode
	Since      time.Time // when the file was written; zero: there is none
	Fault      error     // why it is not in force
	Shut       error     // a Fault: why it cannot be changed now
}

// A SiteCheck is what a new site.toml would do.
type SiteCheck struct {
	Text  []byte         // as it would be written, with \n at the end of lines
	Base  string         // SHA-256 of the file it would replace, in hex; empty: there is none
	Old   []byte         // what is in force; empty in set-up mode
	First bool           // the box has no configuration: there is nothing to go back to
	Ports bool           // the box sets its ports up by itself
	Trial time.Duration  // for which a change of the network waits before it goes back; 0: the network stays as it is
	LAN   []netip.Prefix // the box's addresses in the clinic, if they become others
}

// SiteFile returns site.toml. It may hold addresses of lists that nobody else
// is to know, so only the director sees it.
func (g *Gateway) SiteFile(_ context.Context, who people.Actor) (SiteFile, error) {
	if err := may(who, people.ActSiteFile); err != nil {
		return SiteFile{}, err
	}
	s := g.current()
	b, sum := g.siteOnDisk()
	f := SiteFile{Text: b, Sum: sum, Mode: s.mode, Generation: s.generation, Fault: s.fault, Shut: g.siteShut()}
	if sum != "" {
		f.Since = stampOf(g.o.Config).mod
	} else if f.Text = g.siteInForce(nil); f.Text == nil {
		f.Text = firstSite
	}
	return f, nil
}

// siteOnDisk is site.toml as it lies there, and its SHA-256. One that cannot be
// read counts as gone: whoever brings a good one may replace it.
func (g *Gateway) siteOnDisk() (b []byte, sum string) {
	b, err := os.ReadFile(g.o.Config)
	if err != nil {
		return nil, ""
	}
	return b, hexHash(sha256.Sum256(b))
}

// siteInForce is the text of the configuration in force, where onDisk is the
// file; nil in set-up mode.
func (g *Gateway) siteInForce(onDisk []byte) []byte {
	switch g.current().mode {
	case Guarding:
		return onDisk
	case Kept:
		if _, b, _, err := g.gens.LastGood(); err == nil {
			return b
		}
	case SetUp:
	}
	return nil
}

// siteShut says why site.toml cannot be changed now: a change of the network
// that goes back takes the file with it, and a version on trial that goes back
// may not know what the new file says. Whether a change may still go back is
// seen from what it would go back to: who confirms it at the console tells
// nobody here.
func (g *Gateway) siteShut() error {
	if _, err := os.Stat(filepath.Join(g.o.State, netconf.BeforeFile)); err == nil {
		return text.NewFault("site.network_on_trial")
	}
	if _, trial := g.firmwareGlance(); trial || g.keptFirmware().Trial != nil {
		return text.NewFault("firmware.on_trial")
	}
	return g.restarting()
}

// CheckSite says what b would do as site.toml. It changes nothing. Its error
// joins one Fault per fault of the text, with key and line, as
// `monban check` says them.
func (g *Gateway) CheckSite(_ context.Context, who people.Actor, b []byte) (SiteCheck, error) {
	if err := may(who, people.ActSiteFile); err != nil {
		return SiteCheck{}, err
	}
	return g.checkSite(b)
}

func (g *Gateway) checkSite(b []byte) (SiteCheck, error) {
	if err := g.siteShut(); err != nil {
		return SiteCheck{}, err
	}
	b = unixText(b)
	c, err := config.CheckText(b, g.listDir())
	if err == nil {
		err = g.plannable(c)
	}
	if err != nil {
		return SiteCheck{}, err
	}
	s := g.current()
	disk, sum := g.siteOnDisk()
	if s.mode == Guarding && bytes.Equal(b, unixText(disk)) {
		return SiteCheck{}, text.NewFault("site.same")
	}
	check := SiteCheck{Text: b, Base: sum, Old: unixText(g.siteInForce(disk)), First: s.mode == SetUp, Ports: g.o.Network != nil && !g.o.SocketsOnly}
	if !slices.Equal(s.config.LAN.Addresses, c.LAN.Addresses) {
		check.LAN = c.LAN.Addresses
	}
	if g.o.Network != nil && s.mode != SetUp && g.netFiles(s.config) != g.netFiles(c) {
		check.Trial = netconf.Patience
	}
	return check, nil
}

// netFiles are the files of c that the service of the network would compare.
// How many cores there are is the same on both sides.
func (g *Gateway) netFiles(c config.Config) string {
	f := netconf.For(c, 1)
	if g.o.SocketsOnly {
		f = f.Sockets()
	}
	return f.String()
}

// unixText is b as a form sends it back: browsers end lines with CRLF, and
// Windows' Notepad begins files with a byte order mark.
func unixText(b []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
}

// ChangeSite makes b site.toml and puts it in force. Base is the SHA-256 of the
// file the director compared b with: when that is no longer the file, nothing
// happens. It needs a fresh step-up. Where the network changes, the connection
// it was asked by may break.
func (g *Gateway) ChangeSite(ctx context.Context, who people.Actor, base string, b []byte) (SiteCheck, error) {
	if err := may(who, people.ActSiteFile); err != nil {
		return SiteCheck{}, err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return SiteCheck{}, text.NewFault("people.step_up").On("totp")
	}
	g.siting.Lock()
	defer g.siting.Unlock()
	check, err := g.checkSite(b)
	if err != nil {
		return SiteCheck{}, err
	}
	if check.Base != base {
		return SiteCheck{}, text.NewFault("site.overtaken")
	}
	ctx = context.WithoutCancel(ctx) // whoever goes away does not leave it half done
	if err := g.writeSite(ctx, who, check); err != nil {
		return SiteCheck{}, err
	}
	// The record above says who; windows that it ends the box ends, nobody closed
	// them.
	g.reload(ctx, people.Box)
	if g.current().mode != Guarding {
		return SiteCheck{}, text.NewFault("site.not_in_force")
	}
	return check, nil
}

// writeSite puts the file in its place and the change on record, both or
// neither. The log has no word of the content.
func (g *Gateway) writeSite(ctx context.Context, who people.Actor, c SiteCheck) error {
	old, _ := g.siteOnDisk()
	written := false
	err := g.act(ctx, who, func(tx *store.Tx) error {
		was := c.Base
		if was == "" {
			was = "-"
		}
		if err := g.tell(tx, "site.changed", map[string]any{"old": was, "new": hexHash(sha256.Sum256(c.Text))}); err != nil {
			return err
		}
		if err := config.WriteFile(g.o.Config, c.Text); err != nil {
			return text.NewFault("store.read_only").Because(err)
		}
		written = true
		return nil
	})
	if err == nil || !written {
		return err
	}
	// The file is there and the record is not: it goes again.
	undone := os.Remove
	if c.Base != "" {
		undone = func(path string) error { return config.WriteFile(path, old) }
	}
	if e := undone(g.o.Config); e != nil {
		g.o.Log.Error("site.toml changed without a record", "err", e)
	}
	return err
}
