package send

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"monban/gateway/notice"
	"monban/gateway/text"
)

// The webhook's headers. The receiver computes the signature itself and
// refuses what is older than some minutes.
const (
	headerTime      = "Monban-Timestamp" // Unix seconds, when this try was made
	headerSignature = "Monban-Signature" // hex HMAC-SHA-256 over timestamp, ".", body
	headerID        = "Monban-Id"        // the same at every try
)

// maxBody is how much of the answer is read, and only to end it in order.
const maxBody = 4 << 10

// webhook posts m as JSON, signed.
func (s Sender) webhook(ctx context.Context, to notice.WebhookSettings, m notice.Message) error {
	u, err := url.Parse(to.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return text.NewFault("notice.url").Because(err)
	}
	v := server{u.Hostname(), 443}
	if p, err := strconv.Atoi(u.Port()); err == nil {
		v.port = p
	}
	conf, err := config(v.host, to.CA)
	if err != nil {
		return err
	}
	body := notice.JSON(m)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return text.NewFault("notice.url").Because(err)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	stamp := strconv.FormatInt(now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", app)
	req.Header.Set(headerTime, stamp)
	req.Header.Set(headerSignature, sign(to.Secret, stamp, body))
	req.Header.Set(headerID, m.Ident())
	client := http.Client{
		Transport: &http.Transport{
			TLSClientConfig: conf, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10,
			// No proxy: what the environment of a service says is not the clinic's wish.
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, v) },
		},
		// Another address is another receiver: it would get what is for this one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return why(v, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody)) // the status is what counts
	switch res.StatusCode / 100 {
	case 2:
		return nil
	case 3:
		return text.NewFault("notice.http_redirect", "host", v.host, "status", res.StatusCode)
	}
	return text.NewFault("notice.http_status", "host", v.host, "status", res.StatusCode)
}

// sign is the signature of one try.
func sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
