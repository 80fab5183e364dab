package build

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"monban/image/lock"
)

// A kernel says which of Debian's kernels an architecture gets. The newest of
// backports is for boards that the stable one does not know: it has the SD
// controller and the RP1 of a Pi 5.
type kernel struct {
	suite   string   // empty: the newest of stable, its updates for security among them
	meta    string   // depends on the newest
	files   []string // packages of it; %s is the version
	headers []string // to compile modules; of the builder's architecture where it is named
}

var kernels = map[string]kernel{
	"amd64": {meta: "linux-image-amd64", files: []string{"linux-image-%s-amd64"}},
	"arm64": {
		suite: "trixie-backports", meta: "linux-image-arm64", files: []string{"linux-base-%s-arm64", "linux-binary-%s-arm64", "linux-modules-%s-arm64"},
		headers: []string{"linux-headers-%s-arm64", "linux-headers-%s-common", "linux-kbuild-%s:amd64"},
	},
}

// renew makes the lock for an architecture out of what the mirror has now. The
// indexes' signatures are checked with Debian's keys in the toolbox.
func renew(ctx context.Context, t *toolbox, workDir string, m mirror, arch string, now time.Time) (lock.Lock, error) {
	a := apt{t, arch}
	if err := a.prepare(ctx, workDir, m); err != nil {
		return lock.Lock{}, fmt.Errorf("reading the mirror's indexes: %w", err)
	}
	all, err := wants(packagesText, arch)
	if err != nil {
		return lock.Lock{}, err
	}
	sets := map[string][]string{}
	for _, w := range all {
		sets[w.set] = append(sets[w.set], w.name)
	}
	l := lock.Lock{Arch: arch, Made: now.UTC().Truncate(time.Second)}
	have := sets["drop"]
	unused := slices.Clone(have)
	wanted := []string{}
	for _, set := range []string{"root", "test"} {
		wanted = append(wanted, sets[set]...)
		closure, err := a.closure(ctx, wanted)
		if err != nil {
			return lock.Lock{}, fmt.Errorf("what %s depends on: %w", strings.Join(wanted, ", "), err)
		}
		unused = slices.DeleteFunc(unused, func(name string) bool { return hasName(closure, name) })
		closure = slices.DeleteFunc(closure, func(n string) bool { return slices.Contains(have, bare(n)) })
		if err := a.add(ctx, &l, set, closure); err != nil {
			return lock.Lock{}, err
		}
		for _, n := range closure {
			have = append(have, bare(n))
		}
	}
	if len(unused) > 0 {
		return lock.Lock{}, fmt.Errorf("packages.txt: nothing depends on %s: drop is not needed", strings.Join(unused, ", "))
	}
	if err := a.add(ctx, &l, "boot", sets["boot"]); err != nil {
		return lock.Lock{}, err
	}
	k := kernels[arch]
	version, err := a.newest(ctx, k)
	if err != nil {
		return lock.Lock{}, err
	}
	for set, names := range map[string][]string{"kernel": k.files, "tryboot": k.headers} {
		for _, n := range names {
			if err := a.add(ctx, &l, set, []string{strings.ReplaceAll(n, "%s", version)}); err != nil {
				return lock.Lock{}, err
			}
		}
	}
	return l, nil
}

func bare(name string) string { name, _, _ = strings.Cut(name, "="); return name }

func hasName(closure []string, name string) bool {
	return slices.ContainsFunc(closure, func(n string) bool { return bare(n) == name })
}

// An apt asks Debian's own about an architecture, without a system of it.
type apt struct {
	*toolbox
	arch string
}

const aptDir = "apt"

func (a apt) prepare(ctx context.Context, workDir string, m mirror) error {
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial", "etc/parts"} {
		if err := os.MkdirAll(filepath.Join(workDir, aptDir, dir), 0o755); err != nil {
			return err
		}
	}
	sources := fmt.Sprintf(`deb [arch=%[3]s] %[1]s trixie main non-free-firmware
deb [arch=%[3]s] %[1]s trixie-updates main non-free-firmware
deb [arch=%[3]s] %[1]s trixie-backports main
deb [arch=%[3]s] %[2]s trixie-security main non-free-firmware
`, m.main, m.security, strings.Join(a.archs(), ","))
	if err := os.WriteFile(filepath.Join(workDir, aptDir, "etc/sources.list"), []byte(sources), 0o644); err != nil {
		return err
	}
	return a.run(ctx, "apt-get", a.options("update", "--error-on=any")...)
}

