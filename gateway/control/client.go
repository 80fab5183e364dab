package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"monban/gateway/text"
)

// A Client asks the daemon over its control socket.
type Client struct {
	Path string // of the socket
}

// patience is how long an answer may take. A self-test is the slowest.
const patience = 90 * time.Second

// Get asks for path and decodes the answer into out.
func (c Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

// Post sends in as JSON to path and decodes the answer into out, which may be
// nil.
func (c Client) Post(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, b, out)
}

func (c Client) do(ctx context.Context, method, path string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	hc := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.Path)
		},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://monban"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return text.NewFault("control.no_daemon", "path", c.Path).Because(errors.Unwrap(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	switch {
	case a.Fault != nil:
		return a.Fault
	case a.Error != "":
		return fmt.Errorf("the daemon says: %s", a.Error)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(a.Value, out); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	return nil
}
