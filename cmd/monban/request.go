package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rsc.io/qr"

	"monban/gateway/request"
	"monban/gateway/text"
	"monban/gateway/window"
)

// The commands here run on the computer of a vendor's engineer: no daemon, no
// network, no root, nothing of one operating system.
type requestCmd struct {
	Make   requestMakeCmd   `cmd:"" default:"withargs" help:"Make a signed request for a maintenance window, for mail, fax or the telephone."`
	Keygen requestKeygenCmd `cmd:"" help:"Make the key requests are signed with, once per engineer."`
	Key    requestKeyCmd    `cmd:"" help:"Print the public key again, for another clinic."`
}

// keyFile is embedded in what uses the engineer's key.
type keyFile struct {
	Key string `help:"The signing key. Default: monban/request.key in the user's configuration directory (~/.config)." placeholder:"FILE"`
}

// read returns the private key.
func (k keyFile) read() (ed25519.PrivateKey, error) {
	file, err := keyPath(k.Key)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, text.NewFault("request.no_key_file", "file", file).On("key")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	key, err := request.ParseKey(b)
	if err != nil {
		return nil, onFlag("key", err)
	}
	return key, nil
}

// keyPath is where the key lies unless given says otherwise.
func keyPath(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the configuration directory: %w", err)
	}
	return filepath.Join(dir, "monban", "request.key"), nil
}

type requestMakeCmd struct {
	keyFile
	Site      string        `help:"Id of the clinic's box, as its page shows it." placeholder:"ABCD-EFGH"`
	Vendor    string        `env:"MONBAN_VENDOR" help:"Your company, by its name at the clinic." placeholder:"V"`
	Device    string        `help:"Device to work on, by its name at the clinic, its MAC or its address." placeholder:"D"`
	Ports     []string      `help:"Ports on the device: 3389,500/udp. WAN port after a colon: 3389:13389/tcp." placeholder:"PORT"`
	WireGuard bool          `name:"wireguard" help:"Come through the WireGuard tunnel of the clinic."`
	Target    []string      `help:"Ask that the device may connect to this instead: 198.51.100.7:443/tcp; may be repeated." placeholder:"ADDR:PORT"`
	Tool      string        `help:"Ask for a remote-support tool on the device instead." placeholder:"NAME"`
	Source    []string      `env:"MONBAN_SOURCE" help:"Address or range you come from; may be repeated." placeholder:"PREFIX"`
	For       time.Duration `default:"1h" help:"How long, 1s to 8h." placeholder:"2h"`
	At        string        `help:"Not before this time, in the time zone of this computer." placeholder:"\"2026-12-08 22:00\""`
	Reason    string        `help:"What for, in a few words." placeholder:"TEXT"`
	Requester string        `env:"MONBAN_REQUESTER" help:"Your name." placeholder:"NAME"`
	QR        string        `name:"qr" help:"Write the request as a QR code to this PNG file." placeholder:"FILE.png"`
	QRText    bool          `name:"qr-text" help:"Print the request as a QR code too. A terminal gets it unasked."`
}

// Run signs the request and prints it; stdout has nothing else, so that it can
// go into a mail.
func (c *requestMakeCmd) Run(e *env) error {
	key, err := c.read()
	if err != nil {
		return err
	}
	now := time.Now()
	r, err := c.request(now)
	if err != nil {
		return err
	}
	said, err := request.Sign(key, r)
	if err != nil {
		return err
	}
	// Read back what the clinic will read.
	signed, err := request.Parse(said)
	if err != nil {
		return fmt.Errorf("reading the request back: %w", err)
	}
	code, err := qr.Encode(signed.QR(), qr.M)
	if err != nil {
		return fmt.Errorf("making the QR code: %w", err)
	}
	if c.QR != "" {
		if err := os.WriteFile(c.QR, code.PNG(), 0o644); err != nil {
			return fmt.Errorf("writing the QR code: %w", err)
		}
	}
	until := text.Args{"until": shortTime(signed.MadeAt.Add(request.MaxAge))}
	fmt.Fprintln(e.stderr, e.lang.Say("request.made", until))
	fmt.Fprint(e.stdout, said)
	if colour := isTerminal(e.stdout); colour || c.QRText {
		fmt.Fprint(e.stdout, "\n", halfBlocks(code, colour))
	}
	return nil
}

