// Package notice holds what people are told outside the page, by which
// channels, and when a message that did not get through is tried again.
//
// It is plain data and pure functions; package send puts messages on the wire,
// package store keeps the queue.
package notice

import "time"

// A Channel is a way to reach people or machines.
type Channel string

// The channels.
const (
	Mail    Channel = "mail"
	Webhook Channel = "webhook"
	Syslog  Channel = "syslog"
)

// Settings say where notices go. A channel without its address is off.
type Settings struct {
	Mail    MailSettings    `json:"mail"`
	Webhook WebhookSettings `json:"webhook"`
	Syslog  SyslogSettings  `json:"syslog"`
}

// MailSettings are those of SMTP submission (RFC 6409), always by TLS.
type MailSettings struct {
	Host     string   `json:"host"`
	Port     int      `json:"port"` // 465: TLS from the start (RFC 8314); else STARTTLS, which must succeed
	User     string   `json:"user"` // empty: no sign-in
	Password string   `json:"password"`
	From     string   `json:"from"`
	To       []string `json:"to"`
	CA       string   `json:"ca"` // PEM of an own authority; empty: the public ones
}

// WebhookSettings are those of a signed POST of JSON by https.
type WebhookSettings struct {
	URL    string `json:"url"`
	Secret string `json:"secret"` // of the HMAC-SHA-256 over time and body
	CA     string `json:"ca"`
}

// SyslogSettings are those of RFC 5424 over TLS (RFC 5425).
type SyslogSettings struct {
	Host string `json:"host"`
	Port int    `json:"port"` // 0: 6514
	CA   string `json:"ca"`
}

// A Message is one event on its way through one channel.
type Message struct {
	ID      int64          `json:"id"`
	Channel Channel        `json:"channel"`
	Key     string         `json:"key"` // unique per event and channel; empty: no matter
	At      time.Time      `json:"at"`  // its location is the zone it is shown in
	Synced  bool           `json:"synced"`
	Level   string         `json:"level"` // "info", "caution" or "danger"
	Code    string         `json:"code"`  // of the catalogue
	Args    map[string]any `json:"args"`
	Clinic  string         `json:"clinic"`
	Tries   int            `json:"tries"`
	NextAt  time.Time      `json:"next_at"`
	Error   string         `json:"error,omitempty"` // why the last try failed, a code or text
}
