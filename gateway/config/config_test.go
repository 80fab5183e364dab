package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"monban/gateway/config"
	"monban/gateway/text"
)

// found returns a parse error's faults as "line key code".
func found(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var got []string
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		var f *text.Fault
		if !errors.As(one, &f) {
			t.Fatalf("%v is no Fault", one)
		}
		if s := text.JA.Say(f.Code, f.Args); s == f.Code || strings.Contains(s, "{") {
			t.Errorf("%s has no whole sentence: %s", f.Code, s)
		}
		got = append(got, fmt.Sprint(f.Args["line"], " ", f.Field, " ", f.Code))
	}
	return got
}

// Every file of testdata/faults names its own faults in comments.
func TestFaults(t *testing.T) {
	files, _ := filepath.Glob("testdata/faults/*.toml")
	seen := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i, line := range strings.Split(string(b), "\n") {
			if _, faults, ok := strings.Cut(line, "#! "); ok {
				for one := range strings.SplitSeq(faults, "; ") {
					want = append(want, fmt.Sprint(i+1, " ", one))
					seen[one[strings.LastIndex(one, " ")+1:]] = true
				}
			}
		}
		_, err = config.Parse(b)
		got := found(t, err)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	wantEveryCode(t, seen)
}

// wantEveryCode fails for a fault of the package that no file shows.
func wantEveryCode(t *testing.T, seen map[string]bool) {
	whole := []string{"config.too_large", "config.not_utf8", "config.syntax", "config.list_missing"}
	sources, _ := filepath.Glob("*.go")
	for _, s := range sources {
		b, _ := os.ReadFile(s)
		for _, code := range regexp.MustCompile(`"config\.[a-z_]+"`).FindAllString(string(b), -1) {
			code = strings.Trim(code, `"`)
			if !strings.HasSuffix(s, "_test.go") && !seen[code] && !slices.Contains(whole, code) {
				t.Errorf("no file of testdata/faults shows %s", code)
			}
		}
	}
}

func TestWholeFileFaults(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"a Windows file":  {append([]byte("\xef\xbb\xbf"), bytes.ReplaceAll(config.Example, []byte("\n"), []byte("\r\n"))...), "[]"},
		"Shift_JIS":       {[]byte("version = 1\nclinic = \"\x83N\x83\x8a\"\n"), "[2 site.toml config.not_utf8]"},
		"UTF-16":          {[]byte("\xff\xfev\x00e\x00"), "[1 site.toml config.not_utf8]"},
		"an open quote":   {[]byte("version = 1\nclinic = \"c\n"), "[2 site.toml config.syntax]"},
		"a key twice":     {[]byte("version = 1\n\nversion = 1\n"), "[3 site.toml config.syntax]"},
		"a table twice":   {[]byte("[lan]\n[wan]\n[lan]\n"), "[3 site.toml config.syntax]"},
		"a huge file":     {bytes.Repeat([]byte("#\n"), config.MaxSize), "[1 site.toml config.too_large]"},
		"deepest nesting": {[]byte("x = " + strings.Repeat("[", 1<<19)), "[1 site.toml config.syntax]"},
	} {
		_, err := config.Parse(c.in)
		if got := fmt.Sprint(found(t, err)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMeaning(t *testing.T) {
	c, err := config.Parse(config.Example)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Timezone, c.LAN.Addr4(), c.LAN.Addr6(), c.DNS.Upstreams, c.Page.Names); got !=
		"Asia/Tokyo 192.168.10.1 fdc1:1c:10::1 [198.51.100.153:53 [2001:db8:0:4::153]:53] [monban.home.arpa localhost 127.0.0.1]" {
		t.Error(got)
	}
	if got := fmt.Sprint(c.Tools.ObserveDays, c.WireGuard); got != "0 {51820 [10.99.0.1/24 fd00:99::1/64]}" {
		t.Error(got)
	}
	for name, want := range map[string]config.Egress{"reception": config.Open, "ehr": config.Answered} {
		if d, ok := c.Device(name); !ok || d.Egress != want {
			t.Errorf("%s: egress %q", name, d.Egress)
		}
	}
	v, ok := c.Vendor("rececom-hoshu")
	if got := fmt.Sprint(v.WireGuardAddresses); got != "[10.99.0.10 fd00:99::10]" || v.WireGuardKey == [32]byte{} {
		t.Error("tunnel:", got, v.WireGuardKey)
	}
	if !ok || v.Sources[0] != netip.MustParsePrefix("198.51.100.8/29") || v.Outbound[0].Port != 443 {
		t.Errorf("%+v", v)
	}

	c, err = config.Parse(config.Reference)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.ExemptMACs()); got != "[00:00:4c:00:00:22 00:00:5e:00:53:99]" {
		t.Error("exempt:", got)
	}
	v, _ = c.Vendor("rececom-hoshu")
	if got := fmt.Sprint(v.Sources); got != "[198.51.100.8/29 2001:db8:0:2::10/128]" {
		t.Error("sources:", got)
	}
	if d, ok := c.Device("shikaku"); !ok || d.Label != "資格確認端末" {
		t.Errorf("%+v", d)
	}
}

