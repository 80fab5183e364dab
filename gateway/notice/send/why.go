package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"monban/gateway/people"
	"monban/gateway/text"
)

// why turns an error of a connection into the Fault for people.
func why(v server, err error) error {
	var f *text.Fault
	var post *url.Error
	if errors.As(err, &post) {
		err = post.Err // without the address, which may be a secret: this goes to the log
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var network net.Error
	_, words, isAnswer := answer(err)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case isAnswer:
		f = text.NewFault("notice.mail_refused", "host", v.host, "answer", words)
	case errors.As(err, &cert):
		f = badCertificate(v, cert)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		f = text.NewFault("notice.no_tls", "host", v.host, "port", v.port)
	case errors.As(err, &dns) && dns.IsNotFound:
		f = text.NewFault("notice.no_name", "host", v.host)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout(), errors.Is(err, syscall.ETIMEDOUT):
		f = text.NewFault("notice.timeout", "host", v.host, "port", v.port)
	case errors.Is(err, syscall.ECONNREFUSED):
		f = text.NewFault("notice.connection_refused", "host", v.host, "port", v.port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EPERM), errors.As(err, &dns):
		f = text.NewFault("notice.unreachable", "host", v.host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, errTooMuch), isGarbled(err):
		f = text.NewFault("notice.broken_off", "host", v.host)
	case strings.Contains(err.Error(), "tls: "): // its errors have no type
		f = text.NewFault("notice.tls", "host", v.host)
	default:
		f = text.NewFault("notice.not_sent", "host", v.host)
	}
	return f.Because(err)
}

// isGarbled: an answer that is none of the protocol.
func isGarbled(err error) bool {
	var p textproto.ProtocolError
	return errors.As(err, &p)
}

// badCertificate says what is wrong with a certificate that does not verify.
// The names in it are the server's words.
func badCertificate(v server, err *tls.CertificateVerificationError) *text.Fault {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	issuer := ""
	if certs := err.UnverifiedCertificates; len(certs) > 0 {
		issuer = said(certs[len(certs)-1].Issuer.String())
	}
	switch {
	case errors.As(err.Err, &name):
		return text.NewFault("notice.cert_name", "host", v.host, "names", namesOf(name.Certificate))
	case errors.As(err.Err, &invalid) && invalid.Reason == x509.Expired:
		return text.NewFault("notice.cert_time", "host", v.host)
	}
	return text.NewFault("notice.cert_unknown", "host", v.host, "issuer", issuer)
}

// namesOf are the first names a certificate is for.
func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	return said(strings.Join(names[:min(len(names), 5)], ", "))
}

// said is what a server said, fit to be shown: cleaned and short.
func said(s string) string {
	const most = 120
	r := []rune(s)
	s, err := people.CleanText(string(r[:min(len(r), most)]))
	if err != nil {
		return "-"
	}
	return s
}

// answer is the server's own answer to a command of SMTP, if err is one.
func answer(err error) (code int, words string, ok bool) {
	var e *textproto.Error
	if !errors.As(err, &e) {
		return 0, "", false
	}
	return e.Code, said(strconv.Itoa(e.Code) + " " + e.Msg), true
}
