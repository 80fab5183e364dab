package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
)

// File is DIR/lab.json: what scripts and tests need to know of a running lab.
type File struct {
	URL         string                `json:"url"`
	CAFile      string                `json:"ca_file"`
	SetupCode   string                `json:"setup_code"` // empty once used
	Socket      string                `json:"socket"`     // the daemon's control socket
	Vendor      string                `json:"vendor"`     // its name in site.toml
	WAN         []netip.Addr          `json:"wan"`        // of the gateway, IPv4 first
	LAN         []netip.Addr          `json:"lan"`
	BlockedName string                `json:"blocked_name"`
	AllowedName string                `json:"allowed_name"`
	Hosts       map[string]HostOfFile `json:"hosts"`
}

// HostOfFile is a host in lab.json. PID holds its namespaces; MAC is that of
// its LAN port; Addrs are without link-local ones.
type HostOfFile struct {
	PID   int          `json:"pid"`
	NetNS string       `json:"netns"`
	MAC   string       `json:"mac"`
	Addrs []netip.Addr `json:"addrs"`
}

func labFile(dir string) string { return filepath.Join(dir, "lab.json") }
func caFile(dir string) string  { return filepath.Join(stateDir(dir), "ca.pem") }

// deviceName is what `lab add` takes; it becomes an interface name, so 15
// characters at most.
var deviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,14}$`)

// ReadFile reads the lab.json of the lab in dir.
func ReadFile(dir string) (File, error) {
	var f File
	b, err := os.ReadFile(labFile(dir))
	if err != nil {
		return f, fmt.Errorf("reading the lab's description: %w", err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("reading the lab's description: %w", err)
	}
	return f, nil
}

func (l *lab) url() string { return "https://" + l.o.Listen + "/" }

// writeLabFile replaces lab.json as a whole.
func (l *lab) writeLabFile() error {
	f := File{
		URL: l.url(), CAFile: caFile(l.o.Dir), SetupCode: setupCode(l.o.Dir), Socket: controlSocket(l.o.Dir),
		Vendor: Vendor, BlockedName: BlockedName, AllowedName: AllowedName, Hosts: map[string]HostOfFile{},
	}
	for _, m := range l.members {
		h := m.host
		if h.Router || h.Switch { // the wiring is not a host of the story
			continue
		}
		f.Hosts[h.Name] = HostOfFile{PID: m.pid(), NetNS: fmt.Sprintf("/proc/%d/ns/net", m.pid()),
			MAC: h.Ports[len(h.Ports)-1].MAC, Addrs: h.addrs()}
		if h.Name == gatewayName {
			f.WAN, f.LAN = host{Ports: h.Ports[:1]}.addrs(), host{Ports: h.Ports[1:]}.addrs()
		}
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("describing the lab: %w", err)
	}
	tmp, err := os.CreateTemp(l.o.Dir, ".lab.json-*")
	if err != nil {
		return fmt.Errorf("describing the lab: %w", err)
	}
	_, err = tmp.Write(append(b, '\n'))
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), labFile(l.o.Dir))
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("describing the lab: %w", err)
	}
	return nil
}