// request turns the flags into a request made at now. All faults come joined.
func (c *requestMakeCmd) request(now time.Time) (request.Request, error) {
	r := request.Request{Kind: window.Inbound, Vendor: c.Vendor, Device: c.Device, Tool: c.Tool,
		Length: c.For, Reason: c.Reason, Requester: c.Requester, MadeAt: now, Nonce: request.NewNonce()}
	switch {
	case c.WireGuard:
		r.Kind = window.WireGuard
	case c.Tool != "":
		r.Kind = window.Tool
	case len(c.Target) > 0:
		r.Kind = window.Outbound
	}
	var faults []error
	note := func(flag string, err error) {
		if err != nil {
			faults = append(faults, onFlag(flag, err))
		}
	}
	var err error
	r.Site, err = request.ParseSite(c.Site)
	note("site", err)
	for _, s := range c.Ports {
		p, err := window.ParsePort(s)
		note("ports", err)
		r.Ports = append(r.Ports, p)
	}
	for _, s := range c.Target {
		t, err := parseTarget(s)
		note("target", err)
		r.Targets = append(r.Targets, t)
	}
	for _, s := range c.Source {
		p, err := parseSource(s)
		note("source", err)
		r.Sources = append(r.Sources, p)
	}
	if c.At != "" {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.At, time.Local)
		if err != nil || at.Before(now) {
			note("at", text.NewFault("request.bad_time").Because(err))
		}
		r.NotBefore = at
	}
	return r, errors.Join(faults...)
}

// onFlag says which flag the Fault in err is about.
func onFlag(flag string, err error) error {
	var f *text.Fault
	if errors.As(err, &f) {
		return f.On(flag)
	}
	return err
}

// parseTarget reads 198.51.100.7:443/tcp; TCP is meant unless said otherwise.
func parseTarget(s string) (window.Target, error) {
	end, proto, given := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "/")
	a, err := netip.ParseAddrPort(end)
	t := window.Target{Addr: a.Addr(), Proto: window.TCP, Port: a.Port()}
	if given {
		t.Proto = window.Proto(proto)
	}
	if err != nil || t.Proto != window.TCP && t.Proto != window.UDP {
		return window.Target{}, text.NewFault("request.bad_target", "target", s).Because(err)
	}
	return t, nil
}

// parseSource reads a range, or an address alone.
func parseSource(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, text.NewFault("request.bad_source", "source", s)
	}
	return p, nil
}

type requestKeygenCmd struct {
	Out string `help:"Where to put it. Default: monban/request.key in the user's configuration directory (~/.config)." placeholder:"FILE"`
}

// Run makes a key and prints what the clinic needs of it.
func (c *requestKeygenCmd) Run(e *env) error {
	file, err := keyPath(c.Out)
	if err != nil {
		return err
	}
	key, err := request.NewKey()
	if err != nil {
		return err
	}
	b, err := request.MarshalKey(key)
	if err != nil {
		return err
	}
	if err := writeNew(file, b); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, e.lang.Say("request.key_made", text.Args{"file": file}))
	printKey(e, key)
	return nil
}

// writeNew writes a file only its owner may read, and never over another.
func writeNew(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("making the key's directory: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return text.NewFault("request.key_exists", "file", file).On("out")
	}
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the key: %w", errors.Join(err, os.Remove(file)))
	}
	return nil
}

type requestKeyCmd struct{ keyFile }

// Run prints the public key.
func (c *requestKeyCmd) Run(e *env) error {
	key, err := c.read()
	if err != nil {
		return err
	}
	printKey(e, key)
	return nil
}

func printKey(e *env, key ed25519.PrivateKey) {
	pub := key.Public().(ed25519.PublicKey)
	fmt.Fprintln(e.stdout, request.PublicText(pub))
	fmt.Fprintln(e.stdout, e.lang.Say("request.key_print", text.Args{"print": request.Fingerprint(pub)}))
}
