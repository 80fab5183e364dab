package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Clock is how the gateway's wall clock in a lab differs from this
// machine's. Boot time, which the kernel's timers follow, cannot be moved.
type Clock struct {
	Ahead    time.Duration `json:"ahead_ns"`
	Unsynced bool          `json:"unsynced"`
}

func clockFile(dir string) string { return filepath.Join(dir, "clock.json") }

// SetClock moves the clock of the lab in dir, as far as c says from this
// machine's.
func SetClock(dir string, c Clock) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	path := clockFile(dir)
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return fmt.Errorf("moving the lab's clock: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("moving the lab's clock: %w", err)
	}
	return nil
}

// ReadClock reads the file of a lab's clock; none means that nobody moved it.
func ReadClock(path string) (Clock, error) {
	var c Clock
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, fmt.Errorf("reading the lab's clock: %w", err)
	}
	return c, nil
}
