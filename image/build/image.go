package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/image"
	"monban/image/lock"
)

const product = "monban"

// An Image says what to build.
type Image struct {
	Arch    string // amd64 or arm64
	Board   image.Board
	Version bootslot.Version
	Minimum bootslot.Version // lowest running version that may be updated to this
	Notes   bootslot.Notes   // a release has both
	Made    time.Time        // of every file without a date of its own, and of the update

	Key   *minisign.Secret // signs the update; nil where that is done elsewhere, see Seal
	Trust []minisign.Key   // further keys whose updates the box takes
	// Throwaway says that no box of a clinic trusts any of the keys. Versions
	// that end in -debug have such keys, and no others do.
	Throwaway bool

	Source string // folder of the source
	Out    string // folder for what is built
	Test   bool   // obeys a disk labelled GWTEST; never for a clinic
	// RenewMissing takes what the mirror has now instead of a lock that names
	// packages nobody has any more.
	RenewMissing bool

	lock lock.Lock
}

// id is the product. That of test images is another, so that a box of a clinic
// takes none of them as an update, whoever signed it.
func (i Image) id() string {
	if i.Test {
		return product + "-test"
	}
	return product
}

// name is the beginning of the names of all files that are built.
func (i Image) name() string {
	return fmt.Sprintf("%s_%s_%s_%s", i.id(), i.Version, i.Board, i.Arch)
}

// trusted are the keys whose updates the box takes.
func (i Image) trusted() []minisign.Key {
	if i.Key == nil {
		return i.Trust
	}
	return append([]minisign.Key{i.Key.Key()}, i.Trust...)
}

// check says what cannot be built.
func (i Image) check() error {
	switch {
	case kernels[i.Arch].meta == "":
		return fmt.Errorf("there is no image for the architecture %q", i.Arch)
	case i.Board != image.UEFI && i.Board != image.RPi:
		return fmt.Errorf("there is no image for the board %q", i.Board)
	case i.Board == image.RPi && i.Arch != "arm64":
		return errors.New("a Raspberry Pi is arm64")
	case i.Version.IsZero() || i.Made.IsZero() || len(i.trusted()) == 0:
		return errors.New("version, date or key is missing")
	case i.Test && !i.debug():
		return errors.New("a test image obeys whoever holds its disk and is no release: give neither --key nor --trust, and it becomes a -debug version with throwaway keys")
	case i.debug() && !i.Throwaway:
		return errors.New("a -debug version is no release, so no key of releases goes with it: give neither --key nor --trust, and throwaway keys are made; or take -debug off the version")
	case !i.debug() && i.Throwaway:
		return errors.New("with throwaway keys the version must end in -debug")
	case i.Minimum.IsZero():
		return errors.New("a release must say which versions it updates: give the lowest with --minimum N.N.N (make image MINIMUM=N.N.N); 0.0.1 is all of them")
	case i.Version.Compare(i.Minimum) < 0:
		return fmt.Errorf("version %s is below the lowest that it updates, %s", i.Version, i.Minimum)
	case !i.debug() && (i.Notes.JA == "" || i.Notes.EN == ""):
		return errors.New("a release must say what is new, in both languages: write each into a file and give them with --notes-ja FILE --notes-en FILE (make image NOTES_JA=FILE NOTES_EN=FILE)")
	}
	// What makes a manifest no manifest is told before the work, not after it.
	_, err := i.manifest(bootslot.Piece{Size: block}, bootslot.Piece{Size: block})
	return err
}

// debug says whether the version is one that nobody gets.
func (i Image) debug() bool { return strings.HasSuffix(i.Version.String(), "-debug") }

// Build builds an image and returns the files it wrote, by what they are.
func (b Builder) Build(ctx context.Context, i Image) (files map[string]string, err error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	if i.lock, err = lock.For(i.Arch); err != nil {
		return nil, err
	}
	i.Made = i.Made.UTC().Truncate(time.Second)
	if err := os.MkdirAll(i.Out, 0o755); err != nil {
		return nil, err
	}
	if err := b.fetchAll(ctx, &i); err != nil {
		return nil, err
	}
	err = apart(ctx, func(ctx context.Context) error {
		t, dir, done, err := b.start(ctx, i.Made)
		if err != nil {
			return err
		}
		defer done()
		files, err = i.build(ctx, t, dir, b.Say)
		return err
	})
	return files, err
}

