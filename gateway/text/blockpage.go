package text

// blockText is what the page says that stands in the place of a refused site,
// and what is wrong with how names are refused and recorded.
var blockText = map[string]sentence{
	"config.refuse_with": {
		"{line}行目: 「{value}」は使えません。\"zero\"、\"nxdomain\"、\"page\" のどれかを書いてください。",
		"line {line}: \"{value}\" cannot be used. Write \"zero\", \"nxdomain\" or \"page\"."},
	"config.log_days": {
		"{line}行目: {value} は使えません。0(残さない)から {max} までの日数を書いてください。",
		"line {line}: {value} cannot be used. Write 0 (nothing is kept) to {max} days."},

	"dns.wish_full": {
		"お願いがたまっています。院長が答えるまで、新しいお願いはできません。",
		"Too many wishes wait. New ones are taken when the director has answered."},
	"dns.wished_page.one": {
		"{device} の前の人が、止められたページから {name} を見たいという希望を出しました({reason})",
		"somebody at {device} wished for {name} on the page of a refused site ({reason})"},
	"dns.wished_page.all": {
		"台帳にない機器の前の人が、止められたページから {name} を見たいという希望を出しました({reason})",
		"somebody at a device that is not in the ledger wished for {name} on the page of a refused site ({reason})"},
	"dns.exported": {
		"サイトの問い合わせの記録のうち、しぼった {n} 件({filter})をファイルに保存しました",
		"saved {n} questions of the record ({filter}) as a file"},
	"dns.exported.verdict": {
		"サイトの問い合わせの記録のうち、結果が「{verdict}」の {n} 件をファイルに保存しました",
		"saved {n} questions of the record, of the result “{verdict}”, as a file"},
	"dns.exported.both": {
		"サイトの問い合わせの記録のうち、結果が「{verdict}」で、しぼった {n} 件({filter})をファイルに保存しました",
		"saved {n} questions of the record, of the result “{verdict}” ({filter}), as a file"},
	"dns.exported_all": {
		"サイトの問い合わせの記録 {n} 件を、しぼらずにファイルに保存しました",
		"saved {n} questions of the record, of all there are, as a file"},
	"page.block.title":     {"このサイトは門番が止めました", "Monban has stopped this site"},
	"page.block.lead":      {"パソコンの故障ではありません。この医院では、危ないサイトや仕事に使わないサイトを、院内に置いた機器「門番」が止めています。", "Nothing is wrong with this computer. In this clinic a box, Monban, stops dangerous sites and sites that are not for work."},
	"page.block.nothing":   {"この名前は、許可のお願いでは開きません。必要なときは院長に相談してください。", "This name cannot be asked for. If it is needed, talk to the director."},
	"page.block.waits":     {"許可のお願いは院長に届いています({at})。許可されたら、1分ほどあとにこのページを読み直してください。", "The director has the request ({at}). When it is allowed, reload this page about a minute later."},
	"page.block.wish":      {"許可をお願いする", "Ask for it to be allowed"},
	"page.block.do":        {"許可をお願いする", "Ask for it"},
	"page.block.own":       {"門番のページで調べる", "On Monban’s own page"},
	"page.block.own_lead":  {"アカウントのある人は、下のアドレスでくわしく調べたり、許可したりできます。スマートフォンは、院内のWi-Fiにつないでから読み取ってください。", "With an account, look it up or allow it at this address. A phone must be on the clinic’s Wi-Fi to open it."},
	"page.block.qr":        {"門番のページのアドレスの二次元コード", "Code with the address of Monban’s page"},
	"page.device.names":    {"この機器が調べた名前", "Names it asked for"},
	"page.names.address":   {"アドレス", "Address"},
	"page.names.off":       {"site.toml の設定により、サイトの問い合わせの記録は残していません。時間ごと、機器ごとの数だけを 13 か月残します。", "By site.toml no questions are recorded; only numbers by hour and device are kept for 13 months."},
	"page.names.masked":    {"site.toml の設定により、名前は伏せて記録しています。伏せた名前は、だれにも元に戻せません。同じ日の同じ名前には同じ印が付きます。", "By site.toml names are recorded hidden, and nobody can read them back. On one day the same name has the same mark."},
	"page.names.hidden":    {"伏せた名前 {mark}", "hidden name {mark}"},
	"page.names.file":      {"この記録をファイルに保存する(CSV)", "Save these as a file (CSV)"},
	"page.names.file_hint": {"新しいものから 10,000 件までを保存します。だれが保存したかは操作の記録に残ります。ファイルの扱いに気をつけてください。", "The newest 10,000 at most. Who saved them goes on record. Take care of the file."},
	"page.names.file_more": {"{n} 件まで保存しました。これより古いものもあります。日を選ぶと保存できます。", "Only {n} were saved; there are older ones. Pick a day to save them."},
	"page.why.since":       {"一覧が新しくなった日時", "The list is as it is since"},
	"page.role.visitor":    {"アカウントのない人", "somebody without an account"},
}
