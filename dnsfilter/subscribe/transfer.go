package subscribe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"monban/gateway/minisign"
	"monban/gateway/text"
)

// run asks for the list, and before that for its signature if it must have
// one.
func (t *transfer) run(ctx context.Context, have Seen, w io.Writer) (Got, error) {
	sum := sha256.New()
	sums := io.Writer(sum)
	var check *minisign.Checker // nil: there is no signature to hold the list against
	if !t.src.Key.IsZero() {
		s, err := t.signature(ctx)
		if err != nil {
			return Got{}, err
		}
		check = minisign.NewChecker(s)
		sums = io.MultiWriter(sum, check)
	}
	r, err := t.get(ctx, t.src.URL, have)
	if err != nil {
		return Got{}, err
	}
	defer r.Body.Close()
	switch {
	case r.StatusCode == http.StatusNotModified && have != (Seen{}):
		return Got{Unchanged: true}, nil
	case r.StatusCode != http.StatusOK:
		return Got{}, t.fault("list.fetch_status", "status", r.StatusCode)
	}
	n, err := t.read(r, sums, w)
	if err != nil {
		return Got{}, err
	}
	got := Got{Bytes: n, Seen: Seen{ETag: tag(r, "ETag"), Modified: tag(r, "Last-Modified")}}
	sum.Sum(got.Sum[:0])
	if t.src.Sum != [sha256.Size]byte{} && got.Sum != t.src.Sum {
		return Got{}, t.fault("list.fetch_sum")
	}
	switch {
	case check == nil:
	case check.TooBig():
		return Got{}, t.fault("list.fetch_signature_old", "mb", minisign.MaxLegacy>>20)
	case !check.Good(t.src.Key):
		return Got{}, t.fault("list.fetch_signature")
	}
	return got, nil
}

func tag(r *http.Response, name string) string {
	if v := r.Header.Get(name); len(v) <= maxTag {
		return v
	}
	return ""
}

// get asks for url, unless it is as it was seen.
func (t *transfer) get(ctx context.Context, url string, have Seen) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for a list: %w", err)
	}
	r.Header.Set("User-Agent", "monban")
	r.Header.Set("Accept-Encoding", "gzip")
	if have.ETag != "" {
		r.Header.Set("If-None-Match", have.ETag)
	}
	if have.Modified != "" {
		r.Header.Set("If-Modified-Since", have.Modified)
	}
	resp, err := t.client.Do(r)
	if err == nil {
		return resp, nil
	}
	var why *text.Fault
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &why): // ours, from dial or redirect
		return nil, why
	case errors.As(err, &cert):
		return nil, t.fault("list.fetch_tls", "host", clean(r.URL.Host)).Because(err)
	}
	return nil, t.fault("list.fetch_connect", "host", clean(r.URL.Host)).Because(err)
}

// signature fetches what goes with the list.
func (t *transfer) signature(ctx context.Context) (minisign.Signature, error) {
	r, err := t.get(ctx, t.src.URL+".minisig", Seen{})
	if err != nil {
		return minisign.Signature{}, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return minisign.Signature{}, t.fault("list.fetch_unsigned", "status", r.StatusCode)
	}
	body, _, err := t.body(r, maxSignature)
	if err != nil {
		return minisign.Signature{}, err
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return minisign.Signature{}, t.broken(err)
	}
	s, err := minisign.ParseSignature(b)
	if err != nil {
		return minisign.Signature{}, t.fault("list.fetch_signature").Because(err)
	}
	return s, nil
}

// body returns what the server sends, at its pace, within limit, as the file
// lies there; and the count of bytes that came.
func (t *transfer) body(r *http.Response, limit int64) (io.Reader, *counted, error) {
	if r.ContentLength > limit {
		return nil, nil, t.tooBig(limit)
	}
	wire := &counted{r: newPaced(r.Body, t), limit: limit, over: t.tooBig(limit)}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return wire, wire, nil
	case "gzip", "x-gzip":
		u, err := t.unpack(wire, wire, limit)
		return u, wire, err
	}
	return nil, nil, t.fault("list.fetch_packed")
}

func (t *transfer) tooBig(limit int64) error { return t.fault("list.fetch_big", "mb", limit>>20) }

// read writes the text of r to w, and the file it is made of to sums.
func (t *transfer) read(r *http.Response, sums, w io.Writer) (int64, error) {
	file, wire, err := t.body(r, t.o.Limit)
	if err != nil {
		return 0, err
	}
	in := bufio.NewReaderSize(io.TeeReader(file, sums), 4<<10)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte("\x1f\x8b")) { // a .gz file
		u, err := t.unpack(in, wire, t.o.Limit)
		if err != nil {
			return 0, err
		}
		in = bufio.NewReaderSize(u, 4<<10)
	}
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, t.broken(err)
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case len(head) == 0 && err != nil:
		return 0, t.fault("list.empty")
	case len(head) > 0 && head[0] == '<': // no format has a line that begins so
		return 0, t.fault("list.html")
	}
	to := &written{w: w}
	n, err := io.Copy(to, in)
	if to.err != nil {
		return 0, to.err
	}
	if err != nil {
		return 0, t.broken(err)
	}
	return n, nil
}

// broken says why a transfer ended before its end.
func (t *transfer) broken(err error) error {
	var why *text.Fault
	switch {
	case errors.As(err, &why):
		return why
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), strings.HasPrefix(err.Error(), "flate:"):
		return t.fault("list.fetch_packed").Because(err)
	}
	return t.fault("list.fetch_cut").Because(err)
}

// unpack returns what packed holds; wire counts the bytes it is made of.
func (t *transfer) unpack(packed io.Reader, wire *counted, limit int64) (io.Reader, error) {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, t.broken(err)
	}
	return &counted{r: z, limit: limit, over: t.tooBig(limit), of: wire, bomb: t.fault("list.fetch_bomb")}, nil
}

// counted is a reader that ends in an error when more comes than may.
type counted struct {
	r     io.Reader
	n     int64
	limit int64
	over  error
	of    *counted // what it is unpacked from; nil: nothing
	bomb  error
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	switch {
	case c.of != nil && c.n > freeRatio && c.n > maxRatio*c.of.n:
		return 0, c.bomb
	case c.n > c.limit:
		return 0, c.over
	}
	return n, err
}

// written keeps the error of w apart from those of what is read.
type written struct {
	w   io.Writer
	err error
}

func (w *written) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.err = err
	return n, err
}
