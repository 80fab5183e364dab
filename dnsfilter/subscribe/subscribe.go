// Package subscribe fetches lists of names that others keep, by HTTPS.
//
// It trusts nothing it is sent: not the size, not the speed, not where it is
// led to. It understands no list and keeps none; package list reads them, and
// package gateway decides whether a new one takes an old one's place.
package subscribe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"monban/gateway/minisign"
	"monban/gateway/text"
)

// A Source is one list on somebody's server.
type Source struct {
	Name string            // required; what people call it
	URL  string            // required; see CheckURL
	Sum  [sha256.Size]byte // of the file as it lies there; zero: any
	Key  minisign.Key      // that its signature, at URL + ".minisig", must be by; zero: it has none
}

// Seen is what a server said of the state of a list that it sent, so that it
// need not send the same again.
type Seen struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"` // as it wrote Last-Modified
}

// Got is what came of a Fetch.
type Got struct {
	Unchanged bool // the server has nothing newer than what was seen; all else is empty
	Seen      Seen
	Sum       [sha256.Size]byte // of the file as it lies there
	Bytes     int64             // of text written
}

// Options are what a Fetcher is plugged to.
type Options struct {
	// Resolve returns the addresses of a host name. It is asked anew for every
	// connection.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) // required
	// Reach says which addresses a connection may go to, whatever name or
	// redirect led there; nil: Public.
	Reach func(netip.Addr) bool
	Roots *x509.CertPool // whose certificates count; nil: the system's
	Limit int64          // bytes of text; 0: 256 MiB
	Pace  Pace           // what is too slow; zero: 64 KiB a minute
	Whole time.Duration  // how long one list may take; 0: half an hour
}

// A Pace is the least that must come in each Window.
type Pace struct {
	Bytes  int64
	Window time.Duration
}

// The bounds of Options, where nothing else is asked for, and of all else.
const (
	defaultLimit = 256 << 20
	defaultWhole = 30 * time.Minute
	maxRedirects = 5
	maxSignature = 4 << 10
	maxRatio     = 100     // text of names packs to a tenth; 1,000 is what a bomb has
	freeRatio    = 1 << 20 // from so many bytes on the ratio counts
	maxTag       = 1 << 10 // bytes of an ETag that is kept
	dialWithin   = 10 * time.Second
	headWithin   = 30 * time.Second
)

// A Fetcher fetches lists. It may be used by many goroutines.
type Fetcher struct{ o Options }

// New returns a Fetcher. It connects to nothing yet.
func New(o Options) (*Fetcher, error) {
	if o.Resolve == nil {
		return nil, errors.New("subscribe: Resolve is required")
	}
	if o.Reach == nil {
		o.Reach = Public
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.Pace == (Pace{}) {
		o.Pace = Pace{Bytes: 64 << 10, Window: time.Minute}
	}
	if o.Whole == 0 {
		o.Whole = defaultWhole
	}
	return &Fetcher{o}, nil
}

// CheckURL says whether s can be where a list comes from: https, a host, no
// password and no fragment.
func CheckURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 2<<10 && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

// Fetch writes the text of src, unpacked, to w. What w has got counts only
// when the error is nil. Errors are *text.Fault (list.fetch_…, list.html,
// list.empty) unless ctx ended or w failed.
func (f *Fetcher) Fetch(ctx context.Context, src Source, have Seen, w io.Writer) (Got, error) {
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t := &transfer{Fetcher: f, src: src, stop: stop}
	whole := time.AfterFunc(f.o.Whole, func() { stop(t.fault("list.fetch_time", "minutes", int(f.o.Whole.Minutes()))) })
	defer whole.Stop()
	transport := &http.Transport{
		DialContext: t.dial, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig:     &tls.Config{RootCAs: f.o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: headWithin, MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()
	t.client = &http.Client{Transport: transport, CheckRedirect: t.redirect}
	got, err := t.run(inner, have, w)
	if err == nil {
		return got, nil
	}
	var why *text.Fault
	if cause := context.Cause(inner); errors.As(cause, &why) { // our own bounds ended it
		return Got{}, why
	}
	if ctx.Err() != nil {
		return Got{}, ctx.Err()
	}
	return Got{}, err
}

// A transfer is one Fetch.
type transfer struct {
	*Fetcher
	src    Source
	client *http.Client
	stop   context.CancelCauseFunc
}

func (t *transfer) fault(code string, kv ...any) *text.Fault {
	return text.NewFault(code, append([]any{"list", t.src.Name}, kv...)...)
}

// redirect follows a server that leads on by HTTPS, a few times. Where that
// leads is looked at when it is dialled.
func (t *transfer) redirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return t.fault("list.fetch_redirects", "max", maxRedirects)
	case r.URL.Scheme != "https" || r.URL.User != nil:
		return t.fault("list.fetch_http", "host", clean(r.URL.Host))
	}
	return nil
}

// dial connects to the first address of a host that takes it, of those that
// may be reached at all.
func (t *transfer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{a}
	} else if addrs, err = t.o.Resolve(ctx, host); err != nil || len(addrs) == 0 {
		return nil, t.fault("list.fetch_name", "host", clean(host)).Because(err)
	}
	var last error
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if !t.o.Reach(a) {
			if last == nil {
				last = t.fault("list.fetch_private", "host", clean(host), "address", a.String())
			}
			continue
		}
		d := net.Dialer{Timeout: dialWithin}
		c, err := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return c, nil
		}
		last = t.fault("list.fetch_connect", "host", clean(host)).Because(err)
	}
	return nil, last
}

// clean makes a server's word fit for a sentence.
func clean(s string) string {
	const most = 100
	out := []byte(s)
	for i, c := range out {
		if c <= ' ' || c >= 0x7f {
			out[i] = '?'
		}
	}
	if len(out) > most {
		return string(out[:most]) + "…"
	}
	return string(out)
}
