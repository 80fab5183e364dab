package text

// pageSettingsText is what the page about site.toml says, and the log of it.
var pageSettingsText = map[string]sentence{
	"site.changed": {
		JA: "画面から設定ファイル site.toml を替えました。(SHA-256 前 {old}、後 {new})",
		EN: "The settings file site.toml was changed on the page. (SHA-256 before {old}, after {new})"},
	"site.network_on_trial": {
		JA: "ネットワークの変更が確定を待っています。確定するか、元に戻るまで、設定ファイルは替えられません。",
		EN: "A change of the network waits to be confirmed. The settings file can be changed once that is confirmed or has gone back."},
	"site.same": {
		JA: "いまの設定ファイルと同じです。何も変わりません。",
		EN: "This is the settings file of now. Nothing would change."},
	"site.overtaken": {
		JA: "変更点を見ているあいだに、設定ファイルがほかから替えられました。まだ何も替えていません。入力はそのまま残っています。もう一度「確かめる」を押し、いまの設定との違いを見てください。",
		EN: "The settings file was changed by somebody else meanwhile. Nothing of yours was done, and your text is still here. Press \"Check\" again to see how it differs from the file of now."},
	"site.not_in_force": {
		JA: "設定ファイルを書きましたが、効いていません。前の設定のまま守っています。このページの「いまの設定」を見てください。",
		EN: "The settings file was written, but is not in force; the box keeps guarding as before. See \"Now\" on this page."},
	"site.too_large": {
		JA: "送られたものが大きすぎます(設定ファイルの上限 {max} KB)。site.toml かどうか確かめてください。何も替えていません。",
		EN: "What was sent is too large (a settings file has at most {max} KB). Make sure that it is a site.toml. Nothing was changed."},

	"site.file_empty": {
		JA: "選んだファイルは空です。site.toml かどうか確かめ、もう一度選んでください。何も替えていません。",
		EN: "The file you chose is empty. Make sure that it is a site.toml, and choose it again. Nothing was changed."},

	"page.act.config.file": {"設定ファイルを見ることと替えること", "seeing and changing the settings file"},
	"page.nav.site":        {"設定ファイル", "Settings file"},
	"page.site.lead": {
		"この箱のポート、アドレス、業者、一覧、更新の配布元などを決めるファイル(site.toml)です。ふつうは保守業者が作ります。見られるのも替えられるのも院長だけです。",
		"The file (site.toml) that says what this box's ports, addresses, vendors, lists and update source are. The maintenance vendor usually writes it. Only the director sees and changes it."},
	"page.site.now":           {"いまの設定", "Now"},
	"page.site.state":         {"状態", "State"},
	"page.site.state_guards":  {"有効", "in force"},
	"page.site.means_guards":  {"このファイルのとおりに守っています。", "The box guards as this file says."},
	"page.site.state_kept":    {"無効", "not in force"},
	"page.site.means_kept":    {"前の設定のまま守っています。", "The box keeps guarding as before."},
	"page.site.state_setup":   {"なし", "none"},
	"page.site.means_setup":   {"使える設定ファイルがないので、すべて閉じています。", "There is no usable settings file, so everything is closed."},
	"page.site.sum":           {"SHA-256(はじめの16桁)", "SHA-256 (first 16 digits)"},
	"page.site.since":         {"書かれた日時", "Written"},
	"page.site.generation":    {"効いている世代", "Generation in force"},
	"page.site.download":      {"いまのファイルを保存する", "Save the file of now"},
	"page.site.download_hint": {"一覧のアドレスなどに、人に見せられない文字列が入っていることがあります。", "It may hold strings that are secrets, in addresses of lists for example."},
	"page.site.why":           {"このファイルが効いていない理由:{why}", "Why this file is not in force: {why}"},
	"page.site.form":          {"替える", "Change it"},
	"page.site.steps": {
		"押してもまだ何も変わりません。間違いがあれば行番号つきで示し、なければ変更点を見せます。",
		"Pressing this changes nothing yet. Mistakes are shown with their lines; without any, you see what would change."},
	"page.site.text":      {"設定ファイルの全文", "The whole file"},
	"page.site.text_hint": {"直すところだけ書きかえます。# から行の終わりまでは注記です。", "Change only what is to change. From # to the end of a line is a note."},
	"page.site.file":      {"または、ファイルを選ぶ", "Or choose a file"},
	"page.site.file_hint": {"選んだときは、上の全文のかわりに使います(上限 {max} KB)。", "If you choose one, it is taken instead of the text above (at most {max} KB)."},
	"page.site.check":     {"確かめる", "Check"},
	"page.site.first": {
		"まだ設定がないので、書きはじめの形を入れてあります。業者から site.toml を受け取っているときは、下で選んでください。",
		"There is no configuration yet, so this begins with a form to fill in. If the vendor gave you a site.toml, choose it below."},
	"page.site.check_title": {"設定ファイルの変更点", "What would change"},
	"page.site.nothing_yet": {"間違いはありません。まだ何も替えていません。", "There are no mistakes. Nothing was changed yet."},
	"page.site.diff":        {"変更点", "Changes"},
	"page.site.diff_lead": {
		"行の頭の「+」は足される行、「-」は消える行、空白は変わらない行です。@@ の数字は行番号と行の数(前、後)です。",
		"A line that begins with + is added, one with - goes, one with a space stays. The numbers after @@ are the line and how many lines, before and after."},
	"page.site.diff_n":    {"足される行 {added}、消える行 {gone}", "{added} lines added, {gone} gone"},
	"page.site.diff_none": {"行に違いはありません。", "No line differs."},
	"page.site.diff_alike": {
		"見た目が同じでも中身の違う行があります。そのままでは見分けられない文字を <U+00A0> のように番号で示しています。",
		"There are lines that look the same and are not. Characters that cannot be told apart are shown by number, as <U+00A0>."},
	"page.site.means":   {"替えるとどうなるか", "What happens then"},
	"page.site.at_once": {"すぐに効きます。前の設定は、箱の中に世代として残ります。", "It is in force at once. The settings of before stay in the box as a generation."},
	"page.site.windows": {
		"新しい設定にない業者、機器、接続元のための保守と、WireGuard の鍵・アドレス・ポートが変わる保守は、すぐに閉じます。ほかの保守は続きます。",
		"What is open for a vendor, a device or a source that the new settings do not have, or by a WireGuard key, address or port that changes, is closed at once. The rest stays open."},
	"page.site.trial": {
		"ネットワーク(ポート、アドレス、DNS、時刻)が変わります。{seconds}秒のうちに「ネットワークの変更」のページで確定しなければ、ネットワークも設定ファイルも自動で元に戻ります。その間、つながらなくなることがあります。",
		"The network (ports, addresses, resolvers, time) changes. Unless it is confirmed on the page \"Change of the network\" within {seconds} s, the network and the settings file go back by themselves. The connection may break meanwhile."},
	"page.site.trial_link": {"ネットワークの変更(確定するページ)", "Change of the network (where it is confirmed)"},
	"page.site.lan": {
		"箱の院内側のアドレスが {lan} になります。パソコンのアドレスを合わせ、https:// のあとに新しいアドレスを付けて開いてください。",
		"The box's address in the clinic becomes {lan}. Give the PC an address that fits, and open https:// with the new address."},
	"page.site.first_means": {
		"最初の設定なので、元に戻る先がありません。ポートの MAC アドレスや院内側のアドレスが違うと、画面が開かなくなり、工場出荷時に戻すしかありません。もう一度確かめてください。",
		"This is the first configuration, so there is nothing to go back to. If a port's MAC address or the address in the clinic is wrong, the page does not open any more and only the factory reset is left. Check them again."},
	"page.site.apply":       {"この設定に替える", "Put these settings in force"},
	"page.site.edit":        {"直す", "Edit again"},
	"page.site.changed":     {"設定ファイルを替えました。すぐに効いています。", "The settings file was changed and is in force."},
	"page.site.changed_net": {"設定ファイルを替えました。ネットワークの変更を確定してください。", "The settings file was changed. Confirm the change of the network."},
}
