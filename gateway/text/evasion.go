package text

// evasionText are the sentences about ways around the name filter: lines of the
// log, and the page that shows who tried.
var evasionText = map[string]sentence{
	"dns.reason.bypass": {
		"門番を通らずに名前を調べたり通信したりする通り道の名前(一覧「{list}」)なので、止めています。必要なときは院長または担当者に相談してください。",
		"It is refused because it is the name of a way around Monban (list “{list}”). If you need it, ask the director."},
	"page.reason.dns.reason.bypass": {"門番を通らない通り道の名前", "a way around Monban"},

	// lines of the log
	"evasion.plain.stopped": {"{device} が門番以外のDNSにじかにたずねようとしました。外へは出さず、門番が引き受けました。", "{device} asked another DNS server directly; Monban took the question over"},
	"evasion.plain.seen":    {"{device} が門番以外のDNSにじかにたずねました。止めていません(観察だけの設定です)。", "{device} asked another DNS server directly; it was not stopped (observing only)"},
	"evasion.tls.stopped":   {"{device} が暗号化した通信(DNS over TLS)で門番以外のDNSを使おうとしました。止めました。", "{device} tried DNS over TLS past Monban; it was stopped"},
	"evasion.tls.seen":      {"{device} が暗号化した通信(DNS over TLS)で門番以外のDNSを使いました。止めていません(観察だけの設定です)。", "{device} used DNS over TLS past Monban; it was not stopped (observing only)"},
	"evasion.https.stopped": {"{device} が知られている外のDNSのアドレスに、暗号化した通信(DNS over HTTPS など)でつなごうとしました。止めました。", "{device} tried to reach a known resolver by DNS over HTTPS or the like; it was stopped"},
	"evasion.https.seen":    {"{device} が知られている外のDNSのアドレスに、暗号化した通信(DNS over HTTPS など)でつなぎました。止めていません(観察だけの設定です)。", "{device} reached a known resolver by DNS over HTTPS or the like; it was not stopped (observing only)"},
	"evasion.dns.stopped":   {"{device} が門番以外のDNS({what})を使おうとしました。止めました。", "{device} tried to use another DNS service ({what}); it was stopped"},
	"evasion.dns.seen":      {"{device} が門番以外のDNS({what})の名前を調べました。止めていません。", "{device} asked for the name of another DNS service ({what}); it was not stopped"},
	"evasion.relay.stopped": {"{device} が iCloud プライベートリレー({what})を使おうとしました。止めました。", "{device} tried to use iCloud Private Relay ({what}); it was stopped"},
	"evasion.relay.seen":    {"{device} が iCloud プライベートリレー({what})の名前を調べました。止めていません。", "{device} asked for iCloud Private Relay ({what}); it was not stopped"},
	"evasion.vpn.stopped":   {"{device} がVPN({what})を使おうとしました。止めました。", "{device} tried to use a VPN ({what}); it was stopped"},
	"evasion.vpn.seen":      {"{device} がVPN({what})の名前を調べました。止めていません。", "{device} asked for the name of a VPN ({what}); it was not stopped"},
	"evasion.tor.stopped":   {"{device} が Tor({what})を使おうとしました。止めました。", "{device} tried to use Tor ({what}); it was stopped"},
	"evasion.tor.seen":      {"{device} が Tor({what})の名前を調べました。止めていません。", "{device} asked for Tor ({what}); it was not stopped"},

	// the page
	"page.evasion.title":     {"門番を通らない通り道", "Ways around Monban"},
	"page.evasion.lead":      {"機器が門番を通らずに名前を調べようとしたり、別の通り道(VPN など)を使おうとしたりした記録です。回数は、つなぎ始めた回数です。", "Which devices tried to look names up past Monban, or to use another way such as a VPN. The counts are of beginnings."},
	"page.evasion.blame":     {"これだけで人を疑わないでください。多くは機器やアプリがはじめから持っている設定です。心当たりのない VPN や Tor だけは、使っている人に確かめてください。", "Do not suspect people for this alone. Most of it is what devices and apps do by their own settings. Only a VPN or Tor that nobody expects is worth a question."},
	"page.evasion.observe":   {"いまは観察だけです(site.toml の dns.around)。門番が答えたアドレスにだけ行ける機器のほかは、どの通り道も止めていません。", "Now all of this is only observed (dns.around in site.toml); nothing is stopped but for devices that reach only what Monban has told them."},
	"page.evasion.exempt":    {"名前を調べる通信を門番が扱わない機器: {devices}。この機器は止めず、数えてもいません。", "Devices whose DNS is left alone: {devices}. They are neither stopped nor counted."},
	"page.evasion.days":      {"記録のある日", "Days with records"},
	"page.evasion.none":      {"この日は、ありません。", "None on this day."},
	"page.evasion.way":       {"通り道", "Way"},
	"page.evasion.n":         {"回数", "Times"},
	"page.evasion.became":    {"どうなったか", "What became of it"},
	"page.evasion.what":      {"調べた名前", "Names asked for"},
	"page.evasion.first":     {"最初", "First"},
	"page.evasion.last":      {"最後", "Last"},
	"page.evasion.answered":  {"門番が引き受けた", "Monban took it over"},
	"page.evasion.denied":    {"「使えない」と答えた", "Monban said no"},
	"page.evasion.stopped":   {"止めた", "stopped"},
	"page.evasion.partly":    {"{n} 回を止めた", "{n} stopped"},
	"page.evasion.seen":      {"止めていない", "not stopped"},
	"page.evasion.plain":     {"門番以外のDNSにじかに質問(ポート53)", "Another DNS server (port 53)"},
	"page.evasion.tls":       {"暗号化した質問 DNS over TLS / QUIC(ポート853)", "DNS over TLS or QUIC (port 853)"},
	"page.evasion.https":     {"知られている外のDNSへ暗号化した質問 DNS over HTTPS など", "DNS over HTTPS and the like, to a known resolver"},
	"page.evasion.dns":       {"門番以外のDNSの名前を調べた", "Name of another DNS service"},
	"page.evasion.relay":     {"iCloud プライベートリレー", "iCloud Private Relay"},
	"page.evasion.vpn":       {"VPN", "VPN"},
	"page.evasion.tor":       {"Tor", "Tor"},
	"page.evasion.canary":    {"使ってよいかの確認", "asking whether it may"},
	"page.evasion.polite":    {"使ってよいか確かめただけの機器", "Devices that only asked whether they may"},
	"page.evasion.polite_is": {"ブラウザーやスマートフォンがふだん行う確認です。門番が「使えない」と答え、機器はそれに従いました。問題はありません。", "Browsers and phones do this by themselves. Monban says no, and they keep to it. Nothing is wrong."},
}
