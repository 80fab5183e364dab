package send

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"monban/gateway/notice"
	"monban/gateway/text"
)

// mail submits m to the clinic's mail server (RFC 6409, RFC 8314). The steps
// are taken one by one, so that each failure can be named.
func (s Sender) mail(ctx context.Context, to notice.MailSettings, m notice.Message) error {
	v := server{to.Host, to.Port}
	letter, err := compose(to, m)
	if err != nil {
		return text.NewFault("notice.not_sent", "host", to.Host).Because(err)
	}
	c, err := s.submission(ctx, v, to)
	if err != nil {
		return why(v, err)
	}
	defer c.Close()
	if to.User != "" {
		if err := signIn(c, v, to); err != nil {
			return why(v, err)
		}
	}
	if err := hand(c, to, letter); err != nil {
		return why(v, err)
	}
	_ = c.Quit() // the server has it; how it says goodbye changes nothing
	return nil
}

// submission connects and makes the connection safe.
func (s Sender) submission(ctx context.Context, v server, to notice.MailSettings) (*smtp.Client, error) {
	conf, err := config(to.Host, to.CA)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if to.ImplicitTLS() {
		conn, err = s.dialTLS(ctx, v, conf)
	} else {
		conn, err = s.dial(ctx, v)
	}
	if err != nil {
		return nil, err
	}
	c, err := smtp.NewClient(conn, to.Host)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.SkipSMTPUTF8(true) // all addresses are ASCII
	if err := c.Hello(s.host()); err != nil {
		c.Close()
		return nil, err
	}
	if to.ImplicitTLS() {
		return c, nil
	}
	// Whoever takes the word STARTTLS out of the answer gets nothing.
	if ok, _ := c.Extension("STARTTLS"); !ok {
		c.Close()
		return nil, text.NewFault("notice.no_starttls", "host", to.Host)
	}
	if err := c.StartTLS(conf); err != nil {
		c.Close()
		if _, _, said := answer(err); said {
			return nil, text.NewFault("notice.no_starttls", "host", to.Host).Because(err)
		}
		return nil, err
	}
	return c, nil
}

// signIn proves who we are, inside TLS.
func signIn(c *smtp.Client, v server, to notice.MailSettings) error {
	_, offered := c.Extension("AUTH")
	known := strings.Fields(strings.ToUpper(offered))
	var how smtp.Auth
	switch {
	case slices.Contains(known, "PLAIN"):
		how = smtp.PlainAuth("", to.User, to.Password, to.Host, false)
	case slices.Contains(known, "LOGIN"):
		how = smtp.LoginAuth(to.User, to.Password, to.Host, false)
	default:
		return text.NewFault("notice.no_sign_in", "host", v.host)
	}
	err := c.Auth(how)
	if code, _, ok := answer(err); ok {
		if code/100 == 4 { // 454: later (RFC 4954, 4.7.1)
			return err
		}
		return text.NewFault("notice.password_refused", "host", v.host).Because(err)
	}
	return err
}

// hand gives the letter over. It goes to whom the server takes: one address
// that is wrong must not keep an alarm from all others. Only when none is left
// that is a failure; the trial of the settings tries each by itself.
func hand(c *smtp.Client, to notice.MailSettings, letter *gomail.Msg) error {
	if err := c.Mail("<" + to.From + ">"); err != nil {
		if _, words, ok := answer(err); ok {
			return text.NewFault("notice.from_refused", "address", to.From, "answer", words).Because(err)
		}
		return err
	}
	taken, first := 0, error(nil)
	for _, rcpt := range to.To {
		err := c.Rcpt("<" + rcpt + ">")
		_, words, ok := answer(err)
		switch {
		case err == nil:
			taken++
		case !ok:
			return err
		case first == nil:
			first = text.NewFault("notice.recipient_refused", "address", rcpt, "answer", words).Because(err)
		}
	}
	if taken == 0 {
		return first
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := letter.WriteTo(w); err != nil {
		return err // without its end the server throws the letter away
	}
	return w.Close()
}

// compose writes the letter, the same at every try.
func compose(to notice.MailSettings, m notice.Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	err := errors.Join(letter.From(to.From), letter.To(to.To...))
	if err != nil {
		return nil, fmt.Errorf("writing the mail: %w", err)
	}
	_, domain, _ := strings.Cut(to.From, "@")
	letter.SetMessageIDWithValue(m.Ident() + "." + app + "@" + domain)
	letter.SetDateWithValue(m.At)
	letter.Subject(notice.Subject(text.JA, m))
	if m.Level == notice.Danger {
		letter.SetImportance(gomail.ImportanceHigh)
	}
	// Nobody's out-of-office answer shall come to an address nobody reads.
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	letter.SetBodyString(gomail.TypeTextPlain, notice.Body(text.JA, m))
	return letter, nil
}
