package notice

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"monban/gateway/text"
)

// Limits of Settings.
const (
	MaxTo     = 20
	MinSecret = 16 // signs
	maxText   = 256
	maxURL    = 2000
	maxCA     = 64 << 10
)

// Standard ports.
const (
	portSMTPS  = 465  // RFC 8314
	PortSyslog = 6514 // RFC 5425
)

// ImplicitTLS says whether the server speaks TLS from the first byte.
func (m MailSettings) ImplicitTLS() bool { return m.Port == portSMTPS }

// PortOrStandard is the port to dial.
func (s SyslogSettings) PortOrStandard() int {
	if s.Port == 0 {
		return PortSyslog
	}
	return s.Port
}

// Channels returns the channels that are on, in a fixed order.
func Channels(s Settings) []Channel {
	var on []Channel
	for c, addr := range map[Channel]string{Mail: s.Mail.Host, Webhook: s.Webhook.URL, Syslog: s.Syslog.Host} {
		if addr != "" {
			on = append(on, c)
		}
	}
	slices.Sort(on)
	return on
}

// Check returns nil, or every fault of s joined; each is a *text.Fault on the
// field it is about, as "mail.host". A channel that is off is not looked at.
func Check(s Settings) error {
	f := &faults{}
	if m := s.Mail; m.Host != "" {
		f.host("mail.host", m.Host)
		f.port("mail.port", m.Port)
		f.words("mail.user", m.User)
		f.words("mail.password", m.Password)
		if m.User != "" && m.Password == "" {
			f.add("mail.password", "notice.password_missing")
		}
		f.address("mail.from", m.From)
		switch {
		case len(m.To) == 0:
			f.add("mail.to", "notice.to_missing")
		case len(m.To) > MaxTo:
			f.add("mail.to", "notice.to_many", "max", MaxTo)
		default:
			for _, to := range m.To {
				f.address("mail.to", to)
			}
		}
		f.ca("mail.ca", m.CA)
	}
	if w := s.Webhook; w.URL != "" {
		f.url("webhook.url", w.URL)
		if f.words("webhook.secret", w.Secret); utf8.RuneCountInString(w.Secret) < MinSecret {
			f.add("webhook.secret", "notice.secret_short", "min", MinSecret)
		}
		f.ca("webhook.ca", w.CA)
	}
	if l := s.Syslog; l.Host != "" {
		f.host("syslog.host", l.Host)
		f.port("syslog.port", l.PortOrStandard())
		f.ca("syslog.ca", l.CA)
	}
	return errors.Join(f.all...)
}

type faults struct{ all []error }

func (f *faults) add(field, code string, kv ...any) {
	f.all = append(f.all, text.NewFault(code, kv...).On(field))
}

// hostForm is a host name (RFC 1123, 2.1) without the final dot. Underscores
// stand in no name a certificate can be for.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

func (f *faults) host(field, s string) {
	if !isHost(s) {
		f.add(field, "notice.host", "value", show(s))
	}
}

func isHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
	}
	return len(s) <= 253 && hostForm.MatchString(s)
}

func (f *faults) port(field string, n int) {
	if n < 1 || n > 65535 {
		f.add(field, "notice.port", "value", n)
	}
}

// words are typed signs on one line.
func (f *faults) words(field, s string) {
	if utf8.RuneCountInString(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		f.add(field, "notice.words", "max", maxText)
	}
}

// address is a bare mail address. Only ASCII: what is not would need servers
// that know SMTPUTF8 all the way.
func (f *faults) address(field, s string) {
	a, err := mail.ParseAddress(s)
	ascii := !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	// RFC 5321, 4.5.3.1.3: a path has 256 octets, angle brackets included.
	if err != nil || a.Name != "" || a.Address != s || !ascii || len(s) > 254 {
		f.add(field, "notice.address", "value", show(s))
	}
}

// url is of https. User and password belong into no address: it is shown on
// the page and logged by whoever stands in between. A fragment is never sent.
func (f *faults) url(field, s string) {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || u.Scheme != "https" || u.User != nil || u.Fragment != "" || strings.Contains(s, "#") ||
		!isHost(u.Hostname()) || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		f.add(field, "notice.url")
		return
	}
	if p := u.Port(); p != "" && !portForm.MatchString(p) || strings.HasSuffix(u.Host, ":") {
		f.add(field, "notice.url")
	}
}

var portForm = regexp.MustCompile(`^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`)

// ca is PEM of certificates and nothing else: a private key pasted by mistake
// must not be kept.
func (f *faults) ca(field, s string) {
	if s == "" {
		return
	}
	if _, err := ParseCA(s); err != nil {
		f.add(field, "notice.ca")
	}
}

// ParseCA reads the certificates of an own authority from PEM.
func ParseCA(s string) ([]*x509.Certificate, error) {
	if len(s) > maxCA {
		return nil, errors.New("parsing authority: too long")
	}
	var certs []*x509.Certificate
	rest := []byte(s)
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			return nil, errors.New("parsing authority: holds a " + show(b.Type))
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("parsing authority: no certificate, or more than certificates")
	}
	return certs, nil
}

// show is what a person typed, bounded, to be shown back to him.
func show(s string) string {
	const most = 60
	s = oneLine(s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