// What a file does not speak of: tools are refused after a week, nobody has a
// tunnel, every device reaches everything.
func TestDefaults(t *testing.T) {
	c, err := config.Parse([]byte(`version = 1
		clinic = "c"
		wan.interface = "eth0"
		lan = { interface = "eth1", addresses = ["192.168.10.1/24"] }
		dns.upstreams = ["198.51.100.153"]
		device = [{ name = "xray", mac = "00:20:6b:00:00:41" }]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Timezone, " ", c.Tools.ObserveDays, c.WireGuard, c.Devices[0].Egress); got != "Asia/Tokyo 7 {0 []}open" {
		t.Error(got)
	}
}

func TestLoadTellsNoneFromBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.toml")
	if _, err := config.Load(path); !errors.Is(err, config.ErrNone) {
		t.Error("no file:", err)
	}
	if err := config.WriteFile(path, []byte("version = 1")); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err == nil || errors.Is(err, config.ErrNone) {
		t.Error("broken file:", err)
	}
	if _, err := config.Load(filepath.Dir(path)); err == nil || errors.Is(err, config.ErrNone) {
		t.Error("unreadable file:", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(config.Reference)
	f.Add(config.Example)
	files, _ := filepath.Glob("testdata/faults/*.toml")
	for _, file := range files {
		b, _ := os.ReadFile(file)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := config.Parse(b)
		if err != nil {
			lines := bytes.Count(b, []byte("\n")) + 1
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
				var fault *text.Fault
				if !errors.As(one, &fault) || fault.Field == "" || fault.Args["line"].(int) < 1 || fault.Args["line"].(int) > lines {
					t.Fatalf("%v does not say where", one)
				}
			}
			return
		}
		// What the rules are made of must hold for every file that passes.
		if c.WAN.Interface == c.LAN.Interface || !c.LAN.Addr4().IsValid() && !c.LAN.Addr6().IsValid() {
			t.Fatalf("ports: %+v %+v", c.WAN, c.LAN)
		}
		inside := map[netip.Addr]bool{}
		for _, v := range c.Vendors {
			if (len(v.WireGuardAddresses) == 0) != (v.WireGuardKey == [32]byte{}) {
				t.Fatalf("vendor %s has half a tunnel", v.Name)
			}
			for _, a := range v.WireGuardAddresses {
				if inside[a] || !slices.ContainsFunc(c.WireGuard.Addresses, func(p netip.Prefix) bool { return p.Contains(a) && p.Addr() != a }) {
					t.Fatalf("vendor %s has %s in the tunnel", v.Name, a)
				}
				inside[a] = true
			}
			for _, s := range v.Sources {
				if s != s.Masked() || s.Bits() < 16 || slices.ContainsFunc(slices.Concat(c.LAN.Addresses, c.WireGuard.Addresses), s.Overlaps) {
					t.Fatalf("vendor %s from %s", v.Name, s)
				}
			}
			if len(v.Sources) == 0 {
				t.Fatalf("vendor %s from nowhere", v.Name)
			}
		}
	})
}
