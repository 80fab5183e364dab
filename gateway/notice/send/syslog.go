package send

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"monban/gateway/notice"
)

// hangUp is how long a log server may take to answer the end of the
// connection. Syslog confirms nothing: a refusal (of a client without a
// certificate, say) shows only here.
const hangUp = 2 * time.Second

// syslog gives m to a log server by TLS, with octet counting (RFC 5425).
func (s Sender) syslog(ctx context.Context, to notice.SyslogSettings, m notice.Message) error {
	v := server{to.Host, to.PortOrStandard()}
	conf, err := config(to.Host, to.CA)
	if err != nil {
		return err
	}
	c, err := s.dialTLS(ctx, v, conf)
	if err != nil {
		return why(v, err)
	}
	defer c.Close()
	line := notice.SyslogLine(m, s.host(), app)
	if _, err := c.Write(fmt.Appendf(nil, "%d %s", len(line), line)); err != nil {
		// Who hangs up on us has mostly said why before.
		if said := heard(c); said != nil {
			err = said
		}
		return why(v, err)
	}
	return why(v, ended(c))
}

// ended closes our side (close_notify, RFC 5425, 4.4) and listens for what
// the server makes of it. One that just stays silent is content.
func ended(c *tls.Conn) error {
	if err := c.CloseWrite(); err != nil {
		return err
	}
	return heard(c)
}

// heard is what the server says against us before it hangs up, within hangUp.
func heard(c *tls.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(hangUp)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
