package webui_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// siteSide is what the fake knows of site.toml. A text with "broken" in it has
// two faults, one with "moved" in it changes the network.
type siteSide struct {
	site     string // empty: the example below
	siteShut error
	ownPorts bool // the ports are their owner's
}

const exampleSite = "version = 1\nclinic = \"さくら医院\" # </textarea><script>alert(1)</script>\n\n[wan]\ninterface = \"wan0\"\n\n[lan]\ninterface = \"lan0\"\naddresses = [\"192.168.10.1/24\"]\n"

func (f *fake) siteText() string {
	if f.site == "" && f.mode != gateway.SetUp {
		return exampleSite
	}
	return f.site
}

func sumText(s string) string {
	if s == "" {
		return ""
	}
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func (f *fake) SiteFile(context.Context, people.Actor) (gateway.SiteFile, error) {
	s := gateway.SiteFile{Text: []byte(f.siteText()), Sum: sumText(f.siteText()), Mode: f.mode, Generation: 3, Since: f.now().Add(-48 * time.Hour), Shut: f.siteShut}
	switch f.mode {
	case gateway.Kept:
		s.Fault = errors.Join(text.NewFault("config.missing", "line", 1).On("clinic"))
	case gateway.SetUp:
		s.Text, s.Sum, s.Generation, s.Fault = []byte("clinic = \"\"\n"), "", 0, text.NewFault("config.none", "file", "site.toml")
	}
	return s, nil
}

func (f *fake) CheckSite(_ context.Context, _ people.Actor, b []byte) (gateway.SiteCheck, error) {
	s := strings.ReplaceAll(string(b), "\r\n", "\n")
	switch {
	case f.siteShut != nil:
		return gateway.SiteCheck{}, f.siteShut
	case strings.Contains(s, "broken"):
		return gateway.SiteCheck{}, errors.Join(text.NewFault("config.unknown_key", "known", "interface, mac", "line", 5).On("wan.interfase"),
			text.NewFault("config.same_interface", "value", hostile, "line", 8).On("lan.interface"))
	case s == f.siteText():
		return gateway.SiteCheck{}, text.NewFault("site.same")
	}
	c := gateway.SiteCheck{Text: []byte(s), Base: sumText(f.siteText()), Old: []byte(f.siteText()), First: f.mode == gateway.SetUp, Ports: !f.ownPorts}
	if strings.Contains(s, "moved") {
		c.Trial = 3 * time.Minute
	}
	return c, nil
}

func (f *fake) ChangeSite(ctx context.Context, who people.Actor, base string, b []byte) (gateway.SiteCheck, error) {
	if !who.SteppedUpWithin(window.StepUp, f.now()) {
		return gateway.SiteCheck{}, text.NewFault("people.step_up").On("totp")
	}
	c, err := f.CheckSite(ctx, who, b)
	if err == nil && c.Base != base {
		err = text.NewFault("site.overtaken")
	}
	if err != nil {
		return gateway.SiteCheck{}, err
	}
	f.acts++
	f.site = string(c.Text)
	return c, nil
}
