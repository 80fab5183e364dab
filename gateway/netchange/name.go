package netchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"monban/gateway/netconf"
)

// named is how long udev may take to give the ports their names. A port that
// is not plugged in yet gets its name when it is.
const named = 5 * time.Second

// name has udev give the ports that are there already the names of changed
// .link files.
func (b Box) name(ctx context.Context, s Systemd, changed []string, f netconf.Files) error {
	want := map[string]string{} // MAC address → name
	for _, path := range changed {
		if strings.HasSuffix(path, ".link") {
			if mac, name := value(f[path], "MACAddress"), value(f[path], "Name"); mac != "" {
				want[mac] = name
			}
		}
	}
	if len(want) == 0 {
		return nil
	}
	if err := s.Job(ctx, Reread, "systemd-udevd.service"); err != nil {
		return err
	}
	for end := time.Now().Add(named); ; {
		missing, err := b.rename(want)
		if err != nil || missing == 0 || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// rename asks the kernel to announce again the ports that have another name
// than they should, and says how many those are.
func (b Box) rename(want map[string]string) (others int, err error) {
	// Virtual ports have no device: what bears a port's address on top of it
	// keeps its name.
	ports, err := filepath.Glob(filepath.Join(b.Sys, "class/net/*/device"))
	var errs []error
	for _, device := range ports {
		port := filepath.Dir(device)
		mac, err := os.ReadFile(filepath.Join(port, "address"))
		if name, ours := want[strings.TrimSpace(string(mac))]; err != nil || !ours || name == filepath.Base(port) {
			continue
		}
		others++
		if err := os.WriteFile(filepath.Join(port, "uevent"), []byte("add"), 0o200); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("naming the network ports: %w", err))
		}
	}
	return others, errors.Join(append(errs, err)...)
}

// value returns what a file of ours sets key to.
func value(file, key string) string {
	m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(file)
	if m == nil {
		return ""
	}
	return m[1]
}

// PortOf returns the name of the port with that MAC address, or "".
func PortOf(sys, mac string) string {
	ports, _ := filepath.Glob(filepath.Join(sys, "class/net/*/device"))
	for _, device := range ports {
		have, err := os.ReadFile(filepath.Join(filepath.Dir(device), "address"))
		if err == nil && strings.EqualFold(strings.TrimSpace(string(have)), mac) {
			return filepath.Base(filepath.Dir(device))
		}
	}
	return ""
}
