package config

import (
	"bytes"
	"errors"
	"reflect"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"monban/gateway/text"
)

// MaxSize is the most bytes a site.toml may have.
const MaxSize = 1 << 20

// Parse checks the text of a site.toml. Its error joins one *text.Fault per
// fault found, in the order of their lines; each has the key as its Field and
// the line as its argument "line".
func Parse(b []byte) (Config, error) {
	c, f := parse(b)
	if err := f.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func parse(b []byte) (Config, *faults) {
	f := &faults{all: map[string]*text.Fault{}}
	// Windows' Notepad puts a byte order mark before UTF-8.
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	doc, ok := f.decode(b)
	if !ok {
		return Config{}, f
	}
	f.lines = findLines(b)
	t := defaults()
	f.bind(reflect.ValueOf(&t).Elem(), doc, "")
	return f.check(t), f
}

// decode reads TOML. What it cannot read has one fault, about the whole file.
func (f *faults) decode(b []byte) (map[string]any, bool) {
	whole := func(line int, code string, kv ...any) (map[string]any, bool) {
		f.lines = lines{"site.toml": line}
		f.add("site.toml", code, kv...)
		return nil, false
	}
	if len(b) > MaxSize {
		return whole(1, "config.too_large", "max", MaxSize>>10)
	}
	if i := badUTF8(b); i >= 0 {
		return whole(1+bytes.Count(b[:i], []byte("\n")), "config.not_utf8")
	}
	doc := map[string]any{}
	err := toml.Unmarshal(b, &doc)
	var at *toml.DecodeError
	switch {
	case errors.As(err, &at):
		line, _ := at.Position()
		return whole(line, "config.syntax", "why", show(at.Error()))
	case err != nil:
		return whole(1, "config.syntax", "why", show(err.Error()))
	}
	return doc, true
}

// badUTF8 returns where the first byte stands that is not UTF-8, or -1.
func badUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
