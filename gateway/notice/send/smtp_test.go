package send

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// A postbox is a small SMTP server: STARTTLS or TLS at once, AUTH, and every
// way to say no.
type postbox struct {
	tls      *tls.Config // nil: no TLS at all
	implicit bool
	greeting string   // instead of 220
	auth     []string // mechanisms offered inside TLS
	user     string
	password string
	refuse   map[string]string // command or "RCPT address" → answer
	hideTLS  bool              // STARTTLS is taken out of the answer, as an attacker would

	mu   sync.Mutex
	got  []letter
	seen []string // commands, in order
}

type letter struct {
	from   string
	to     []string
	header mail.Header
	body   string
	inTLS  bool
}

func (p *postbox) start(t testing.TB) string { return listen(t, p.serve) }

func (p *postbox) letters() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

func (p *postbox) commands() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, "\n")
}

func (p *postbox) serve(c net.Conn) {
	inTLS := false
	if p.implicit {
		c, inTLS = tls.Server(c, p.tls), true
	}
	r := bufio.NewReader(c)
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	if p.greeting != "" {
		say("%s", p.greeting)
		return
	}
	say("220 mail.example.jp ESMTP")
	var l letter
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		p.mu.Lock()
		p.seen = append(p.seen, line)
		p.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		if no, ok := p.refuse[verb]; ok {
			say("%s", no)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-mail.example.jp")
			if !inTLS && p.tls != nil && !p.hideTLS {
				say("250-STARTTLS")
			}
			if inTLS && p.auth != nil {
				say("250-AUTH %s", strings.Join(p.auth, " "))
			}
			say("250-SMTPUTF8")
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			c = tls.Server(c, p.tls)
			r, inTLS = bufio.NewReader(c), true
		case "AUTH":
			if p.authorised(r, say, rest) {
				say("235 ok")
			} else {
				say("535 5.7.8 wrong user or password")
			}
		case "MAIL":
			l = letter{from: rest, inTLS: inTLS}
			say("250 ok")
		case "RCPT":
			addr := strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
			if no, ok := p.refuse["RCPT "+addr]; ok {
				say("%s", no)
				continue
			}
			l.to = append(l.to, addr)
			say("250 ok")
		case "DATA":
			say("354 go on")
			if !p.take(r, l) {
				return
			}
			if no, ok := p.refuse["."]; ok {
				say("%s", no)
				continue
			}
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *postbox) authorised(r *bufio.Reader, say func(string, ...any), rest string) bool {
	decode := func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
		return string(b)
	}
	mech, first, _ := strings.Cut(rest, " ")
	if mech == "PLAIN" {
		return decode(first) == "\x00"+p.user+"\x00"+p.password
	}
	say("334 %s", base64.StdEncoding.EncodeToString([]byte("Username:")))
	user, _ := r.ReadString('\n')
	say("334 %s", base64.StdEncoding.EncodeToString([]byte("Password:")))
	password, _ := r.ReadString('\n')
	return decode(user) == p.user && decode(password) == p.password
}

// take reads a letter to its end; one without an end is thrown away.
func (p *postbox) take(r *bufio.Reader, l letter) bool {
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(line)
	}
	m, err := mail.ReadMessage(strings.NewReader(text.String()))
	if err != nil {
		return false
	}
	body, _ := io.ReadAll(m.Body)
	l.header, l.body = m.Header, string(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse["."] == "" {
		p.got = append(p.got, l)
	}
	return true
}
