package text

// networkText are the sentences about the box's network ports, about what it is
// brought on a stick or on its first partition, and about the lamp.
var networkText = map[string]sentence{
	"network.unreachable": {
		"ネットワーク設定のしくみ(monban-net)から返事がありません。変更は確定しなければ元に戻ります。続くときは、本体を再起動してください。({detail})",
		"The part that changes the network (monban-net) does not answer. A change nobody confirms goes back. If this goes on, restart the box. ({detail})"},
	"network.no_trial": {
		"確認を待っているネットワークの変更はありません。元に戻った後かもしれません。",
		"No change of the network waits for a confirmation. It may have gone back already."},
	"network.busy": {
		"ネットワークの設定を変えているところです。数秒待って、もう一度確定してください。",
		"The network is still being changed. Wait some seconds, then confirm again."},
	"network.site_broken": {
		"site.toml に誤りがあるため、ネットワークは変えませんでした。",
		"site.toml has faults; the network was not changed."},
	"network.trial": {
		"ネットワークの設定を変えました。{seconds}秒のうちに確定しなければ元に戻ります。",
		"The network was changed. It goes back unless the change is confirmed within {seconds} s."},
	"network.on_trial": {
		"ネットワークの設定を変えました。院内の端末からつながることを確かめて、あと{seconds}秒のうちに確定してください。確定しないと元に戻ります。",
		"The network was changed. See that the clinic's machines still connect, and confirm within {seconds} s; otherwise it goes back."},
	"network.kept": {
		"ネットワークの変更を確定しました。",
		"The change of the network was confirmed."},
	"network.reverted": {
		"確定されなかったので、ネットワークの設定を元に戻しました。入れようとした設定は {file} に残してあります。",
		"The change of the network was not confirmed and went back. What was tried is kept as {file}."},
	"network.not_applied": {
		"ネットワークのポートが site.toml のとおりになっていません。保守業者に連絡してください。",
		"The network ports are not as site.toml says. Call your vendor."},
	"page.network.title": {
		"ネットワークの変更",
		"Change of the network"},
	"page.network.none": {
		"確定を待っている変更はありません。",
		"No change waits to be confirmed."},
	"page.network.trial": {
		"ネットワークの設定を変えました。院内の端末からつながることを確かめて、次の時間のうちに確定してください。確定しないと元に戻ります。",
		"The network was changed. See that the clinic's machines still connect, and confirm within the time below; otherwise it goes back."},
	"page.network.left": {
		"元に戻るまで、あと",
		"It goes back in"},
	"page.network.outside": {
		"この画面が開いたことでわかるのは、院内側がつながることだけです。確定する前に、院内の端末で外のページ(いつも使うサイト)も開いてみてください。",
		"That this page opens shows only that the clinic's side works. Before you confirm, open a page outside on a machine of the clinic, too."},
	"page.network.confirm": {
		"この設定で確定する",
		"Keep the network as it is now"},
	"page.network.who": {
		"確定できるのは、院長と保守業者です。",
		"The director and the vendor can confirm it."},
	"network.set_up": {
		"site.toml がまだありません。初期設定のポートは「{port}」、アドレスは {address} です(ポートが空のときは画面は開きません)。",
		"There is no site.toml yet. The port for set-up is \"{port}\", with {address}; without a port there is no page."},
	"provision.taken.disk": {
		"site.toml を起動ディスクの MONBAN 領域から取り込みました。(SHA-256 {sum})",
		"site.toml was taken from the MONBAN partition of the boot disk. (SHA-256 {sum})"},
	"provision.taken.stick": {
		"site.toml をUSBメモリから取り込みました。(SHA-256 {sum})",
		"site.toml was taken from the USB stick. (SHA-256 {sum})"},
	"provision.refused.disk": {
		"起動ディスクの MONBAN 領域の site.toml は使えません。直して、もう一度起動してください。それまで箱は閉じたままです。",
		"The site.toml on the MONBAN partition of the boot disk cannot be used. Correct it and start again. Until then the box stays closed."},
	"provision.refused.stick": {
		"USBメモリの site.toml は使えません。直して、もう一度起動してください。それまで箱は閉じたままです。",
		"The site.toml on the USB stick cannot be used. Correct it and start again. Until then the box stays closed."},
	"provision.none": {
		"site.toml は起動ディスクの MONBAN 領域にもUSBメモリにもありません。",
		"There is no site.toml on the MONBAN partition of the boot disk, and none on a USB stick."},
	"provision.ending": {
		"ファイル名が違います。最後の .txt を取って site.toml にしてください(「ファイル名拡張子」を表示すると見えます)。",
		"The wrong name. Take the .txt off its end, so that it is called site.toml; it shows when the file manager shows endings."},
	"provision.large": {
		"大きすぎます(上限 {max} バイト)。",
		"Too large (at most {max} bytes)."},
	"provision.unreadable": {
		"読み書きできません。({detail})",
		"Could not be read or written. ({detail})"},
	"provision.code": {
		"初期設定コードに使えません。16文字以上64文字以内で、違う文字を6種類以上使ってください。",
		"Cannot be the set-up code. It needs 16 to 64 signs, at least 6 of them different."},
	"provision.code_taken": {
		"初期設定コードを取り込みました。元のファイルは残っています。使い終えたら消してください。",
		"The set-up code was taken. Its file is still where it was: delete it once the code is used."},
	"provision.code_shown": {
		"最初のアカウントを作るための初期設定コード: {code}",
		"Set-up code for the first account: {code}"},
	"lamp.closed": {
		"通信を閉じられませんでした。ネットワークにはつながりません。電源を入れ直し、続くときは保守業者に連絡してください。",
		"The box could not close itself and stays off the network. Switch it off and on; if this comes back, call the maintenance vendor."},
	"lamp.rules": {
		"通信の規則を読み込めませんでした。すべての通信を閉じています。電源を入れ直し、続くときは保守業者に連絡してください。",
		"The packet rules could not be loaded. Everything is closed. Switch the box off and on; if this comes back, call the maintenance vendor."},
	"lamp.data": {
		"データ領域を使えません。記録は残りません。電源を入れ直し、続くときは保守業者に連絡してください。",
		"The data partition cannot be used; nothing is recorded. Switch the box off and on; if this comes back, call the maintenance vendor."},
	"lamp.net": {
		"ネットワークのポートを設定できませんでした。保守業者に連絡してください。",
		"The network ports could not be set up. Call the maintenance vendor."},
	"lamp.none": {
		"この基板には、知らせるためのランプがありません。",
		"This board has no lamp to show it by."},
}
