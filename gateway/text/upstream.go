package text

// upstreamText is what is wrong with a set of upstream resolvers, and with
// their keys in site.toml, where {line} is where the key stands.
var upstreamText = map[string]sentence{
	"upstream.too_many": {
		"問い合わせ先の DNS サーバーが多すぎます。{max} 個までにしてください。",
		"There are too many upstream resolvers. Keep to {max}.",
	},
	"upstream.bad_zone": {
		"「{name}」は専用の DNS サーバーに任せる名前として使えません。closed.example のように書いてください。",
		"“{name}” cannot be a zone with resolvers of its own. Write it like closed.example.",
	},
	"config.upstream_form": {
		"{line}行目: 「{value}」という書き方はありません。198.51.100.53、tls://名前@198.51.100.53、https://名前/dns-query@198.51.100.53 のどれかで書いてください。",
		"line {line}: \"{value}\" is no way to write a DNS server. Use 198.51.100.53, tls://NAME@198.51.100.53 or https://NAME/dns-query@198.51.100.53."},
	"config.upstream_name": {
		"{line}行目: 「{value}」の名前が正しくありません。証明書にあるサーバー名を英小文字で書いてください。",
		"line {line}: the name in \"{value}\" is not a host name. Write the server's name as in its certificate, in lower case."},
	"config.upstream_path": {
		"{line}行目: 「{value}」にパスがないか、使えない文字があります。例: https://dns.example/dns-query@198.51.100.53",
		"line {line}: \"{value}\" has no path or one that cannot be. Example: https://dns.example/dns-query@198.51.100.53"},
	"config.upstream_pin": {
		"{line}行目: 「{value}」の鍵の指定が正しくありません。tls か https の後に #sha256/ とBase64の44文字を、{max}個まで書けます。",
		"line {line}: the pin of \"{value}\" is wrong. After tls or https, write #sha256/ and 44 characters of base64, at most {max} times."},
	"config.upstream_many": {
		"{line}行目: 多すぎます。{max}個までにしてください。",
		"line {line}: too many. Keep to {max}."},
	"config.zone_place": {
		"{line}行目: 「{value}」は {first} と同じ機器のための同じ名前です。どちらかを直してください。",
		"line {line}: \"{value}\" is the same name for the same devices as {first}. Change one of them."},
}
