package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// A Client asks the service behind the socket at Path. Its errors are
// *text.Fault.
type Client struct{ Path string }

// shortly is how long an answer may take that needs no update: other acts and a
// slow disk.
const shortly = 2 * time.Minute

// Status asks how the slots stand.
func (c Client) Status(ctx context.Context) (bootslot.Status, error) {
	r, err := c.talk(ctx, bootslot.Request{Do: bootslot.DoStatus}, nil, shortly)
	if err != nil {
		return bootslot.Status{}, err
	}
	if r.Status == nil {
		return bootslot.Status{}, text.NewFault("slot.unreachable").Because(errors.New("an answer without a status"))
	}
	return *r.Status, nil
}

// Check asks whether an update with this manifest may be installed.
func (c Client) Check(ctx context.Context, manifest, signature []byte) (bootslot.Manifest, error) {
	r, err := c.talk(ctx, bootslot.Request{Do: bootslot.DoCheck, Manifest: string(manifest), Signature: string(signature)}, nil, shortly)
	if err != nil {
		return bootslot.Manifest{}, err
	}
	if r.Manifest == nil {
		return bootslot.Manifest{}, text.NewFault("slot.unreachable").Because(errors.New("an answer without a manifest"))
	}
	return *r.Manifest, nil
}

// Install has an update file of size bytes written into the other slot, if its
// manifest has the sum want, or without one whichever it is. It is not armed.
func (c Client) Install(ctx context.Context, size int64, want bootslot.Sum, update io.Reader) error {
	_, err := c.talk(ctx, bootslot.Request{Do: bootslot.DoInstall, Size: size, Sum: want}, update, whole+shortly)
	return err
}

// Arm has the next start try what waits.
func (c Client) Arm(ctx context.Context) error {
	return c.ask(ctx, bootslot.Request{Do: bootslot.DoArm})
}

// Begin says that the running version was really started, if it is on trial.
func (c Client) Begin(ctx context.Context) error {
	return c.ask(ctx, bootslot.Request{Do: bootslot.DoBegin})
}

// Commit keeps the running version.
func (c Client) Commit(ctx context.Context) error {
	return c.ask(ctx, bootslot.Request{Do: bootslot.DoCommit})
}

// Back disarms what waits, or gives the running version up; why is what is
// missing of one on trial.
func (c Client) Back(ctx context.Context, why []*text.Fault) error {
	return c.ask(ctx, bootslot.Request{Do: bootslot.DoBack, Why: why})
}

// Reboot begins a restart.
func (c Client) Reboot(ctx context.Context) error {
	return c.ask(ctx, bootslot.Request{Do: bootslot.DoReboot})
}

func (c Client) ask(ctx context.Context, r bootslot.Request) error {
	_, err := c.talk(ctx, r, nil, shortly)
	return err
}

func (c Client) talk(ctx context.Context, r bootslot.Request, body io.Reader, within time.Duration) (bootslot.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ans, err := c.exchange(ctx, r, body)
	var f *text.Fault
	switch {
	case errors.As(err, &f):
		return bootslot.Result{}, f
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return bootslot.Result{}, text.NewFault("slot.out_of_time").Because(err)
	case err != nil:
		return bootslot.Result{}, text.NewFault("slot.unreachable").Because(err)
	case ans.Fault != nil:
		return bootslot.Result{}, ans.Fault
	case ans.Result == nil:
		return bootslot.Result{}, text.NewFault("slot.unreachable").Because(errors.New("an empty answer"))
	}
	return *ans.Result, nil
}

func (c Client) exchange(ctx context.Context, r bootslot.Request, body io.Reader) (ans reply, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.Path)
	if err != nil {
		return ans, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return ans, fmt.Errorf("sending the request: %w", err)
	}
	if body != nil {
		from := &heard{r: body}
		// The service may have seen enough; it then says why.
		if _, err := io.Copy(conn, from); err != nil && from.err != nil {
			return ans, text.NewFault("slot.cut").Because(from.err)
		}
		if u, ok := conn.(*net.UnixConn); ok {
			_ = u.CloseWrite()
		}
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxReply)).Decode(&ans); err != nil {
		return ans, fmt.Errorf("reading the answer: %w", err)
	}
	return ans, nil
}

// heard keeps the error of a reader apart from those of where it is copied to.
type heard struct {
	r   io.Reader
	err error
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}
