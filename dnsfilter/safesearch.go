package dnsfilter

import "strings"

// SafeSearch is how search engines and video sites are reached: as everybody
// does, or by the entrance their makers have for schools and the like. Such an
// entrance has a name of its own; who asks for the common one is told that it
// is an alias of that.
type SafeSearch uint8

// The ways. They differ for YouTube alone, which has two entrances.
const (
	SafeOff SafeSearch = iota
	SafeModerate
	SafeStrict
)

// The types of records that lead to a site.
const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
	typeSVCB  = 64
	typeHTTPS = 65
)

// safe is d, by which q is let through, or the safe entrance instead. Service
// records are withheld: their hints and keys are those of the common entrance.
// Other types (mail, text) stay as they are.
func (g *Group) safe(q Ask, d Decision) Decision {
	host := g.Safe.entrance(q.Name)
	if host == "" {
		return d
	}
	if g.Paused {
		if d.Reason == Unlisted {
			d.Reason, d.Group = Paused, g.Name
		}
		return d
	}
	switch q.Type {
	case 0, typeA, typeAAAA, typeCNAME:
		return Decision{Action: Rename, Reason: Safe, Host: host, Group: g.Name}
	case typeSVCB, typeHTTPS:
		return Decision{Action: NoData, Reason: Safe, Group: g.Name}
	}
	return d
}

// entrance is the safe entrance's name for name; empty: it has none. The names
// are those that the makers tell networks to use: Google (SafeSearch VIP, for
// the domains it searches under), Bing (strict), YouTube (Restricted Mode),
// DuckDuckGo, Brave Search, Ecosia, Pixabay, Yandex (family search). Yahoo!
// JAPAN names none, so it is for a list to refuse.
func (s SafeSearch) entrance(name string) string {
	if s == SafeOff {
		return ""
	}
	if country, ok := strings.CutPrefix(name, "www.google."); ok {
		if googleIn(country) {
			return "forcesafesearch.google.com"
		}
		return ""
	}
	switch name {
	case "www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com", "www.youtube-nocookie.com":
		if s == SafeModerate {
			return "restrictmoderate.youtube.com"
		}
		return "restrict.youtube.com"
	case "www.bing.com":
		return "strict.bing.com"
	case "duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com":
		return "safe.duckduckgo.com"
	case "search.brave.com":
		return "forcesafe.search.brave.com"
	case "www.ecosia.org":
		return "strict-safe-search.ecosia.org"
	case "pixabay.com":
		return "safesearch.pixabay.com"
	case "ya.ru", "yandex.ru", "yandex.com", "yandex.com.tr", "yandex.by", "yandex.kz", "yandex.uz",
		"www.ya.ru", "www.yandex.ru", "www.yandex.com", "www.yandex.com.tr", "www.yandex.by", "www.yandex.kz", "www.yandex.uz":
		return "familysearch.yandex.ru"
	}
	return ""
}

// googleIn says whether Google searches under www.google.country.
func googleIn(country string) bool {
	switch country {
	case "com", "ad", "ae", "al", "am", "as", "at", "az", "ba", "be", "bf", "bg", "bi", "bj", "bs", "bt", "by",
		"ca", "cat", "cd", "cf", "cg", "ch", "ci", "cl", "cm", "cn", "cv", "cz", "de", "dj", "dk", "dm", "dz",
		"ee", "es", "fi", "fm", "fr", "ga", "ge", "gg", "gl", "gm", "gp", "gr", "gy", "hn", "hr", "ht", "hu",
		"ie", "im", "iq", "is", "it", "je", "jo", "kg", "ki", "kz", "la", "li", "lk", "lt", "lu", "lv",
		"md", "me", "mg", "mk", "ml", "mn", "ms", "mu", "mv", "mw", "ne", "nl", "no", "nr", "nu",
		"pl", "pn", "ps", "pt", "ro", "rs", "ru", "rw", "sc", "se", "sh", "si", "sk", "sm", "sn", "so", "sr", "st",
		"td", "tg", "tk", "tl", "tm", "tn", "to", "tt", "vg", "vu", "ws":
		return true
	case "co.ao", "co.bw", "co.ck", "co.cr", "co.id", "co.il", "co.in", "co.jp", "co.ke", "co.kr", "co.ls", "co.ma",
		"co.mz", "co.nz", "co.th", "co.tz", "co.ug", "co.uk", "co.uz", "co.ve", "co.vi", "co.za", "co.zm", "co.zw":
		return true
	case "com.af", "com.ag", "com.ai", "com.ar", "com.au", "com.bd", "com.bh", "com.bn", "com.bo", "com.br", "com.bz",
		"com.co", "com.cu", "com.cy", "com.do", "com.ec", "com.eg", "com.et", "com.fj", "com.gh", "com.gi", "com.gt",
		"com.hk", "com.jm", "com.kh", "com.kw", "com.lb", "com.ly", "com.mm", "com.mt", "com.mx", "com.my", "com.na",
		"com.nf", "com.ng", "com.ni", "com.np", "com.om", "com.pa", "com.pe", "com.pg", "com.ph", "com.pk", "com.pr",
		"com.py", "com.qa", "com.sa", "com.sb", "com.sg", "com.sl", "com.sv", "com.tj", "com.tr", "com.tw", "com.ua",
		"com.uy", "com.vc", "com.vn":
		return true
	}
	return false
}
