// Command monban-data gives the box its memory: it makes, opens, checks and
// mounts the partition data at boot, or puts the machine's memory in its place,
// and it destroys what was recorded when a person asks for that.
//
// It knows nothing of what lies in there, opens no network connection, and never
// formats a partition that may hold somebody's records.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"golang.org/x/sys/unix"

	"monban/image"
)

// What checking a large disk may take; the unit's time-out is longer.
const patience = 9 * time.Minute

const usage = `usage: monban-data start        mount the partition data (at boot)
       monban-data reset BOX    destroy everything the box recorded, and restart;
                                BOX is its name, as shown on the page
       monban-data stick DEVICE do that if a file factory-reset there names this box
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unix.Umask(0o022) // others look at what is made here
	b := &box{root: "/", sys: "/sys", dev: "/dev", run: "/run", base: "/run/monban-data", fat: "vfat", crypt: luks{"/sys", "/dev", label}, quotas: true, log: say}
	if err := b.command(ctx, os.Args[1:]); err != nil {
		say("%v", err)
		os.Exit(1)
	}
}

// say writes a line for the journal and the console.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (b *box) command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "start":
		return b.boot(ctx)
	case len(args) == 2 && args[0] == "reset":
		if !names(args[1], b.id()) {
			return fmt.Errorf("this box is called %s; nothing was done", b.id())
		}
	case len(args) == 2 && args[0] == "stick":
		ours, other, err := b.askedOn(args[1])
		if err != nil {
			return err
		}
		if other {
			say("%s on the stick names another box, or this one as it was before a reset; nothing was done", image.ResetFile)
		}
		if !ours {
			return nil
		}
	default:
		return errors.New(usage)
	}
	d, err := findDisk(b.sys, b.dev, b.run)
	if err != nil {
		return err
	}
	say("a factory reset was asked for: everything this box recorded is destroyed")
	if err := d.reset(); err != nil {
		return err
	}
	return restart(ctx)
}

// restartNow is systemd's signal SIGRTMIN+15 (systemd(1)) by its number: the C
// library keeps the first two of real time for itself.
const restartNow = unix.Signal(34 + 15)

// restart ends this boot at once: what is still in memory belongs to a box that
// is no more. Asking systemd needs no right to restart the machine. It does not
// return before it is ended.
func restart(ctx context.Context) error {
	say("the box restarts")
	if err := unix.Kill(1, restartNow); err != nil {
		return fmt.Errorf("asking for a restart: %w", err)
	}
	<-ctx.Done()
	return ctx.Err()
}

// boot is start with this machine's TPM, and leaves word of how it went. Memory
// in the partition's place is an error, so that systemd has the lamp show it.
func (b *box) boot(ctx context.Context) error {
	if tpmThere(b.sys) {
		b.seal, b.unseal = withTPM(b.dev, sealKey), withTPM(b.dev, unsealKey)
	}
	if err := seenByAll("/proc/self/mountinfo"); err != nil {
		return errors.Join(err, leave(filepath.Join(b.root, image.DataStateFile),
			image.DataState{State: image.DataVolatile, Why: "data.broken", Detail: err.Error(), Box: b.id()}))
	}
	st, err := b.start(ctx)
	if errors.Is(err, errReset) {
		return restart(ctx)
	}
	err = errors.Join(err, leave(filepath.Join(b.root, image.DataStateFile), st))
	if err == nil && st.State == image.DataVolatile {
		err = errors.New("memory stands in for the partition until the next start")
	}
	return err
}

// withTPM opens the TPM for one act.
func withTPM(dev string, act func(transport.TPM, []byte) ([]byte, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		t, err := openTPM(filepath.Join(dev, "tpmrm0"), 10*time.Second)
		if err != nil {
			return nil, fmt.Errorf("opening the TPM: %w", err)
		}
		defer t.Close()
		return act(t, b)
	}
}

// leave writes the state whole.
func leave(file string, st image.DataState) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o444); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
