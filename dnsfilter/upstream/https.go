package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// A web asks one server over HTTPS (RFC 8484), by POST over HTTP/2. It follows
// no redirect and uses no proxy: both would be other servers.
type web struct {
	peer   *peer
	tls    *tls.Config
	url    *url.URL
	client atomic.Pointer[http.Transport] // replaced when its connection is dead
	heard  atomic.Int64                   // when something came last, Unix nanoseconds
}

const mediaType = "application/dns-message"

func newWeb(p *peer, c *tls.Config) *web {
	w := &web{peer: p, tls: c, url: &url.URL{Scheme: "https", Host: p.server.Name, Path: p.server.Path}}
	w.client.Store(w.transport())
	return w
}

func (w *web) transport() *http.Transport {
	var h2 http.Protocols
	h2.SetHTTP2(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, network, w.peer.server.Addr.String())
		},
		TLSClientConfig: w.tls.Clone(), TLSHandshakeTimeout: dialPatience, Protocols: &h2,
		IdleConnTimeout: keepIdle, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
	}
}

func (w *web) ask(ctx context.Context, q Question, edns bool) (*dns.Msg, error) {
	y, err := newQuery(q, form{edns: edns, pad: true})
	if err != nil {
		return nil, err
	}
	y.setID(0) // the same question is the same bytes (RFC 8484 section 4.1)
	for first := true; ; first = false {
		client := w.client.Load()
		m, used, err := w.post(ctx, client, y)
		if err == nil {
			return m, nil
		}
		if !used || ctx.Err() != nil || errors.Is(err, errAnswered) {
			return nil, err
		}
		// The connection was good for others before and is dead: once more
		// on a new one, for all who ask from now on.
		if w.client.CompareAndSwap(client, w.transport()) {
			client.CloseIdleConnections()
		}
		if !first {
			return nil, err
		}
	}
}

// errAnswered says that the server did speak, and not as it should.
var errAnswered = errors.New("no DNS answer over HTTPS")

// post asks y once; used says that the connection had been used before.
func (w *web) post(ctx context.Context, client *http.Transport, y *query) (m *dns.Msg, used bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var silent *time.Timer
	defer func() {
		if silent != nil {
			silent.Stop()
		}
	}()
	y.sent = time.Now()
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		y.sent, used = time.Now(), c.Reused
		if sent := y.sent.UnixNano(); used {
			silent = time.AfterFunc(stall, func() {
				if w.heard.Load() < sent {
					cancel(errStalled)
				}
			})
		}
	}})
	r, err := http.NewRequestWithContext(traced, http.MethodPost, w.url.String(), bytes.NewReader(y.packet))
	if err != nil {
		return nil, false, err
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Accept", mediaType)
	r.Header.Set("User-Agent", "") // nobody's business
	reply, err := client.RoundTrip(r)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, used, err
	}
	defer reply.Body.Close()
	w.heard.Store(time.Now().UnixNano())
	raw, err := body(reply)
	if err != nil {
		return nil, used, err
	}
	if m, err = y.read(raw, reply.Header.Get("Age")); err != nil {
		return nil, used, err
	}
	w.peer.answered(time.Since(y.sent))
	return m, used, nil
}

// body reads a reply that is a DNS message by its own account.
func body(r *http.Response) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", errAnswered, r.StatusCode)
	case err != nil || kind != mediaType:
		return nil, fmt.Errorf("%w: another kind of document", errAnswered)
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, dns.MaxMsgSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > dns.MaxMsgSize:
		return nil, fmt.Errorf("%w: too long", errAnswered)
	}
	return raw, nil
}

// read checks the body of a reply. What HTTP says of its age counts against
// the times to live (RFC 8484 section 5.1).
func (y *query) read(raw []byte, age string) (*dns.Msg, error) {
	m, _ := y.check(raw)
	if m == nil || m.Truncated {
		return nil, fmt.Errorf("%w: %w", errAnswered, errStrange)
	}
	if s, err := strconv.ParseUint(age, 10, 31); err == nil && s > 0 {
		for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
			for _, rr := range section {
				if h := rr.Header(); h.Rrtype != dns.TypeOPT {
					h.Ttl -= min(h.Ttl, uint32(s))
				}
			}
		}
	}
	return m, nil
}