func (i Image) build(ctx context.Context, t *toolbox, dir string, say func(string, ...any)) (map[string]string, error) {
	say("%s: our programs", i.name())
	built, err := i.compile(ctx, dir)
	if err != nil {
		return nil, err
	}
	say("the root: %d packages", len(i.rootPackages()))
	inRoot := map[string]string{}
	for pkg, to := range programs {
		if to != "" {
			inRoot[to] = built[pkg]
		}
	}
	if err := i.makeRoot(ctx, t, dir, i.rootPackages(), inRoot); err != nil {
		return nil, err
	}
	k, err := i.makeModules(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	if err := i.keepFirmware(ctx, t, dir, k.version); err != nil {
		return nil, err
	}
	if err := unpack(ctx, t, i.lock.In("boot"), bootDir); err != nil {
		return nil, err
	}
	if err := i.makeTryboot(ctx, t, dir, k); err != nil {
		return nil, err
	}
	if err := indexModules(ctx, t, k.version); err != nil {
		return nil, err
	}
	if err := i.addLicences(ctx, dir, built); err != nil {
		return nil, err
	}
	say("the kernel %s, its initrd with %d modules", k.version, len(k.initrd))
	if err := makeInitrd(ctx, t, dir, k, built["./image/init"]); err != nil {
		return nil, err
	}
	r, err := i.pack(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	say("the root is %.1f MiB; the boot piece", float64(r.Offset)/(1<<20))
	if i.Board == image.UEFI {
		err = i.makeUEFI(ctx, t, dir, k, r)
	} else {
		err = i.makeRPi(ctx, t, dir, k, r)
	}
	if err != nil {
		return nil, err
	}
	return i.finish(ctx, t, dir, built, say)
}

// finish writes what a person takes away.
func (i Image) finish(ctx context.Context, t *toolbox, dir string, built map[string]string, say func(string, ...any)) (map[string]string, error) {
	base := filepath.Join(i.Out, i.name())
	files := map[string]string{
		"disk": base + ".img", "compressed": base + ".img.zst", "update": base + ".update",
		"manifest": base + ".manifest", "sbom": base + ".cdx.json", "licences": base + ".licences",
	}
	content := map[string]string{image.ESP: image.ESP + ".img", image.RootA: rootFile}
	if i.Board == image.RPi {
		content[image.BootA] = bootFile
	}
	if err := i.makeDisk(ctx, t, dir, files["disk"], content); err != nil {
		return nil, err
	}
	if i.Key == nil {
		files["update"] = base + ".unsigned"
	}
	if err := i.writeUpdate(dir, files["update"], files["manifest"]); err != nil {
		return nil, err
	}
	with, err := t.versions(i.shapers())
	if err != nil {
		return nil, err
	}
	if err := i.writeBOM(files["sbom"], i.packed(), built, with); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(files["licences"]); err != nil {
		return nil, err
	}
	if err := os.CopyFS(files["licences"], os.DirFS(filepath.Join(dir, rootDir, docDir))); err != nil {
		return nil, err
	}
	say("compressing the disk image")
	if err := i.compressDisk(ctx, t, files["disk"], files["compressed"]); err != nil {
		return nil, err
	}
	return files, nil
}

// compressDisk writes the form of the disk image that is handed out.
func (i Image) compressDisk(ctx context.Context, t *toolbox, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := t.pipe(ctx, in, out, "zstd", "-q", "-c", "-9", "--single-thread"); err != nil {
		return err
	}
	return out.Close()
}

// rootPackages are those in the root file system.
func (i Image) rootPackages() []lock.Package {
	all := i.lock.In("root")
	if i.Test {
		all = append(all, i.lock.In("test")...)
	}
	return all
}

// packed are all packages of which something is in the image.
func (i Image) packed() []lock.Package {
	return append(append(i.rootPackages(), i.lock.In("kernel")...), i.lock.In("boot")...)
}

// fetchAll sees to it that all locked packages are in the cache.
func (b Builder) fetchAll(ctx context.Context, i *Image) error {
	m, err := findMirror(b.Mirror)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.Cache, "debs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for try := 0; ; try++ {
		err := fetchEach(ctx, m, i.lock.Packages, dir)
		if !errors.Is(err, errMissing) || !i.RenewMissing || try > 0 {
			return err
		}
		b.Say("NOT THE LOCKED PACKAGES: %v", err)
		b.Say("building with what the mirror has now; this image is not the one that the source describes")
		if i.lock, err = b.Renew(ctx, i.Arch); err != nil {
			return err
		}
	}
}

func fetchEach(ctx context.Context, m mirror, packages []lock.Package, dir string) error {
	for _, p := range packages {
		if err := fetch(ctx, m, p, dir); err != nil {
			return err
		}
	}
	return nil
}

// NewKey makes a throwaway key, for images that nobody gets.
func NewKey() (minisign.Secret, error) { return minisign.NewSecret(rand.Reader) }
