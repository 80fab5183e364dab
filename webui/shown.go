package webui

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"monban/gateway/text"
)

// shown returns the arguments of a sentence as people read them: texts from
// outside made plain, lists joined, code words and lengths in the reader's
// language. What is recorded stays as it was.
func (v *visit) shown(args map[string]any) text.Args {
	out := make(text.Args, len(args))
	for k, a := range args {
		out[k] = v.shownArg(k, a)
	}
	return out
}

// words are the arguments that hold a code word, with where its words are.
var words = map[string]string{"state": "state", "to": "state", "from": "state", "how": "how", "role": "role", "act": "act", "kind": "kind", "verdict": "names", "length": "for"}

func (v *visit) shownArg(key string, a any) any {
	switch a := a.(type) {
	case nil:
		return ""
	case bool:
		return v.say(fmt.Sprintf("page.bool.%t", a))
	case json.Number:
		if n, err := a.Int64(); err == nil {
			return number(n)
		}
	case float64: // numbers of JSON, over the socket
		return number(int64(a))
	case time.Duration:
		return v.span(a)
	case time.Time:
		return v.when(a)
	case []any:
		var all []string
		for _, e := range a {
			all = append(all, fmt.Sprint(v.shownArg(key, e)))
		}
		return strings.Join(all, ", ")
	case []string:
		return plain(strings.Join(a, ", "))
	}
	s := plain(fmt.Sprint(a))
	if kind, ok := words[key]; ok {
		code := "page." + kind + "." + s
		if said := v.say(code); said != code {
			return said
		}
	}
	if d, err := time.ParseDuration(s); err == nil && strings.ContainsAny(s, "hms") {
		return v.span(d)
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return v.when(t)
	}
	return s
}
