package text

// The faults of site.toml. {line} is where the key stands; the key itself is
// shown before the sentence. The reader is the vendor's engineer.
var configText = map[string]sentence{
	"config.too_large": {
		"{line}行目: ファイルが大きすぎます(上限 {max} KB)。site.toml かどうか確かめてください。",
		"line {line}: the file is too large (at most {max} KB). Make sure that it is a site.toml."},
	"config.not_utf8": {
		"{line}行目: UTF-8ではない文字があります。文字コードをUTF-8にして保存し直してください。",
		"line {line}: not UTF-8. Save the file again with UTF-8 encoding."},
	"config.syntax": {
		"{line}行目: TOMLとして読めません。引用符やかっこの閉じ忘れを確かめてください。({why})",
		"line {line}: not readable as TOML. Look for a missing quote or bracket. ({why})"},
	"config.unknown_key": {
		"{line}行目: 知らない項目です。つづりを確かめてください。ここで使える項目: {known}",
		"line {line}: unknown key. Check its spelling. Keys here: {known}"},
	"config.wrong_type": {
		"{line}行目: 書き方が違います。{want} の形で書いてください。",
		"line {line}: the wrong kind of value. Write it as {want}."},
	"config.missing": {
		"{line}行目: 必須の項目がありません。書き足してください。",
		"line {line}: this key is required. Add it."},
	"config.version": {
		"{line}行目: version は {want} でなければなりません(今は {found})。",
		"line {line}: version must be {want} (it is {found})."},
	"config.timezone": {
		"{line}行目: 「{value}」という時間帯はありません。例: Asia/Tokyo",
		"line {line}: there is no time zone \"{value}\". Example: Asia/Tokyo"},
	"config.id": {
		"{line}行目: 「{value}」は名前に使えません。英小文字・数字・ハイフンで32文字以内にしてください。",
		"line {line}: \"{value}\" cannot be a name. Use a-z, 0-9 and hyphens, at most 32."},
	"config.text": {
		"{line}行目: 長すぎるか、見えない文字が入っています。{max}文字以内で書き直してください。",
		"line {line}: too long, or with invisible characters. Write at most {max} characters."},
	"config.duplicate": {
		"{line}行目: 「{value}」は {first} にもあります。どちらかを直してください。",
		"line {line}: \"{value}\" stands in {first} too. Change one of them."},
	"config.interface": {
		"{line}行目: 「{value}」はネットワークポートの名前ではありません。ip link で確かめてください。",
		"line {line}: \"{value}\" is not the name of a network port. See `ip link`."},
	"config.port_name": {
		"{line}行目: mac を書くときは、「{value}」のようなカーネルが付ける名前は使えません。例: lan0",
		"line {line}: with mac, the kernel's own names such as \"{value}\" cannot be used. Example: lan0"},
	"config.gateway": {
		"{line}行目: 「{value}」はIPアドレスではありません。例: 203.0.113.1",
		"line {line}: \"{value}\" is not an address. Example: 203.0.113.1"},
	"config.gateway_twice": {
		"{line}行目: 「{value}」は2つ目です。IPv4とIPv6に1つずつ書けます。",
		"line {line}: \"{value}\" is the second one. Write one for IPv4 and one for IPv6."},
	"config.gateway_given": {
		"{line}行目: 「{value}」は要りません。addresses に同じ種類のアドレスがないので、ゲートウェイも回線から受け取ります。",
		"line {line}: \"{value}\" is not needed: addresses has none of its kind, so the ISP gives the gateway too."},
	"config.gateway_far": {
		"{line}行目: 「{value}」は wan.addresses のどの範囲にもありません。",
		"line {line}: \"{value}\" lies in no net of wan.addresses."},
	"config.time_many": {
		"{line}行目: 時刻サーバーが多すぎます(上限 {max})。",
		"line {line}: too many time servers (at most {max})."},
	"config.same_interface": {
		"{line}行目: 院内側と外側が同じポート「{value}」です。別のポートにしてください。",
		"line {line}: LAN and WAN are the same port \"{value}\". Choose two."},
	"config.address": {
		"{line}行目: 「{value}」は長さつきのIPアドレスではありません。例: 192.168.10.1/24",
		"line {line}: \"{value}\" is not an address with its prefix length. Example: 192.168.10.1/24"},
	"config.address_special": {
		"{line}行目: 「{value}」は特別な用途のアドレスなので使えません。",
		"line {line}: \"{value}\" is a special-purpose address and cannot be used."},
	"config.address_wide": {
		"{line}行目: 「{value}」は範囲が広すぎます。/ の後の数字を確かめてください。",
		"line {line}: \"{value}\" is too wide a net. Check the number after the slash."},
	"config.address_net": {
		"{line}行目: 「{value}」は {net} 全体を指すアドレスです。この箱のアドレスを書いてください。",
		"line {line}: \"{value}\" means the net {net} as a whole. Write the box's own address in it."},
	"config.overlap": {
		"{line}行目: 「{value}」は {other} の {net} と重なっています。別の範囲にしてください。",
		"line {line}: \"{value}\" overlaps {net} of {other}. Choose another net."},
	"config.upstream": {
		"{line}行目: 「{value}」はDNSサーバーのアドレスではありません。例: 198.51.100.53",
		"line {line}: \"{value}\" is not the address of a DNS server. Example: 198.51.100.53"},
	"config.upstream_own": {
		"{line}行目: 「{value}」はこの箱自身です。外のDNSサーバーを書いてください。",
		"line {line}: \"{value}\" is this box itself. Name a DNS server outside."},
	"config.list_path": {
		"{line}行目: 「{value}」は使えません。site.toml のあるフォルダーの中を / 区切りで書いてください。",
		"line {line}: \"{value}\" cannot be used. Name a file below the directory of site.toml, with slashes."},
	"config.list_name": {
		"{line}行目: 「{value}」は使えません。bypass- で始まる名前は、門番に組み込みの一覧のものです。別の名前にしてください。",
		"line {line}: \"{value}\" cannot be used. Names that begin with bypass- are those of the lists built into the box."},
	"config.list_both": {
		"{line}行目: file と url の両方は書けません。どちらかにしてください。",
		"line {line}: a list has a file or a url, not both."},
	"config.list_url": {
		"{line}行目: 「{value}」からは受け取れません。https:// で始まり、利用者名も # もないアドレスを書いてください。",
		"line {line}: a list cannot come from \"{value}\". Write an address that begins with https://, without user name and #."},
	"config.list_format": {
		"{line}行目: 「{value}」という書き方はありません。auto、hosts、domains、adblock、rpz、dnsmasq のどれかにしてください。",
		"line {line}: there is no format \"{value}\". It is auto, hosts, domains, adblock, rpz or dnsmasq."},
	"config.list_sum": {
		"{line}行目: 「{value}」は SHA-256 ではありません。16進数の64文字を書いてください。",
		"line {line}: \"{value}\" is no SHA-256. Write its 64 hex digits."},
	"config.list_key": {
		"{line}行目: 「{value}」は minisign の公開鍵ではありません。RW で始まる56文字を書いてください。",
		"line {line}: \"{value}\" is no public key of minisign. Write the 56 characters that begin with RW."},
	"config.list_unfetched": {
		"{line}行目: これは url のある一覧だけに書けます。",
		"line {line}: only a list with a url has this."},
	"config.list_missing": {
		"{line}行目: リスト「{value}」が読めません。site.toml と一緒に置いてください。",
		"line {line}: the list \"{value}\" cannot be read. Put it beside site.toml."},
	"config.hostname": {
		"{line}行目: 「{value}」は名前として正しくありません。日本語の名前は xn-- の形で書いてください。",
		"line {line}: \"{value}\" is not a host name. Write international names in their xn-- form."},
	"config.page_address": {
		"{line}行目: 「{value}」ではページを開けません。名前かIPアドレスを書いてください。",
		"line {line}: the page cannot be opened as \"{value}\". Write a name or an address."},
	"config.mac": {
		"{line}行目: 「{value}」は機器のMACアドレスではありません。例: 00:1b:8b:00:00:31",
		"line {line}: \"{value}\" is not the MAC address of a device. Example: 00:1b:8b:00:00:31"},
	"config.unknown_device": {
		"{line}行目: 「{value}」という機器は [[device]] にありません。",
		"line {line}: there is no [[device]] named \"{value}\"."},
	"config.source_none": {
		"{line}行目: 接続元アドレスがありません。業者に書面で確かめて書いてください。",
		"line {line}: no source address. Ask the vendor in writing and add it."},
	"config.source": {
		"{line}行目: 「{value}」はIPアドレスでも範囲でもありません。例: 198.51.100.8/29",
		"line {line}: \"{value}\" is neither an address nor a range. Example: 198.51.100.8/29"},
	"config.source_all": {
		"{line}行目: 「{value}」はインターネット全体です。業者の接続元だけを書いてください。",
		"line {line}: \"{value}\" is the whole internet. Write only where the vendor connects from."},
	"config.source_wide": {
		"{line}行目: 「{value}」は広すぎます。/{max} より狭い範囲を業者に確かめてください。",
		"line {line}: \"{value}\" is too wide. Ask the vendor for ranges no wider than /{max}."},
	"config.source_bits": {
		"{line}行目: 「{value}」は範囲の始まりではありません。範囲なら {range}、1台なら {host} と書いてください。",
		"line {line}: \"{value}\" is not where a range starts. Write {range} for the range, {host} for one host."},
	"config.source_lan": {
		"{line}行目: 「{value}」は院内 {net} と重なっています。業者の外側のアドレスを書いてください。",
		"line {line}: \"{value}\" overlaps the LAN {net}. Write the vendor's address on the internet."},
	"config.source_ours": {
		"{line}行目: 「{value}」にこの箱の外側アドレス {ours} が入っています。範囲を狭くしてください。",
		"line {line}: \"{value}\" holds this box's own address {ours}. Choose a narrower range."},
	"config.source_upstream": {
		"{line}行目: 「{value}」にDNSサーバー {upstream} が入っています。名前が引けなくなるので分けてください。",
		"line {line}: \"{value}\" holds the DNS server {upstream}, which would become unreachable. Keep them apart."},
	"config.source_shared": {
		"{line}行目: 「{value}」は {first} と重なっています。誰の接続か分からなくなるので分けてください。",
		"line {line}: \"{value}\" overlaps {first}; nobody could tell who connects. Keep them apart."},
	"config.source_tunnel": {
		"{line}行目: 「{value}」は [wireguard] の {net} と重なっています。業者の外側のアドレスを書いてください。",
		"line {line}: \"{value}\" overlaps {net} of [wireguard]. Write the vendor's address on the internet."},
	"config.outbound_to": {
		"{line}行目: 「{value}」はIPアドレスではありません。",
		"line {line}: \"{value}\" is not an address."},
	"config.outbound_outside": {
		"{line}行目: 「{value}」はこの業者の接続元の外です。外なら許可は要りません。中ならアドレスを直してください。",
		"line {line}: \"{value}\" is outside this vendor's sources. There nothing needs permission; otherwise correct the address."},
	"config.proto": {
		"{line}行目: 「{value}」は使えません。\"tcp\" か \"udp\" と書いてください。",
		"line {line}: \"{value}\" cannot be used. Write \"tcp\" or \"udp\"."},
	"config.port": {
		"{line}行目: ポート {value} はありません。1から65535の数字を書いてください。",
		"line {line}: there is no port {value}. Write 1 to 65535."},
	"config.around": {
		"{line}行目: 「{value}」は使えません。\"refuse\" か \"observe\" と書いてください。",
		"line {line}: \"{value}\" cannot be used. Write \"refuse\" or \"observe\"."},
	"config.egress": {
		"{line}行目: 「{value}」は使えません。\"open\" か \"answered\" と書いてください。",
		"line {line}: \"{value}\" cannot be used. Write \"open\" or \"answered\"."},
	"config.observe_days": {
		"{line}行目: {value} 日にはできません。0から{max}の数字を書いてください。",
		"line {line}: {value} days cannot be. Write 0 to {max}."},
	"config.wireguard_port": {
		"{line}行目: ポート {value} は使えません。{min}から65535の数字を書いてください。",
		"line {line}: the port {value} cannot be used. Write {min} to 65535."},
	"config.wireguard_none": {
		"{line}行目: この箱の側の [wireguard] がありません。書き足すか、業者の鍵とアドレスを消してください。",
		"line {line}: there is no [wireguard] for this box's own end. Add it, or take the vendor's key and addresses out."},
	"config.wireguard_pair": {
		"{line}行目: {other} だけでは使えません。鍵とアドレスの両方を書いてください。",
		"line {line}: {other} alone is of no use. Write both the key and the addresses."},
	"config.wireguard_key": {
		"{line}行目: 「{value}」はWireGuardの公開鍵ではありません。wg pubkey が出す44文字を業者にもらってください。",
		"line {line}: \"{value}\" is not a WireGuard public key. Ask the vendor for the 44 characters `wg pubkey` prints."},
	"config.wireguard_address": {
		"{line}行目: 「{value}」は1台のアドレスではありません。例: 10.99.0.10",
		"line {line}: \"{value}\" is not the address of one host. Example: 10.99.0.10"},
	"config.wireguard_outside": {
		"{line}行目: 「{value}」は [wireguard] の addresses の範囲の外です。範囲の中から選んでください。",
		"line {line}: \"{value}\" is in none of the nets of [wireguard] addresses. Choose one within."},
	"config.wireguard_ours": {
		"{line}行目: 「{value}」はこの箱自身のアドレスです。業者には別のアドレスを書いてください。",
		"line {line}: \"{value}\" is the box's own address. Give the vendor another one."},
	"config.ok": {
		"{file}: 問題ありません。業者 {vendors}、機器 {devices}、リスト {lists}",
		"{file}: ok. {vendors} vendors, {devices} devices, {lists} lists"},
	"config.none": {
		"{file} がありません。",
		"there is no {file}."},
	"config.faults": {
		"{file}: {count} 件の問題があります。",
		"{file}: {count} faults."},
}
