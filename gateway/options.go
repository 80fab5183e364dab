package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/dnsfilter/tools"
	"monban/dnsfilter/upstream"
	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/device"
	"monban/gateway/netconf"
	"monban/gateway/notice"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/image"
)

// A Firewall makes the kernel hold exactly the rules it is given, and carries
// windows. *kernel.Kernel is it.
type Firewall interface {
	Apply(firewall.Ruleset) error
	Read() (string, error)
	Windows
	Watcher
}

// Windows are the live sets of the kernel: what is open, and what passed.
type Windows interface {
	OpenWindow(firewall.Opening) (kernel.Live, error)
	ExtendWindow(m firewall.Mark, left time.Duration) (kernel.Live, error)
	AddWays(firewall.Opening) error
	RemoveWays(firewall.Opening) error
	AddGates(firewall.Mark, []firewall.Gate) error
	RemoveGates(firewall.Mark, []firewall.Gate) error
	DropStale() error
	Admit(device netip.Addr, to []netip.Addr, ttl time.Duration) error
	Unadmit(device netip.Addr) error
	CloseWindow(firewall.Mark) (cut int, err error)
	Live() ([]kernel.Live, error)
	Sweep() (int, error)
	Counts() (kernel.Counts, error)
	Forget(firewall.Mark) error
	ForgetAttempts([]netip.Addr) error
	ForgetAround(devices [][6]byte) error
}

// A Watcher reports what happens in the kernel.
type Watcher interface {
	Flows() ([]firewall.Flow, error)
	WatchFlows(ctx context.Context, seen func(firewall.Flow)) error
	WatchForeign(ctx context.Context, changed func()) error
	Attempts() ([]firewall.Try, error)
	Around() ([]firewall.Detour, error)
	WatchAttempts(ctx context.Context, seen func(firewall.Sample)) error
}

// A Resolver is the name filter's server, as far as the gateway needs it.
type Resolver interface {
	Set(*dnsfilter.Policy)
	// SetUpstreams says whom to ask, and which addresses the devices that
	// routes names have now.
	SetUpstreams(routes upstream.Routes, devices map[string][]netip.Addr)
	Stats() DNSCounts
	Explain(ctx context.Context, name string, client netip.Addr) (Explanation, error)
}

// DNSCounts are the server's counters since its start.
type DNSCounts struct {
	Queries, Refused uint64
	UpstreamOK       bool
}

// Options are what a Gateway is plugged to.
type Options struct {
	Config string // required; path of site.toml
	State  string // required; the state directory
	// Provision is where a first site.toml is copied from once; optional.
	Provision string
	// Provisioned is where provisioning left its report at this boot; optional.
	Provisioned string
	// SetUpLAN is the LAN port before there is a site.toml, from the board
	// file; without it a box without configuration shows no page.
	SetUpLAN string

	Firewall Firewall                                                                     // required
	Resolver Resolver                                                                     // optional; without it no names are filtered
	Watch    func(ctx context.Context, ifaces []string, seen func(device.Sighting)) error // optional; the neighbours of the LAN
	SelfTest func(ctx context.Context, r selftest.Request) (selftest.Result, error)       // optional; asks the probe
	QueryLog *querylog.Log                                                                // optional; without it nobody sees who asked for what
	Lists    Subscriber                                                                   // optional; without it no list is fetched
	Tools    *tools.Set                                                                   // optional; without it no remote-support tool is known
	Tunnels  Tunnels                                                                      // optional; without it there are no WireGuard windows
	SiteID   func() string                                                                // optional; what signed requests name this box by
	Slots    Slots                                                                        // optional; without it the box's own software is somebody else's matter
	Updates  Subscriber                                                                   // optional; without it nobody is asked for newer versions of it
	Probe    Probe                                                                        // optional; without it no version is seen to work
	Store    func() (*store.DB, error)                                                    // required; opens the database
	// LocalAddrs gives the addresses an interface has now.
	LocalAddrs func(iface string) ([]netip.Addr, error) // required
	// Send puts one notice on the wire and says whether it arrived.
	Send func(context.Context, notice.Settings, notice.Message) error // optional; without it notices wait
	// Listeners says which local TCP and UDP ports are listened on, and where.
	Listeners func() ([]Listener, error) // optional; evidence E-01 is unmeasured without it

	// Untuned names the kernel settings that are not as the rules need them.
	Untuned func() []string // optional
	// Network asks the root service that changes the network.
	Network func(context.Context, netconf.Request) (netconf.Change, error) // optional; without it the ports are somebody else's
	// SocketsOnly: that service says where the product's sockets listen, and
	// leaves the rest of the network to its owner.
	SocketsOnly bool
	// Data is what became of the partition for records at boot; zero where the
	// box was not started from the image.
	Data image.DataState

	Clock   Clock        // required
	BootID  string       // required; /proc/sys/kernel/random/boot_id
	Version string       // required
	Log     *slog.Logger // required
	// Ready is told once, when the rules were read back for the first time.
	Ready func() // optional
	// Beat is called each turn of the reconcile loop while all is well; it
	// feeds the watchdog.
	Beat func() // optional
}

func (o Options) check() error {
	switch {
	case o.Config == "" || o.State == "":
		return errors.New("gateway: Config and State are required")
	case o.Firewall == nil || o.Store == nil || o.LocalAddrs == nil:
		return errors.New("gateway: Firewall, Store and LocalAddrs are required")
	case o.Clock.Wall == nil || o.Clock.Boot == nil || o.Clock.Synced == nil:
		return errors.New("gateway: a whole Clock is required")
	case o.BootID == "" || o.Log == nil:
		return errors.New("gateway: BootID and Log are required")
	}
	return nil
}

// Pace of the loops.
const (
	reconcileEvery = 5 * time.Second  // also the watchdog's beat
	compareEvery   = 30 * time.Second // whole rules read back
	observeEvery   = 5 * time.Minute  // observations to disk
	observeRows    = 500
	flowPoll       = 10 * time.Second

	// staleRules is when rules that were read back prove nothing any more: the
	// guard stands still.
	staleRules = 3 * compareEvery
)
