package text

// firmwareText are the sentences about the box's own software: what goes wrong
// with an update, what stands in the log, and what the first page says.
var firmwareText = map[string]sentence{
	"config.update_address": {
		"{line}行目: 「{value}」からは更新を受け取れません。https:// で始まり、利用者名も ? も # もないアドレスを書いてください。",
		"line {line}: updates cannot come from \"{value}\". Write an address that begins with https://, without user name, ? and #."},

	"firmware.not_here": {
		"この箱は、本体の入れ替えができる形で動いていません。更新は、この箱の基本ソフト(OS)と同じ方法で入れてください。",
		"This box does not run as an image with two slots. Update it the way its operating system is updated."},
	"firmware.busy": {
		"いま本体の更新を進めています。終わってから、もう一度試してください。",
		"An update is under way. Try again when that has ended."},
	"firmware.changed": {
		"その版は、もう承認を待っていません。だれかが先に操作したか、別の版が届いています。ページを開き直してください。",
		"That version no longer waits: somebody acted first, or another one has come. Reload the page."},
	"firmware.cancelled_already": {
		"その版の承認は、もう取り消されています。",
		"The approval of that version was taken back already."},
	"firmware.seen_already": {
		"この知らせは、もう確認されています。",
		"Somebody has acknowledged this already."},
	"firmware.nobody_asked": {
		"更新の配布元が設定されていないため、調べられません。設定ファイル(site.toml)の [update] に配布元を書くか、更新ファイルを送ってください。",
		"There is nobody to ask: write the address that updates come from into [update] of site.toml, or send an update file."},
	"firmware.set_up_first": {
		"はじめの設定が終わるまで、新しい版は調べません。設定を終えてから、もう一度試してください。",
		"Nobody is asked for newer versions before the box is set up. Do that first and try again."},
	"firmware.no_clock": {
		"箱の時計がまだ合っていないため、調べられません。インターネットにつながっていれば数分で合います。そのあとで、もう一度試してください。",
		"Nobody can be asked before the clock is set, by which certificates are judged. With an internet line that takes some minutes. Try again then."},
	"firmware.not_approved": {
		"この版は、まだ院長が承認していません。",
		"The director has not approved this version yet."},
	"firmware.on_trial": {
		"いまの版を試している途中です。確定するか元に戻るまで(10分ほど)待ってください。",
		"The version of now is still on trial. Wait until it is kept or given up, about ten minutes."},
	"firmware.window_open": {
		"保守 {window} 番(「{device}」への {vendor} の入口)が開いている間は、再起動しません。終わってから、もう一度試してください。",
		"There is no restart while window {window} ({vendor} to {device}) is open. Try again when it has ended."},
	"firmware.window_soon": {
		"予定された保守がまもなく始まるため、いまは再起動しません。終わってから、もう一度試してください。",
		"There is no restart now: a planned window begins soon. Try again when it has ended."},
	"firmware.restarting_now": {
		"本体の更新のため、いま再起動しています。数分待ってから、もう一度試してください。",
		"The box restarts for an update. Wait some minutes and try again."},
	"firmware.not_restarted": {
		"新しい版の準備はできましたが、再起動が始まりませんでした。箱の電源を切らずに、保守業者に連絡してください。",
		"The new version is ready, but the restart did not begin. Leave the box on and call your vendor."},
	"firmware.wrong_one": {
		"届いた更新の版は {version} で、承認された {want} ではないため、使いませんでした。",
		"The update that came is version {version} and not the {want} that was approved, so it is not used."},
	"firmware.no_file": {
		"更新ファイル(monban_….update)を選んでください。",
		"Choose an update file (monban_….update)."},
	"firmware.too_big": {
		"そのファイルは {mb} MB を超えています。更新ファイルではないようです。",
		"That file is bigger than {mb} MB. It does not seem to be an update."},
	"firmware.no_room": {
		"更新ファイルを置く場所が箱のディスクに足りないか、書けません。保守業者に連絡してください。",
		"There is no room for the update on the box's disk, or it cannot be written to. Call your vendor."},
	"firmware.upload_cut": {
		"ファイルの受け取りが途中で切れました。もう一度送ってください。",
		"The file broke off on its way. Send it again."},
	"firmware.sure": {
		"数分間つながらなくなることを確かめて、しるしを付けてください。",
		"Tick that you know that nothing is connected for some minutes."},
	"firmware.approved_first": {
		"版 {version} がもう承認されています。別の版を入れるときは、先に承認を取り消してください。",
		"Version {version} is approved already. Take that back first to use another one."},
	"firmware.no_address": {
		"更新の配布元が設定ファイル(site.toml)からなくなっています。更新ファイルを送るか、配布元を設定してください。",
		"The place that updates come from is gone from site.toml. Send an update file, or set the address again."},
	"firmware.lost": {
		"送られた更新ファイルが箱のディスクから失われています。もう一度送ってください。",
		"The update that was sent is gone from the box's disk. Send it again."},

	// what the server of updates can do to us
	"firmware.fetch.name": {
		"更新の配布元「{host}」の名前を調べられませんでした。インターネットにつながっているか確かめてください。自動でもう一度試します。",
		"The name “{host}” where updates come from could not be looked up. Check the internet line. It is tried again by itself."},
	"firmware.fetch.connect": {
		"更新の配布元「{host}」につながりませんでした。自動でもう一度試します。",
		"No connection to “{host}”, where updates come from. It is tried again by itself."},
	"firmware.fetch.tls": {
		"更新の配布元「{host}」の証明書が正しくないため、受け取りませんでした。時計が合っているか確かめてください。続くときは保守業者に連絡してください。",
		"No update was taken: the certificate of “{host}” is not good. Check the clock; if this goes on, call your vendor."},
	"firmware.fetch.private": {
		"更新の配布元「{host}」が、インターネットにないアドレス {address} を指しているため、つなぎませんでした。",
		"No update was fetched: “{host}” leads to {address}, which is no address on the internet."},
	"firmware.fetch.http": {
		"更新の配布元が、暗号化されない「{host}」へ案内したため、受け取りませんでした。",
		"No update was taken: its server leads on to “{host}” without encryption."},
	"firmware.fetch.redirects": {
		"更新の配布元が {max} 回を超えて別の場所へ案内するため、受け取りませんでした。",
		"No update was taken: its server leads on more than {max} times."},
	"firmware.fetch.status": {
		"更新の配布元が、更新のかわりに番号 {status} を返しました。site.toml のアドレスが正しいか確かめてください。",
		"The server of updates answered with status {status}. Check the address in site.toml."},
	"firmware.fetch.big": {
		"更新の配布元から届くものが大きすぎるため、受け取りませんでした。",
		"No update was taken: what its server sends is too big."},
	"firmware.fetch.cut": {
		"更新の受け取りが途中で切れました。自動でもう一度試します。",
		"The update broke off while it was fetched. It is tried again by itself."},
	"firmware.fetch.slow": {
		"更新の配布元が遅すぎるため、受け取りをやめました。自動でもう一度試します。",
		"The update was given up: its server is too slow. It is tried again by itself."},
	"firmware.fetch.time": {
		"更新の受け取りが {minutes} 分で終わらなかったため、やめました。自動でもう一度試します。",
		"The update was given up: it had not come after {minutes} minutes. It is tried again by itself."},
	"firmware.fetch.unusable": {
		"更新の配布元から届いたものは、更新ではありませんでした。site.toml のアドレスが正しいか確かめてください。",
		"What the server of updates sent is no update. Check the address in site.toml."},

	// lines of the log
	"firmware.offered": {
		"本体の新しい版 {version} が見つかり、院長の承認を待っています",
		"version {version} of the box's software was found and waits for the director"},
	"firmware.uploaded": {
		"本体の更新ファイル(版 {version})を受け取り、署名を確かめました。院長の承認を待っています",
		"took an update of the box's software (version {version}), whose signature is good; it waits for the director"},
	"firmware.approved": {
		"本体を {from} から {to} に更新することを承認しました",
		"approved the update of the box's software from {from} to {to}"},
	"firmware.hurried": {
		"本体を {to} に更新するため、夜を待たずに再起動するよう指示しました",
		"had the box restarted into version {to} at once, without waiting for the night"},
	"firmware.cancelled": {
		"本体を {version} に更新する承認を取り消しました",
		"took back the approval of version {version}"},
	"firmware.dropped": {
		"本体の更新ファイル(版 {version})を捨てました",
		"threw the update to version {version} away"},
	"firmware.not_installed": {
		"本体を {version} に更新できませんでした。わけは本体の更新のページにあります",
		"the box could not be updated to version {version}; the page of updates says why"},
	"firmware.restarting": {
		"本体を {from} から {to} に更新するため、再起動します。新しい版が正常に動くかを試し、動かなければ自動で元に戻ります",
		"restarts to update the box from {from} to {to}; the new version is tried, and given up by itself unless it works"},
	"firmware.committed": {
		"本体が {from} から {to} に更新され、正常に動くことを確かめて確定しました",
		"the box was updated from {from} to {to}, which works and is kept"},
	"firmware.rolled_back": {
		"{from} は正常に動かなかったため、{to} に戻りました",
		"{from} did not work, so the box went back to {to}"},
	"firmware.went_back": {
		"本体は、人の指示で {from} から {to} に戻りました",
		"the box went back from {from} to {to}, as a person wanted"},
	"firmware.seen": {
		"{from} から {to} に戻ったという知らせを確認しました",
		"acknowledged that the box went back from {from} to {to}"},

	// whether a version does its work
	"health.rules": {
		"守りのルールが、決めたとおりに読み戻せません。",
		"The rules in the kernel are not as planned."},
	"health.site": {
		"この版は設定ファイル(site.toml)を読めません。",
		"This version cannot use site.toml."},
	"health.no_port": {
		"ポート「{port}」が見つかりません。",
		"The port “{port}” is not there."},
	"health.down": {
		"ポート「{port}」が動いていません。",
		"The port “{port}” is switched off."},
	"health.no_carrier": {
		"前の版ではつながっていたポート「{port}」が、つながっていません。",
		"The port “{port}”, which had a link under the version before, has none."},
	"health.no_address": {
		"前の版ではアドレスがあったポート「{port}」に、アドレスがありません。",
		"The port “{port}”, which had an address under the version before, has none."},
	"health.address": {
		"ポート「{port}」に、設定されたアドレス {address} がありません。",
		"The port “{port}” does not have its address {address}."},
	"health.names": {
		"名前の検査が、院内側のアドレス {address} で応えません。",
		"The name filter does not answer at {address}."},
	"health.page": {
		"管理画面が、院内側のアドレス {address} で応えません。",
		"The page does not answer at {address}."},
	"health.log": {
		"記録のつながりを確かめられません。",
		"The log does not verify."},

	// what stands on the first page
	"gateway.firmware_trial": {
		"新しい版 {version} を試しています。正常に動けば10分以内に確定し、動かなければ自動で元の版に戻ります。",
		"Version {version} is on trial. It is kept within ten minutes if it works, and given up by itself if not."},
	"gateway.firmware_fallen": {
		"{from} は正常に動かなかったため、{to} に戻りました。箱は {to} で動いています。保守業者に知らせてください。",
		"{from} did not work, so the box went back to {to} and runs on that. Tell your vendor."},
	"gateway.firmware_offer": {
		"本体の新しい版 {version} が、院長の承認を待っています。",
		"Version {version} of the box's software waits for the director's approval."},
	"gateway.firmware_again": {
		"版 {version} は起動しませんでした。もう一度試すには、院長が本体の更新のページでもう一度承認してください。",
		"Version {version} did not start. To have it tried again, the director has to approve it again on the page of updates."},
	"gateway.firmware_failed": {
		"承認された版 {version} に更新できていません。わけは本体の更新のページにあります。",
		"The approved version {version} could not be installed so far. The page of updates says why."},
	"gateway.firmware_armed": {
		"版 {version} で起動する準備を、まだ取り消せていません。自動で取り消しを続けています。その前に再起動すると、この版を試し、正常に動かなければ元に戻ります。",
		"It could not be undone so far that the next restart tries version {version}. That goes on by itself; if the box restarts before, the version is given up unless it works."},
	"gateway.firmware_mute": {
		"本体の更新のしくみが応えません。更新ができないだけで、守りは働いています。再起動しても直らなければ、保守業者に連絡してください。",
		"The service for updates does not answer. All else works. If a restart does not help, call your vendor."},

	// evidence for the checklist
	"checklist.method.E-08": {
		"動いている版とその状態を読み、配布元に新しい版がないか署名を確かめて調べます。",
		"Reads which version runs and how it stands, and asks where updates come from for a newer one, whose signature is checked."},
	"evidence.firmware_runs": {
		"この箱のソフトウェアは {version} です。",
		"The software of this box is {version}."},
	"evidence.firmware_trial": {
		"新しい版を試している途中で、まだ確定していません。",
		"It is on trial and not kept yet."},
	"evidence.firmware_newest": {
		"{at} に配布元を調べ、それより新しい版はありませんでした。",
		"Asked on {at}; there was no newer version."},
	"evidence.firmware_waits": {
		"新しい版 {version} が {since} に見つかりましたが、まだ入れていません。",
		"Version {version} was found on {since} and is not installed yet."},
	"evidence.firmware_approved": {
		"新しい版 {version} は承認され、夜に入ります。",
		"Version {version} is approved and comes in the night."},
	"evidence.firmware_fallen": {
		"{from} は正常に動かなかったため、{to} に戻っています。",
		"{from} did not work, so the box went back to {to}."},
	"evidence.firmware_unasked": {
		"更新の配布元が設定されていないか、7日以上調べられていないため、新しい版があるかは分かりません。",
		"No place that updates come from is set, or it could not be asked for 7 days, so it is not known whether there is a newer version."},
}
