package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"monban/gateway/text"
)

// Limits of one conversation. Limit is how long a run may take altogether.
const (
	Limit      = 60 * time.Second
	maxRequest = 64 << 10
	maxReply   = 1 << 20
)

// A reply is what the service writes back: either of the two.
type reply struct {
	Result *Result     `json:"result,omitempty"`
	Fault  *text.Fault `json:"fault,omitempty"`
}

// Ask lets the root service behind the Unix socket run the self-test, for
// Limit at most. Its errors are Faults.
func Ask(ctx context.Context, socketPath string, r Request) (Result, error) {
	if err := r.check(); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Limit+5*time.Second)
	defer cancel()
	ans, err := ask(ctx, socketPath, r)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Result{}, text.NewFault("selftest.out_of_time").Because(err)
	case err != nil:
		return Result{}, text.NewFault("selftest.unreachable").Because(err)
	case ans.Fault != nil:
		return Result{}, ans.Fault
	case ans.Result == nil:
		return Result{}, text.NewFault("selftest.unreachable").Because(errors.New("empty answer"))
	}
	return *ans.Result, nil
}

func ask(ctx context.Context, socketPath string, r Request) (ans reply, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socketPath)
	if err != nil {
		return ans, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := json.NewEncoder(c).Encode(r); err != nil {
		return ans, fmt.Errorf("sending request: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(c, maxReply)).Decode(&ans); err != nil {
		return ans, fmt.Errorf("reading answer: %w", err)
	}
	return ans, nil
}
