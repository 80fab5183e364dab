package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"

	"monban/gateway"
	"monban/gateway/bootslot/disk"
	"monban/gateway/config"
)

// slotsAt is the service of the box's two slots; nil where its socket is not,
// since the box is no image then.
func slotsAt(path string) gateway.Slots {
	if st, err := os.Stat(path); err != nil || st.Mode().Type() != fs.ModeSocket {
		return nil
	}
	return disk.Client{Path: path}
}

// probe sees the box as a device of its LAN does.
func probe() gateway.Probe { return gateway.Probe{Link: link, Names: askNames, Page: askPage} }

func link(iface string) (gateway.Link, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return gateway.Link{}, fmt.Errorf("looking at %s: %w", iface, err)
	}
	return gateway.Link{Up: i.Flags&net.FlagUp != 0, Carrier: i.Flags&net.FlagRunning != 0}, nil
}

// askNames asks our own listener for our own name, which needs nobody else.
func askNames(ctx context.Context, at netip.Addr) error {
	return askName(ctx, netip.AddrPortFrom(at, 53), at)
}

// askName asks server for our own name. The name filter knows it by all our
// addresses on the LAN, public ones too: want, one of them, must be there.
func askName(ctx context.Context, server netip.AddrPort, want netip.Addr) error {
	var d net.Dialer
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, server.String())
	}}
	as, err := r.LookupNetIP(ctx, "ip", config.PageName+".")
	if err == nil && !slices.ContainsFunc(as, func(a netip.Addr) bool { return a.Unmap() == want }) {
		err = fmt.Errorf("%s is %v", config.PageName, as)
	}
	if err != nil {
		return fmt.Errorf("asking %s for a name: %w", server, err)
	}
	return nil
}

// askPage opens the page that needs no account. Who answers is no question
// here, and what a wrong clock makes of a certificate none of the version's.
func askPage(ctx context.Context, at netip.Addr) error {
	t := &http.Transport{
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS13, ServerName: config.PageName, InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	defer t.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+hostPort(at, 443)+"/alive", nil)
	if err != nil {
		return fmt.Errorf("opening the page at %s: %w", at, err)
	}
	r.Host = config.PageName
	res, err := t.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("opening the page at %s: %w", at, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("opening the page at %s: status %d", at, res.StatusCode)
	}
	return nil
}
