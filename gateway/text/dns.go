package text

// dnsText are the sentences of the name filter: why a name is answered as it
// is, and what is wrong with a list or an upstream resolver.
var dnsText = map[string]sentence{
	"dns.reason.unlisted": {
		"どの一覧にも載っていないため、つながります。",
		"It is on no list, so it is answered.",
	},
	"dns.reason.listed": {
		"一覧「{list}」の {line} 行目に載っているため、止めています。必要なときは院長または担当者に相談してください。",
		"It is refused because list “{list}” holds it on line {line}. If you need it, ask the director.",
	},
	"dns.reason.denied": {
		"この医院で拒否に決めた名前なので、止めています。必要なときは院長または担当者に相談してください。",
		"It is refused because the clinic has decided so. If you need it, ask the director.",
	},
	"dns.reason.safe": {
		"この機器のグループではセーフサーチを使うため、検索サイトの安全な入口につなぎます。",
		"This device's group uses safe search, so it is led to the search engine's safe entrance.",
	},
	"dns.reason.permitted": {
		"一覧に載っていますが、この医院で許可したため、つながります。",
		"It is on a list, but the clinic has allowed it, so it is answered.",
	},
	"dns.reason.needed": {
		"業務に必要な名前として設定されているため、いつもつながります。",
		"The configuration says that it must work, so it is always answered.",
	},
	"dns.reason.local": {
		"門番が自分で答える院内の名前です。",
		"It is a name of the house that Monban answers itself.",
	},
	"dns.reason.home": {
		"院内だけで使う種類の名前なので、外へは問い合わせません。",
		"It is of a kind used only within the house and is never asked outside.",
	},
	"dns.reason.canary": {
		"ブラウザーや端末が門番を通らずに名前を調べるのを防ぐため、「ない」と答えています。",
		"It is denied so that browsers and devices do not go around Monban.",
	},
	"dns.reason.rebinding": {
		"外の名前なのに院内の機器を指しているため、止めています。心当たりがなければ、そのままにしてください。",
		"It is refused because it is an outside name that leads to the inside. Unless you expected that, leave it so.",
	},
	"dns.reason.unready": {
		"門番が一覧を読み込んでいます。少し待ってから、もう一度試してください。",
		"Monban is still reading its lists. Wait a moment and try again.",
	},
	"dns.off": {
		"名前のフィルターはまだ動いていません。初期設定を終えてから、もう一度試してください。",
		"The name filter is not running yet. Finish the set-up and try again.",
	},
	"dns.bad_name": {
		"「{name}」は名前として読めません。www.example.jp のように入力してください。",
		"“{name}” is no host name. Type it like www.example.jp.",
	},
	"dns.bad_client": {
		"端末のアドレスとして読めません。192.168.10.20 のように入力してください。",
		"That is no address of a machine. Type it like 192.168.10.20.",
	},
	"dns.no_upstream": {
		"問い合わせ先の DNS サーバーがひとつも設定されていません。site.toml の [dns] upstreams に書いてください。",
		"No upstream resolver is set. Add one to [dns] upstreams in site.toml.",
	},
	"dns.bad_upstream": {
		"「{address}」は問い合わせ先の DNS サーバーとして使えません。192.0.2.53:53 のように、アドレスとポートを書いてください。",
		"“{address}” cannot be an upstream resolver. Write address and port, like 192.0.2.53:53.",
	},
	"dns.bad_listen": {
		"「{address}」では待ち受けられません。127.0.0.1:53 のように、アドレスとポートを書いてください。",
		"“{address}” is no address to listen on. Write address and port, like 127.0.0.1:53.",
	},
	"dns.bad_log": {
		"「{dir}」に問い合わせの記録を残せません。書き込めるフォルダーを指定してください。",
		"No record of questions can be kept in “{dir}”. Name a directory that can be written to.",
	},
	"dns.too_many_lists": {
		"一覧が多すぎます。{max} 個までにしてください。",
		"There are too many lists. Keep to {max}.",
	},
	"dns.list_unreadable": {
		"一覧「{list}」を最後まで読めませんでした。前の一覧を使い続けます。ファイルを確かめてください。",
		"List “{list}” could not be read to its end. The list before it stays in use. Check the file.",
	},
	"dns.list_bad_lines": {
		"一覧「{list}」の {lines} 行のうち {bad} 行は読めないため飛ばしました(最初は {first} 行目)。",
		"List “{list}”: {bad} of {lines} lines make no sense and are skipped (the first is line {first}).",
	},
}
