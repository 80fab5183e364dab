package notice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"monban/gateway/text"
)

// Ident names m for whoever receives it: the same at every try, so that a
// message that got through twice can be told.
func (m Message) Ident() string { return fmt.Sprintf("%d-%d", m.At.UnixMilli(), m.ID) }

// JSON is the body of a webhook: one object, its keys sorted, without spaces,
// the same bytes at every try.
//
//	format  1
//	id      Ident
//	clinic  the clinic's name
//	at      RFC 3339 in UTC, milliseconds
//	synced  whether the clock was synchronised then
//	level   "info", "caution" or "danger"
//	code    of the event, stable over versions
//	args    what the event is about, by name
//	text    the sentence people read: {"en": …, "ja": …}
func JSON(m Message) []byte {
	args := m.Args
	if args == nil {
		args = map[string]any{}
	}
	body := map[string]any{
		"format": 1, "id": m.Ident(), "clinic": m.Clinic, "at": stamp(m.At), "synced": m.Synced,
		"level": m.Level, "code": m.Code, "args": args,
		"text": map[string]string{"ja": Sentence(text.JA, m), "en": Sentence(text.EN, m)},
	}
	b, err := encode(body)
	if err != nil { // an argument without a JSON form; the sentence has it
		body["args"] = map[string]any{}
		b, _ = encode(body)
	}
	return b
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// Syslog's fixed parts.
const (
	logAudit = 13 // facility (RFC 5424, 6.2.1)
	// No enterprise number is registered for this product. 32473 is the one
	// set aside for examples (RFC 5612), so it collides with no maker's.
	structured = "monban@32473"
	maxValue   = 255  // signs of a parameter's value
	maxLine    = 1000 // signs of the sentence; receivers must take 2,048 octets (RFC 5425, 4.3.1)
)

var severity = map[string]int{Danger: 1, Caution: 4, Info: 6} // alert, warning, informational

// SyslogLine is m as an RFC 5424 message without its frame: the code is the
// MSGID, clinic and arguments are structured data, and timeQuality says
// whether the clock was synchronised. The sentence is Japanese, in UTF-8.
func SyslogLine(m Message, host, app string) []byte {
	sev, ok := severity[m.Level]
	if !ok {
		sev = severity[Info]
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s %s - %s ", logAudit*8+sev, stamp(m.At), ascii(host, 255), ascii(app, 48), ascii(m.Code, 32))
	fmt.Fprintf(&b, `[timeQuality tzKnown="1" isSynced="%d"]`, map[bool]int{true: 1}[m.Synced])
	fmt.Fprintf(&b, `[%s id=%s clinic=%s code=%s`, structured, quoted(m.Ident()), quoted(m.Clinic), quoted(m.Code))
	taken := map[string]bool{"id": true, "clinic": true, "code": true}
	for _, k := range slices.Sorted(maps.Keys(m.Args)) {
		name := paramName(k)
		if name == "" || taken[name] {
			continue // the sentence has it
		}
		taken[name] = true
		fmt.Fprintf(&b, " %s=%s", name, quoted(fmt.Sprint(m.Args[k])))
	}
	b.WriteString("] \xEF\xBB\xBF")
	b.WriteString(cut(Sentence(text.JA, m), maxLine))
	return b.Bytes()
}

// ascii is a header field: printable ASCII without spaces, "-" if nothing is
// left (RFC 5424, 6).
func ascii(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// paramName is the name of a parameter: besides, without = ] and ".
func paramName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`=]"`, r) || r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 32)]
}

var valueEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// quoted is a parameter's value; control signs could forge lines in what
// reads the log.
func quoted(s string) string { return `"` + valueEscapes.Replace(cut(oneLine(s), maxValue)) + `"` }

func cut(s string, signs int) string {
	if utf8.RuneCountInString(s) <= signs {
		return s
	}
	return string([]rune(s)[:signs]) + "…"
}
