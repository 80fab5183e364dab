// Package provision brings a box its first site.toml and what belongs to it
// from the partition a vendor's PC can write, or from a USB stick.
//
// Once a box has a configuration it looks at neither again, and nothing it
// finds there is ever executed.
package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/text"
)

// Files on the partition or the stick.
const (
	siteFile   = "site.toml"
	codeFile   = "setup-code" // the first set-up code, for a label
	lanMACFile = "lan-mac"    // MAC address of the LAN's port, for set-up mode on boards nobody knows
)

// Files the box keeps: in the state directory, and below /run.
const (
	Kept      = "provisioned.json" // the Report of what was taken
	Seed      = "setup-code.seed"  // the set-up code as it was brought, until it is made
	RunReport = runDir + "/report.json"
	RunLANMAC = runDir + "/lan-mac"
	runDir    = "monban-provision"
)

// Where files came from.
const (
	Disk  = "disk"  // the first partition of the box's own disk
	Stick = "stick" // a USB stick
)

// A Report is what was found and what became of it.
type Report struct {
	Source string        `json:"source,omitempty"` // Disk or Stick; empty: nothing was found
	SHA256 string        `json:"sha256,omitempty"` // of the site.toml
	Taken  bool          `json:"taken"`            // it is the box's from now on
	Faults []*text.Fault `json:"faults,omitempty"` // why it is not, or what else is wrong; the first few
	Code   bool          `json:"code,omitempty"`   // a set-up code was taken
}

// mostFaults is how many of a file's faults are told.
const mostFaults = 5

func (r *Report) add(err error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		var f *text.Fault
		if !errors.As(err, &f) {
			f = text.NewFault("provision.unreadable", "detail", err.Error())
		}
		if len(r.Faults) < mostFaults {
			r.Faults = append(r.Faults, f)
		}
	}
}

// A State is the state directory.
type State interface {
	Has(name string) bool
	Write(name string, b []byte) error
}

// Options are what Run needs.
type Options struct {
	State    State
	Run      string             // required; /run
	Machine  Machine            // where devices are
	Patience time.Duration      // how long a stick may take to be there
	Check    func([]byte) error // says what is wrong with a site.toml
}

// Run looks at the box's own partition and then, while there is no good
// site.toml, for sticks. The Report is also left below Run for the page, and
// in the state directory if something was taken.
func Run(ctx context.Context, o Options) (Report, error) {
	var r Report
	if err := os.MkdirAll(filepath.Join(o.Run, runDir), 0o755); err != nil {
		return r, err
	}
	look := func(source, dev string) (done bool) {
		err := mounted(dev, filepath.Join(o.Run, runDir), func(root *os.Root) error {
			o.take(&r, source, root)
			return nil
		})
		if err != nil {
			r.add(err)
		}
		return r.Taken
	}
	done := false
	dev, err := o.Machine.Boot(o.Run)
	if err != nil {
		r.add(err)
	}
	if dev != "" {
		done = look(Disk, dev)
	}
	seen := map[string]bool{}
	for end := time.Now().Add(o.Patience); !done; {
		for _, dev := range o.Machine.Sticks(o.Run) {
			if !seen[dev] && !done {
				seen[dev] = true
				done = look(Stick, dev)
			}
		}
		if len(seen) > 0 || time.Now().After(end) {
			break
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return r, o.report(r)
}

func (o Options) report(r Report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if r.Taken {
		err = o.State.Write(Kept, b)
	}
	return errors.Join(err, writeRun(o.Run, RunReport, b))
}

func writeRun(run, name string, b []byte) error {
	return os.WriteFile(filepath.Join(run, name), b, 0o644)
}

// take takes what root holds. A good site.toml makes what was wrong with an
// earlier one of no matter.
func (o Options) take(r *Report, source string, root *os.Root) {
	if mac, err := readFile(root, lanMACFile, 64); err == nil {
		if err := writeRun(o.Run, RunLANMAC, mac); err != nil {
			r.add(err)
		}
	}
	b, err := readFile(root, siteFile, config.MaxSize)
	if errors.Is(err, os.ErrNotExist) {
		// What an editor makes of it where endings are hidden.
		if _, err := root.Stat(siteFile + ".txt"); err == nil {
			r.Source = source
			r.add(text.NewFault("provision.ending", "line", 1).On(siteFile + ".txt"))
		}
	} else {
		*r = Report{Source: source, Code: r.Code}
		sum := sha256.Sum256(b)
		r.SHA256 = hex.EncodeToString(sum[:])
		if err == nil {
			err = o.Check(b)
		}
		if err == nil {
			err = o.State.Write(siteFile, b)
		}
		if r.Taken = err == nil; !r.Taken {
			r.add(err)
		}
	}
	o.takeCode(r, root)
}

// takeCode takes the set-up code. It stays where it is: what is mounted can
// only be read.
func (o Options) takeCode(r *Report, root *os.Root) {
	b, err := readFile(root, codeFile, 256)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			r.add(err)
		}
		return
	}
	if _, _, ok := people.SetupCode(string(b)); !ok {
		r.add(text.NewFault("provision.code").On(codeFile))
		return
	}
	if err := o.State.Write(Seed, b); err != nil {
		r.add(err)
		return
	}
	r.Code = true
}

// readFile reads a file that has at most that many bytes.
func readFile(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = text.NewFault("provision.large", "max", most).On(name)
	}
	return b, err
}

// Read returns the Report of a file, and whether there is one.
func Read(path string) (Report, bool) {
	var r Report
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &r) != nil || slices.Contains(r.Faults, nil) {
		return Report{}, false
	}
	return r, slices.Contains([]string{Disk, Stick}, r.Source) || r.Source == "" && !r.Taken
}

// Say tells a report in lines, for the console.
func (r Report) Say(l text.Lang) string {
	var b strings.Builder
	switch {
	case r.Taken:
		fmt.Fprintln(&b, l.Say("provision.taken."+r.Source, text.Args{"sum": r.SHA256}))
	case r.Source != "":
		fmt.Fprintln(&b, l.Say("provision.refused."+r.Source, nil))
	default:
		fmt.Fprintln(&b, l.Say("provision.none", nil))
	}
	for _, f := range r.Faults {
		s := l.Say(f.Code, f.Args)
		if f.Field != "" {
			s = f.Field + ": " + s
		}
		fmt.Fprintln(&b, s)
	}
	if r.Code {
		fmt.Fprintln(&b, l.Say("provision.code_taken", nil))
	}
	return b.String()
}
