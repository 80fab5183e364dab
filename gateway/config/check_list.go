package config

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"monban/dnsfilter/list"
	"monban/dnsfilter/subscribe"
	"monban/gateway/minisign"
)

// BuiltIn is what the names of the lists begin with that every box has. No
// other's may.
const BuiltIn = "bypass-"

// maxLists leaves room for those among the 64 that the filter can hold.
const maxLists = 60

func (f *faults) lists(written []fileList) []List {
	if len(written) > maxLists {
		f.add(index("dns.list", maxLists), "config.list_count", "max", maxLists)
		return nil
	}
	var lists []List
	seen := f.unique()
	for i, w := range written {
		at := index("dns.list", i)
		l := List{Name: f.id(join(at, "name"), w.Name), File: w.File, URL: w.URL}
		if strings.HasPrefix(l.Name, BuiltIn) {
			f.add(join(at, "name"), "config.list_name", "value", l.Name)
		}
		seen.add(join(at, "name"), l.Name)
		switch {
		case w.File != "" && w.URL != "":
			f.add(join(at, "url"), "config.list_both")
		case w.URL != "" && !subscribe.CheckURL(w.URL):
			f.add(join(at, "url"), "config.list_url", "value", show(w.URL))
		case w.URL != "":
		case w.File == "":
			f.add(join(at, "file"), "config.missing")
		// The path stays below site.toml, the only place a backup keeps and
		// the service may read.
		case strings.ContainsAny(w.File, "\\\x00") || !filepath.IsLocal(w.File) || w.File == ".":
			f.add(join(at, "file"), "config.list_path", "value", show(w.File))
		}
		var ok bool
		if l.Format, ok = list.ParseFormat(w.Format); !ok && w.Format != "" {
			f.add(join(at, "format"), "config.list_format", "value", show(w.Format))
		}
		f.fetched(at, w, &l)
		lists = append(lists, l)
	}
	return lists
}

// fetched checks what only a subscription has.
func (f *faults) fetched(at string, w fileList, l *List) {
	if w.URL == "" {
		for key, value := range map[string]string{"sha256": w.SHA256, "key": w.Key} {
			if value != "" {
				f.add(join(at, key), "config.list_unfetched")
			}
		}
		return
	}
	if w.SHA256 != "" {
		b, err := hex.DecodeString(w.SHA256)
		if err != nil || len(b) != sha256.Size {
			f.add(join(at, "sha256"), "config.list_sum", "value", show(w.SHA256))
		}
		copy(l.Sum[:], b)
	}
	if w.Key != "" {
		var err error
		if l.Key, err = minisign.ParseKey(w.Key); err != nil {
			f.add(join(at, "key"), "config.list_key", "value", show(w.Key))
		}
	}
}
