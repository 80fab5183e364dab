package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// Activate is the hidden command that sets LISTEN_PID to its own number, as
// sd_listen_fds(3) asks for, and becomes args. It returns only an error.
func Activate(args []string) error {
	if len(args) == 0 {
		return errors.New("activating: nothing to run")
	}
	env := append(os.Environ(), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	if err := syscall.Exec(args[0], args, env); err != nil {
		return fmt.Errorf("running %s: %w", args[0], err)
	}
	return nil
}
