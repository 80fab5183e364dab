package monban_test

// rank orders the packages: each imports lower ranks only. At the bottom stand
// the words everybody speaks: sentences, who may do what, and how a goroutine
// starts.
var rank = map[string]int{
	"gateway/text": -2, "image/content": -1, "image/place": -1, "gateway/minisign": -1, "gateway/people": -1, "gateway/run": -1,
	// Decide: pure, or plain data.
	"firewall": 0, "dnsfilter/list": 0, "dnsfilter/subscribe": 0, "dnsfilter/upstream": 0, "gateway/audit": 0, "gateway/checklist": 0,
	"gateway/bootslot": 0, "gateway/device": 0, "gateway/lamp": 0, "gateway/pki": 0, "gateway/window": 0, "image": 0, "image/lock": 0,
	"webui/static": 0, "webui/view": 0, "dnsfilter/tools": 0, "dnsfilter/querylog": 0, "gateway/notice": 0, "gateway/paper": 0,
	// Do: the kernel, the disk.
	"dnsfilter": 1, "dnsfilter/bypass": 1, "firewall/kernel": 1, "gateway/config": 1, "gateway/neigh": 1, "gateway/store": 1,
	"gateway/notice/send": 1, "gateway/request": 1, "gateway/wg": 1,
	// Put together.
	"dnsfilter/server": 2, "gateway/bootslot/disk": 2, "gateway/netconf": 2, "gateway/provision": 2, "gateway/selftest": 2,
	"gateway": 3, "gateway/netchange": 3,
	"gateway/control": 4, "gateway/lab": 4, "webui": 4,
	"cmd/monban": 5, "gateway/device/ouigen": 5, "image/init": 5, "image/data": 5, "cmd/mkimage": 5,
	"image/licence": 1, "image/compile": 1, "image/deb": 2, "image/build": 2,
}

// only names the packages that alone may import a library; "*" is every one.
// A library counts under its longest path here, and one from outside that is
// not here may not be imported at all. docs/dependencies.md says why each is.
var only = map[string]string{
	// Nothing is executed, and only the top writes a log.
	"os/exec":      "gateway/lab image image/build image/compile image/deb image/licence image/data",
	"plugin":       "",
	"log":          "",
	"log/slog":     "gateway gateway/control webui cmd/monban",
	"database/sql": "gateway/store",
	"math/rand":    "", "math/rand/v2": "dnsfilter/upstream",

	"github.com/google/go-tpm":         "image/data",
	"github.com/google/nftables":       "firewall/kernel",
	"github.com/google/renameio/v2":    "gateway gateway/pki gateway/wg",
	"github.com/ti-mo/conntrack":       "firewall/kernel",
	"github.com/ti-mo/netfilter":       "firewall/kernel",
	"github.com/mdlayher/netlink":      "firewall/kernel",
	"github.com/florianl/go-nflog/v2":  "firewall/kernel",
	"golang.zx2c4.com/wireguard":       "gateway/wg",
	"github.com/wneessen/go-mail":      "gateway/notice/send",
	"codeberg.org/go-pdf/fpdf":         "gateway/paper",
	"github.com/xuri/excelize/v2":      "", // tests read with it
	"github.com/mdlayher/packet":       "gateway/neigh gateway/selftest",
	"github.com/vishvananda/netlink":   "firewall/kernel gateway/neigh gateway/selftest gateway/lab gateway/wg",
	"github.com/miekg/dns":             "dnsfilter/server dnsfilter/upstream gateway/lab",
	"modernc.org/sqlite":               "gateway/store",
	"github.com/pelletier/go-toml/v2":  "gateway/config",
	"github.com/a-h/templ":             "webui webui/view",
	"github.com/alexedwards/scs/v2":    "webui gateway/store",
	"rsc.io/qr":                        "webui webui/view cmd/monban",
	"github.com/pquerna/otp":           "gateway/people",
	"github.com/rogpeppe/go-internal":  "webui",
	"github.com/alecthomas/kong":       "cmd/monban",
	"github.com/coreos/go-systemd/v22": "cmd/monban",
	"golang.org/x/crypto":              "gateway/people",
	"golang.org/x/crypto/blake2b":      "gateway/minisign",
	"golang.org/x/net/netutil":         "cmd/monban",
	"golang.org/x/net/bpf":             "gateway/neigh",
	"golang.org/x/net/idna":            "dnsfilter/list",
	"golang.org/x/sync/errgroup":       "gateway/run",
	"golang.org/x/sys/unix":            "*",
	"golang.org/x/text":                "gateway/people webui",
	"golang.org/x/time/rate":           "gateway/people webui",

	// Systemd is told of new units and jobs.
	"github.com/coreos/go-systemd/v22/dbus": "gateway/netchange",
}
