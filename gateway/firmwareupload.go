package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"monban/gateway/bootslot"
	"monban/gateway/people"
	"monban/gateway/text"
)

// MaxUpdate is the most bytes an update file may have.
const MaxUpdate = 256 << 20

// roomBeside is what must stay free on the disk beside an update.
const roomBeside = 64 << 20

func (g *Gateway) updatesDir() string { return filepath.Join(g.o.State, "updates") }

// sentUpdate is the update of that sum that somebody sent.
func (g *Gateway) sentUpdate(sum string) string { return filepath.Join(g.updatesDir(), sum+".update") }

// tidyUpdates removes every update that is not on offer: old ones, and those
// that were cut short. g.firm.turn is held.
func (g *Gateway) tidyUpdates() {
	keep := ""
	if o := g.keptFirmware().Offer; o != nil {
		keep = g.sentUpdate(o.Sum)
	}
	all, _ := filepath.Glob(filepath.Join(g.updatesDir(), "*")) // the pattern is good
	for _, path := range all {
		if path == keep {
			continue
		}
		if err := os.Remove(path); err != nil {
			g.o.Log.Warn("old update not removed", "err", err)
		}
	}
}

// UploadFirmware takes an update file in and offers it to the director, if its
// signature is good and the box may be updated to it.
func (g *Gateway) UploadFirmware(ctx context.Context, who people.Actor, file io.Reader) (FirmwareOffer, error) {
	if err := may(who, people.ActBringUpdate); err != nil {
		return FirmwareOffer{}, err
	}
	f := g.firm
	switch {
	case g.o.Slots == nil:
		return FirmwareOffer{}, text.NewFault("firmware.not_here")
	case !f.turn.TryLock():
		return FirmwareOffer{}, text.NewFault("firmware.busy")
	}
	defer f.turn.Unlock()
	if err := g.noneApproved(g.keptFirmware()); err != nil {
		return FirmwareOffer{}, err
	}
	part, err := g.receiveUpdate(file)
	if err != nil {
		return FirmwareOffer{}, err
	}
	defer os.Remove(part) // there is none when all went well
	o, err := g.readUpdate(ctx, part)
	if err != nil {
		return FirmwareOffer{}, err
	}
	o.File, o.By = true, who
	if err := os.Rename(part, g.sentUpdate(o.Sum)); err != nil {
		return FirmwareOffer{}, text.NewFault("firmware.no_room").On("file").Because(err)
	}
	err = g.actFirmware(ctx, who, func(k *keptFirmware) (string, map[string]any, error) {
		if err := g.noneApproved(*k); err != nil {
			return "", nil, err
		}
		k.Offer, k.Failed = o, nil
		return "firmware.uploaded", map[string]any{"version": o.Manifest.Version.String()}, nil
	})
	if err != nil {
		return FirmwareOffer{}, err // the file is tidied away
	}
	return offerView(o), nil
}

// noneApproved keeps what the director has approved from being replaced.
func (g *Gateway) noneApproved(k keptFirmware) error {
	switch {
	case k.Trial != nil:
		return text.NewFault("firmware.on_trial")
	case k.Offer.approved():
		return text.NewFault("firmware.approved_first", "version", k.Offer.Manifest.Version.String())
	}
	return nil
}

// receiveUpdate puts a file that somebody sends into the state directory, and
// returns where.
func (g *Gateway) receiveUpdate(file io.Reader) (string, error) {
	none := func(err error) error { return text.NewFault("firmware.no_room").On("file").Because(err) }
	if err := os.MkdirAll(g.updatesDir(), 0o700); err != nil {
		return "", none(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(g.updatesDir(), &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < MaxUpdate+roomBeside {
		return "", none(err)
	}
	part, err := os.CreateTemp(g.updatesDir(), "part-*")
	if err != nil {
		return "", none(err)
	}
	from := &sender{r: io.LimitReader(file, MaxUpdate+1)}
	n, err := io.Copy(part, from)
	err = errors.Join(err, part.Sync(), part.Close())
	switch {
	case from.err != nil:
		err = text.NewFault("firmware.upload_cut").On("file").Because(from.err)
	case err != nil:
		err = none(err)
	case n == 0:
		err = text.NewFault("firmware.no_file").On("file")
	case n > MaxUpdate:
		err = text.NewFault("firmware.too_big", "mb", MaxUpdate>>20).On("file")
	}
	if err != nil {
		os.Remove(part.Name())
		return "", err
	}
	return part.Name(), nil
}

// sender keeps the errors of who sends apart from those of the disk.
type sender struct {
	r   io.Reader
	err error
}

func (s *sender) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// readUpdate says what the file at path is an update to.
func (g *Gateway) readUpdate(ctx context.Context, path string) (*firmwareOffer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading an update: %w", err)
	}
	defer file.Close()
	manifest, signature, err := bootslot.Head(file)
	if err != nil {
		return nil, err
	}
	return g.offerOf(ctx, manifest, signature)
}
