package text

// dnsLimitText is what the name filter says of devices that ask too much.
var dnsLimitText = map[string]sentence{
	"dns.limited": {
		"{device}({address})からの名前の問い合わせが多すぎたため、{n} 件に答えませんでした。ほかの機器に影響はありません。この機器に、同じことを繰り返しているソフトや見覚えのないソフトがないか確かめてください。",
		"{device} ({address}) asked for too many names; {n} questions were left unanswered. Other devices are not affected. See whether a program on it is stuck or unknown to you.",
	},
}
