// Package send puts one notice on the wire: by mail, as a signed POST, or into
// a log server, always by TLS.
//
// It keeps no queue and tries once; package gateway decides when again. What
// comes from the other side is bounded in bytes and in time, and every failure
// is a Fault that a clinic can do something about.
package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"time"

	"monban/gateway/notice"
	"monban/gateway/text"
)

// within is how long one try may take, from the look-up of the name to the
// last answer.
const within = 15 * time.Second

// maxAnswer is how much one server may say in one try.
const maxAnswer = 256 << 10

// A Sender sends. The zero Sender is ready for use.
type Sender struct {
	// Dial opens a TCP connection; nil: as the system does.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Host is what the box calls itself to other servers, a host name.
	Host string
	// Within replaces the 15 s that a try may take, if it is shorter.
	Within time.Duration
	// Now is the clock of the webhook's signature; nil: time.Now.
	Now func() time.Time
}

const app = "monban"

// Send sends m by its channel, once. When it returns nil the server took it:
// of several recipients of a mail at least one. The error is a *text.Fault.
func (s Sender) Send(ctx context.Context, to notice.Settings, m notice.Message) error {
	limit := within
	if s.Within > 0 && s.Within < limit {
		limit = s.Within
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	switch {
	case m.Channel == notice.Mail && to.Mail.Host != "":
		return s.mail(ctx, to.Mail, m)
	case m.Channel == notice.Webhook && to.Webhook.URL != "":
		return s.webhook(ctx, to.Webhook, m)
	case m.Channel == notice.Syslog && to.Syslog.Host != "":
		return s.syslog(ctx, to.Syslog, m)
	}
	return text.NewFault("notice.off")
}

func (s Sender) host() string {
	if s.Host == "" {
		return "localhost"
	}
	return s.Host
}

// A server is who we talk to, for dialling and for sentences.
type server struct {
	host string
	port int
}

func (v server) addr() string { return net.JoinHostPort(v.host, strconv.Itoa(v.port)) }

// dial connects to v. What it returns ends with ctx, whatever deadlines are
// set on it, and gives at most maxAnswer bytes.
func (s Sender) dial(ctx context.Context, v server) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(ctx, "tcp", v.addr())
	if err != nil {
		return nil, err
	}
	b := &bounded{Conn: c, ctx: ctx, left: maxAnswer}
	b.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })
	if err := b.SetDeadline(time.Time{}); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// dialTLS is dial and the handshake.
func (s Sender) dialTLS(ctx context.Context, v server, conf *tls.Config) (*tls.Conn, error) {
	c, err := s.dial(ctx, v)
	if err != nil {
		return nil, err
	}
	t := tls.Client(c, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return t, nil
}

// A bounded connection ends in time and lets only so much in: the library's
// readers of lines would take any length.
type bounded struct {
	net.Conn
	ctx  context.Context // of the one try the connection is for
	left int64
	stop func() bool
}

var past = time.Unix(1, 0)

var errTooMuch = errors.New("the server says too much")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooMuch
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (b *bounded) Close() error {
	b.stop()
	return b.Conn.Close()
}

func (b *bounded) SetDeadline(t time.Time) error      { return b.Conn.SetDeadline(b.clamp(t)) }
func (b *bounded) SetReadDeadline(t time.Time) error  { return b.Conn.SetReadDeadline(b.clamp(t)) }
func (b *bounded) SetWriteDeadline(t time.Time) error { return b.Conn.SetWriteDeadline(b.clamp(t)) }

func (b *bounded) clamp(t time.Time) time.Time {
	end, _ := b.ctx.Deadline()
	switch {
	case b.ctx.Err() != nil:
		return past
	case t.IsZero() || t.After(end):
		return end
	}
	return t
}

// config is TLS as a client of host: 1.2 at least, and an own authority
// besides the public ones.
func config(host, ca string) (*tls.Config, error) {
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if ca == "" {
		return conf, nil
	}
	certs, err := notice.ParseCA(ca)
	if err != nil {
		return nil, text.NewFault("notice.ca").Because(err)
	}
	// A system without public authorities still has the own one.
	if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
		conf.RootCAs = x509.NewCertPool()
	}
	for _, c := range certs {
		conf.RootCAs.AddCert(c)
	}
	return conf, nil
}
