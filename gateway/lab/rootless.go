package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"monban/gateway/run"
	"monban/gateway/text"
)

// mayMakeNamespaces says whether this process has the capabilities the lab
// needs in the namespaces it is in. Being root is not enough in a container.
func mayMakeNamespaces() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false
	}
	need := uint32(1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW)
	return data[0].Effective&need == need
}

// noNamespaces says whether err means that the machine forbids namespaces:
// a policy, a limit of 0, or a kernel without them.
func noNamespaces(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EUSERS, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// upInUserNamespace runs the lab in a child that is root in a user namespace
// of its own. What belongs to the machine is passed along: the listener, and
// a pipe whose closing tells the child to end, also when this process is
// killed.
func upInUserNamespace(ctx context.Context, o Options, door *os.File) error {
	life, hold, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer life.Close()
	defer hold.Close()
	cmd := exec.Command(o.Program, "--lang", string(o.Lang), "lab", "inside", "--dir", o.Dir, "--listen", o.Listen)
	cmd.Stdout, cmd.Stderr = o.Out, o.Err
	cmd.ExtraFiles = []*os.File{door, life}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		if noNamespaces(err) {
			return text.NewFault("lab.no_namespaces").Because(err)
		}
		return fmt.Errorf("starting the lab in a user namespace: %w", err)
	}
	door.Close()
	life.Close()
	stop := context.AfterFunc(ctx, func() { hold.Close() })
	defer stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
		return Reported(exit.ExitCode())
	} else if err != nil {
		return fmt.Errorf("running the lab in a user namespace: %w", err)
	}
	return nil
}

// Reported is the failure of a child that has already told the person why.
type Reported int

func (r Reported) Error() string { return fmt.Sprintf("the lab ended with status %d", int(r)) }

// Inside is the hidden command upInUserNamespace runs: listener at file
// descriptor 3, lifeline at 4.
func Inside(ctx context.Context, o Options) error {
	if !mayMakeNamespaces() {
		return text.NewFault("lab.no_namespaces")
	}
	if err := unix.SetNonblock(4, true); err != nil {
		return errors.New("only the lab starts itself inside")
	}
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	door, life := os.NewFile(3, "listener"), os.NewFile(4, "lifeline")
	if _, err := o.makeDir(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, _ := run.NewGroup(ctx)
	g.Go("lifeline", func(context.Context) error {
		_, _ = life.Read(make([]byte, 1)) // nothing is ever written: it ends
		cancel()
		return nil
	})
	err := build(ctx, o, door)
	life.Close()
	_ = g.Wait()
	return err
}
