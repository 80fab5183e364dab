// Package audit is the clinic's log: events chained by hash, so that no line
// can be changed, taken out, put in or moved unseen.
//
// It stores nothing and says nothing to people: package store keeps the
// lines, package text has their sentences.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"monban/gateway/people"
)

// An Event is something somebody did, or that happened by itself. Args are
// canonical JSON (see Canonical) of an object; they fill the sentence that
// package text holds for Code.
type Event struct {
	At     time.Time // wall time; only whole milliseconds are kept
	Synced bool      // whether the wall clock was synchronised
	Who    people.Actor
	Code   string
	Args   json.RawMessage
}

// A Line is an event in its place in the chain. Seq counts from 1.
type Line struct {
	Seq uint64
	Event
	Prev, Hash [sha256.Size]byte
}

// A Head names a whole log by its last line: hash and number of lines. The
// zero Head is the empty log.
type Head struct {
	Hash  [sha256.Size]byte
	Count uint64
}

// domain stands before the hashed bytes, so that a hash of this log can never
// be one of something else, and so that another format gets other hashes.
const domain = "monban audit line 1\n"

// Next returns e as the line that follows prev. At is cut to milliseconds
// UTC, and what is not UTF-8 becomes U+FFFD, since it has no JSON form. It
// fails if Args are not canonical JSON of an object.
func Next(prev Head, e Event) (Line, error) {
	if len(e.Args) == 0 {
		e.Args = json.RawMessage("{}")
	}
	e.At = time.UnixMilli(e.At.UnixMilli()).UTC()
	e.Who.SteppedUp = time.Time{}
	for _, s := range []*string{&e.Code, &e.Who.Name, (*string)(&e.Who.Role), &e.Who.Via} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	l := Line{Seq: prev.Count + 1, Event: e, Prev: prev.Hash}
	c, err := Canonical(e.Args)
	switch {
	case err != nil:
		return Line{}, fmt.Errorf("chaining audit line %d: %w", l.Seq, err)
	case c[0] != '{' || string(c) != string(e.Args):
		return Line{}, fmt.Errorf("chaining audit line %d: arguments are not a canonical JSON object", l.Seq)
	case e.Code == "":
		return Line{}, fmt.Errorf("chaining audit line %d: no code", l.Seq)
	}
	l.Hash, err = l.sum()
	return l, err
}

// Head returns the head of the log that ends with l.
func (l Line) Head() Head { return Head{l.Hash, l.Seq} }

// sum computes the line's hash: SHA-256 over the domain, the previous hash
// and the canonical JSON of everything else in the line.
func (l Line) sum() ([sha256.Size]byte, error) {
	body, err := Canonical(struct {
		Seq    uint64          `json:"seq"`
		At     int64           `json:"at"`
		Synced bool            `json:"synced"`
		Who    people.Actor    `json:"who"`
		Code   string          `json:"code"`
		Args   json.RawMessage `json:"args"`
	}{l.Seq, l.At.UnixMilli(), l.Synced, l.Who, l.Code, l.Args})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("hashing audit line %d: %w", l.Seq, err)
	}
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write(l.Prev[:])
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// String is HEAD:COUNT, the hash in hex and the number of lines, as printed on
// reports and kept in the file beside the database.
func (h Head) String() string { return fmt.Sprintf("%x:%d", h.Hash, h.Count) }

// ParseHead reads the form String writes, and nothing else: one text for one
// head, so that two reports can be compared by eye.
func ParseHead(s string) (Head, error) {
	const digits = 2 * sha256.Size
	var h Head
	// 20 digits hold any uint64.
	if len(s) > digits+1+20 || len(s) < digits+2 || s[digits] != ':' {
		return Head{}, fmt.Errorf("parsing audit head: want %d hex digits, a colon and a count", digits)
	}
	if _, err := hex.Decode(h.Hash[:], []byte(s[:digits])); err != nil {
		return Head{}, fmt.Errorf("parsing audit head: %w", err)
	}
	if _, err := fmt.Sscanf(s[digits+1:], "%d", &h.Count); err != nil || h.String() != s {
		return Head{}, fmt.Errorf("parsing audit head: %q is not a count or not in lower case", s[digits+1:])
	}
	if h.Count == 0 && h != (Head{}) {
		return Head{}, fmt.Errorf("parsing audit head: an empty log has no hash")
	}
	return h, nil
}
