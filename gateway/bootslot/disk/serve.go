package disk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/run"
	"monban/gateway/text"
)

// Limits of one conversation. An update may come over a slow line; that nothing
// comes at all ends it.
const (
	maxLine   = 64 << 10 // bytes of a request
	maxReply  = 64 << 10
	maxUpdate = bootslot.MaxBoot + bootslot.MaxRoot + 1<<20
	maxAsking = 8 // at once; the others wait in the socket
	stall     = 60 * time.Second
	whole     = time.Hour
	patience  = 5 * time.Second // for another's act to end; clients wait longer, so that they hear slot.busy
)

// A reply is what the service writes back: either of the two.
type reply struct {
	Result *bootslot.Result `json:"result,omitempty"`
	Fault  *text.Fault      `json:"fault,omitempty"`
}

// Serve answers requests, one act at a time, until ctx ends, or until nobody
// asked for idle (0: for ever). Who may connect is the socket's matter.
func (s *Slots) Serve(ctx context.Context, l *net.UnixListener, idle time.Duration) error {
	group, ctx := run.NewGroup(ctx)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	asking := make(chan struct{}, maxAsking)
	act := make(chan struct{}, 1)
	for {
		asking <- struct{}{}
		if idle > 0 {
			if err := l.SetDeadline(time.Now().Add(idle)); err != nil {
				return fmt.Errorf("waiting for requests: %w", err)
			}
		}
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return group.Wait()
		case errors.Is(err, os.ErrDeadlineExceeded) && len(asking) > 1:
			<-asking
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return group.Wait()
		case err != nil:
			return errors.Join(fmt.Errorf("waiting for requests: %w", err), group.Wait())
		}
		group.Go("request", func(ctx context.Context) error {
			defer func() { <-asking }()
			s.answer(ctx, c, act)
			return nil
		})
	}
}

// answer serves one connection. Its errors are the client's: it has gone, or
// hears in words what was wrong.
func (s *Slots) answer(ctx context.Context, c net.Conn, act chan struct{}) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	in := bufio.NewReaderSize(&live{Conn: c, end: time.Now().Add(whole)}, maxLine)
	var ans reply
	if res, err := s.request(in, act); err != nil {
		ans.Fault = faultOf(err)
	} else {
		ans.Result = &res
	}
	if err := c.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return
	}
	_ = json.NewEncoder(c).Encode(ans)
}

// live is a connection that is given up when nothing comes any more.
type live struct {
	net.Conn
	end time.Time
}

func (l *live) Read(b []byte) (int, error) {
	next := time.Now().Add(stall)
	if next.After(l.end) {
		next = l.end
	}
	if err := l.SetReadDeadline(next); err != nil {
		return 0, err
	}
	return l.Conn.Read(b)
}

func (s *Slots) request(in *bufio.Reader, act chan struct{}) (bootslot.Result, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return bootslot.Result{}, text.NewFault("slot.request").Because(err)
	}
	r, err := bootslot.ParseRequest(line)
	if err != nil {
		return bootslot.Result{}, text.NewFault("slot.request").Because(err)
	}
	select {
	case act <- struct{}{}:
		defer func() { <-act }()
	case <-time.After(patience):
		return bootslot.Result{}, text.NewFault("slot.busy")
	}
	return s.act(r, in)
}

// act does what is asked.
func (s *Slots) act(r bootslot.Request, in io.Reader) (bootslot.Result, error) {
	var err error
	switch r.Do {
	case bootslot.DoStatus:
		st, err := s.Status()
		return bootslot.Result{Status: &st}, err
	case bootslot.DoCheck:
		m, err := s.Check([]byte(r.Manifest), []byte(r.Signature))
		if err != nil {
			return bootslot.Result{}, err
		}
		return bootslot.Result{Manifest: &m}, nil
	case bootslot.DoInstall:
		if r.Size <= 0 || r.Size > maxUpdate {
			return bootslot.Result{}, text.NewFault("slot.form").Because(fmt.Errorf("%d bytes", r.Size))
		}
		err = s.Install(io.LimitReader(in, r.Size), r.Sum)
	case bootslot.DoArm:
		err = s.Arm()
	case bootslot.DoBegin:
		err = s.Begin()
	case bootslot.DoCommit:
		err = s.Commit()
	case bootslot.DoBack:
		err = s.Back(r.Why)
	case bootslot.DoReboot:
		err = s.Reboot()
	default:
		err = text.NewFault("slot.request")
	}
	return bootslot.Result{}, err
}
