package netchange

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"

	"monban/gateway/netconf"
	"monban/gateway/text"
)

const maxReply = 64 << 10

// Ask sends one request to the service behind the Unix socket. Its errors are
// Faults. The answer to Apply comes before the network changes: whoever asks
// may be stopped by it. What gets no answer in time is not carried out later.
func Ask(ctx context.Context, socketPath string, do netconf.Request) (netconf.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*talk)
	defer cancel()
	ans, err := ask(ctx, socketPath, do)
	switch {
	case err != nil:
		return netconf.Change{}, text.NewFault("network.unreachable", "detail", err.Error())
	case ans.Fault != nil:
		return netconf.Change{}, ans.Fault
	case ans.Change == nil:
		return netconf.Change{}, text.NewFault("network.unreachable", "detail", "empty answer")
	}
	return *ans.Change, nil
}

func ask(ctx context.Context, socketPath string, do netconf.Request) (ans reply, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socketPath)
	if err != nil {
		return ans, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := json.NewEncoder(c).Encode(request{do}); err != nil {
		return ans, fmt.Errorf("sending request: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(c, maxReply)).Decode(&ans); err != nil {
		return ans, fmt.Errorf("reading answer: %w", err)
	}
	return ans, nil
}