// archs are the architecture's own, and that of the toolbox for what runs there.
func (a apt) archs() []string {
	if a.arch == "amd64" {
		return []string{"amd64"}
	}
	return []string{a.arch, "amd64"}
}

func (a apt) options(args ...string) []string {
	dir := filepath.Join(work, aptDir)
	return append([]string{
		"-oDir::State=" + dir + "/state", "-oDir::State::status=/dev/null", "-oDir::Cache=" + dir + "/cache",
		"-oDir::Etc::sourcelist=" + dir + "/etc/sources.list", "-oDir::Etc::sourceparts=" + dir + "/etc/parts",
		"-oDir::Etc::preferencesparts=" + dir + "/etc/parts", "-oAPT::Architecture=" + a.arch,
		"-oAPT::Architectures=" + strings.Join(a.archs(), ","), "-oAPT::Install-Recommends=false",
		"-oAPT::Sandbox::User=root", "-oAcquire::Languages=none",
	}, args...)
}

var debName = regexp.MustCompile(`^'[^']*' ([a-z0-9][a-z0-9+.-]+)_([^_]+)_(?:amd64|arm64|all)\.deb `)

// closure returns packages and all they depend on, as name=version.
func (a apt) closure(ctx context.Context, names []string) ([]string, error) {
	out, err := a.output(ctx, "apt-get", a.options(append([]string{"install", "--print-uris", "--yes", "-qq"}, names...)...)...)
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if m := debName.FindStringSubmatch(line); m != nil {
			version, err := url.PathUnescape(m[2])
			if err != nil {
				return nil, fmt.Errorf("apt printed %q: %w", line, err)
			}
			all = append(all, m[1]+"="+version)
		}
	}
	if len(all) < len(names) {
		return nil, fmt.Errorf("apt named %d packages for %d", len(all), len(names))
	}
	return all, nil
}

// add puts packages, each a name that may have a version, into l.
func (a apt) add(ctx context.Context, l *lock.Lock, set string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	out, err := a.output(ctx, "apt-cache", a.options(append([]string{"show", "--no-all-versions"}, names...)...)...)
	if err != nil {
		return fmt.Errorf("what the mirror says about %s: %w", strings.Join(names, ", "), err)
	}
	found := 0
	for stanza := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n\n") {
		f := fields(stanza)
		size, _ := strconv.ParseInt(f["Size"], 10, 64)
		l.Packages = append(l.Packages, lock.Package{
			Set: set, Name: f["Package"], Version: f["Version"], Arch: f["Architecture"], Size: size, SHA256: f["SHA256"], Path: f["Filename"],
		})
		found++
	}
	if found != len(names) {
		return fmt.Errorf("the mirror's indexes have %d of %s", found, strings.Join(names, ", "))
	}
	return nil
}

// newest finds the version that the names of a kernel's packages hold.
func (a apt) newest(ctx context.Context, k kernel) (string, error) {
	out, err := a.output(ctx, "apt-cache", a.options("-oAPT::Default-Release="+k.suite, "show", "--no-all-versions", k.meta)...)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`linux-image-([0-9][A-Za-z0-9.+~]*)-` + a.arch + ` `).FindStringSubmatch(fields(string(out))["Depends"] + " ")
	if m == nil {
		return "", fmt.Errorf("%s in %s depends on no kernel", k.meta, k.suite)
	}
	return m[1], nil
}

// fields returns the fields of a stanza of one-line fields (deb822(5)).
func fields(stanza string) map[string]string {
	f := map[string]string{}
	for line := range strings.Lines(stanza) {
		if key, value, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, " ") {
			f[key] = strings.TrimSpace(value)
		}
	}
	return f
}
