package text

// slotText are the sentences of the service that changes the box's two slots,
// and of its commands.
var slotText = map[string]sentence{
	// what is wrong with an update
	"slot.signature": {
		"更新ファイルの署名が正しくありません。途中で書き換えられたか、壊れています。配布元からもう一度受け取ってください。",
		"The update's signature is wrong: it was changed or damaged on its way. Get it again from where it comes from."},
	"slot.stranger": {
		"更新ファイルに、この箱が信頼する作者の署名がありません。使わずに、保守業者に知らせてください。",
		"The update is not signed by anybody this box trusts. Do not use it, and tell your vendor."},
	"slot.manifest": {
		"更新ファイルの説明の部分を、この版では読めません。この箱に合う更新か、配布元に確かめてください。",
		"This version cannot read the update's description. Ask its makers whether it is meant for this box."},
	"slot.product": {
		"これは {product} の更新です。この箱は {running} なので、入れられません。",
		"This is an update of {product}. This box is {running} and cannot take it."},
	"slot.board": {
		"これは {board} 用の更新です。この箱は {running} なので、入れられません。{running} 用のファイルを選んでください。",
		"This update is for {board}. This box is {running} and cannot take it. Choose the file for {running}."},
	"slot.arch": {
		"これは {arch} のコンピューター用の更新です。この箱は {running} なので、入れられません。{running} 用のファイルを選んでください。",
		"This update is for {arch} computers. This box is {running} and cannot take it. Choose the file for {running}."},
	"slot.same": {
		"版 {version} は、もうこの箱で動いています。",
		"Version {version} runs on this box already."},
	"slot.older": {
		"更新の版 {version} は、いま動いている {running} より古いため、入れられません。前の版に戻すには「monban slot back」を使います。",
		"The update is version {version}, older than {running}, which runs now. To go back to the version before, use \"monban slot back\"."},
	"slot.minimum": {
		"版 {version} を入れるには、先に {minimum} 以上にする必要があります。いまは {running} です。",
		"Version {version} needs {minimum} or newer to be there first. {running} runs now."},
	"slot.form": {
		"これは更新ファイルではありません。monban_….update という名前のファイルを選んでください。",
		"This is not an update file. Choose one called monban_….update."},
	"slot.cut": {
		"更新ファイルが途中で切れています。もう一度受け取ってください。",
		"The update file breaks off. Get it again."},
	"slot.size": {
		"更新ファイルの「{piece}」の大きさが {size} バイトで、署名された {want} バイトと違います。もう一度受け取ってください。",
		"\"{piece}\" of the update is {size} bytes, not {want} as was signed. Get it again."},
	"slot.sum": {
		"更新ファイルの「{piece}」の中身が、署名されたものと違います。もう一度受け取ってください。",
		"\"{piece}\" of the update is not what was signed. Get it again."},
	"slot.other": {
		"届いた更新(版 {version})は、承認されたものと同じではないため、入れませんでした。「本体の更新」のページで承認を取り消し、「今すぐ確認」を押して、出てきた版を承認し直してください。",
		"The update that came (version {version}) is not the one that was approved, so it was not installed. Take the approval back on the page \"Updates of this box\", press \"Check now\", and approve what is offered then."},
	"slot.mismatch": {
		"更新ファイルの起動部分と本体が組になっていません。使わずに、配布元に知らせてください。",
		"The update's boot piece and root do not belong together. Do not use it, and tell its makers."},

	// what is wrong with the box or the moment
	"slot.on_trial": {
		"版 {version} を試している途中です。確定するか元に戻るまで(10分ほど)、ほかの版は入れられません。",
		"Version {version} is on trial. No other can be installed until it is kept or given up, about ten minutes."},
	"slot.leaving": {
		"版 {version} をやめて前の版に戻す途中です。再起動してから、もう一度試してください。",
		"Version {version} was given up for the one before. Restart, then try again."},
	"slot.lost": {
		"起動用の領域に、いま動いている {version} のファイルがありません。再起動すると動かないおそれがあります。電源を切らずに、保守業者に連絡してください。",
		"The boot partition has no file of {version}, which runs now. The box may not start again. Leave it on and call your vendor."},
	"slot.nothing_waiting": {
		"起動を待っている新しい版はありません。先に更新を入れてください。",
		"No new version waits to be started. Install one first."},
	"slot.no_other": {
		"戻ることのできる前の版がありません。",
		"There is no other version to go back to."},
	"slot.no_idle": {
		"使っていないほうの領域「{partition}」が見つからないか、開けません。保守業者に連絡してください。",
		"The idle slot \"{partition}\" was not found or cannot be opened. Call your vendor."},
	"slot.in_use": {
		"使っていないはずの領域「{partition}」が使われています。何も書いていません。再起動してから、もう一度試してください。",
		"The slot \"{partition}\" should be idle and is in use. Nothing was written. Restart, then try again."},
	"slot.too_big": {
		"更新の「{piece}」は {need} MB で、この箱の領域({room} MB)に入りません。この箱に合う更新か、配布元に確かめてください。",
		"\"{piece}\" of the update is {need} MB and does not fit into the {room} MB there are for it. Ask its makers whether it is meant for this box."},
	"slot.full": {
		"起動用の領域の空きが {free} MB しかなく、{need} MB が入りません。「MONBAN」という名前の領域にある余分なファイルを消してください。",
		"The boot partition has only {free} MB left, and {need} MB are needed. Delete what does not belong to the partition called MONBAN."},
	"slot.esp": {
		"起動用の領域(MONBAN)を読み書きできません。ディスクが壊れかけているおそれがあります。保守業者に連絡してください。",
		"The boot partition (MONBAN) cannot be read or written. The disk may be failing. Call your vendor."},
	"slot.write": {
		"更新の「{piece}」をディスクに書けませんでした。いま動いている版はそのままです。ディスクが壊れかけているおそれがあります。",
		"\"{piece}\" of the update could not be written to the disk. The running version is as it was. The disk may be failing."},
	"slot.readback": {
		"書いた「{piece}」を読み直すと、違うものになっていました。いま動いている版はそのままです。ディスクが壊れかけています。",
		"\"{piece}\" reads back different from what was written. The running version is as it was. The disk is failing."},
	"slot.unfit": {
		"前の版 {version} の本体が失われているため、戻れません。",
		"The box cannot go back: the root of version {version} is gone."},
	"slot.tryboot": {
		"この箱の起動プログラムに、新しい版を試すように伝えられませんでした。いまの版のままです。",
		"The box's firmware could not be told to try the new version. It stays with this one."},
	"slot.no_reboot": {
		"再起動を始められませんでした。電源を切らずに、保守業者に連絡してください。",
		"The restart could not be begun. Leave the box on and call your vendor."},
	"slot.not_started": {
		"版 {version} で起動するはずでしたが、前の版が動いています。再起動の途中で電源が切れたか、新しい版が動き出せませんでした。もう一度試すには、承認し直してください。繰り返すときは、保守業者に知らせてください。",
		"Version {version} was to be started, and the one before runs. The power failed on the way, or the new version did not come up. Approve it again to try once more; if that happens again, tell your vendor."},
	"slot.failed": {
		"更新のしくみの中で誤りが起きました({detail})。いま動いている版はそのままです。",
		"Something went wrong in the update service ({detail}). The running version is as it was."},

	// asking the service
	"slot.busy": {
		"更新の書き込みが進んでいます。終わってから、もう一度試してください。",
		"An update is being written. Try again when that has ended."},
	"slot.unreachable": {
		"更新のしくみ(monban-slot)につながりません。門番の本体(専用の箱)だけにあるしくみです。本体なら、再起動してからもう一度お試しください。",
		"The update service (monban-slot) cannot be reached. Only a box with the firmware has it; there, restart the box and try again."},
	"slot.out_of_time": {
		"更新のしくみ(monban-slot)が時間内に答えませんでした。",
		"The update service (monban-slot) did not answer in time."},
	"slot.request": {
		"更新のしくみには、その頼みは分かりません。",
		"The update service does not understand that request."},

	// the commands
	"command.slot.runs":    {"版 {version}({board} {arch})が {slot} 面で動いています。", "Version {version} ({board} {arch}) runs from slot {slot}."},
	"command.slot.kept":    {"この版は確定しています。", "It is kept."},
	"command.slot.trial":   {"この版は試しているところです。確定しなければ、次の起動で {other} に戻ります。", "It is on trial. Unless it is kept, the next start is {other}."},
	"command.slot.waiting": {"版 {version} が書かれています。起動は指示されていません。", "Version {version} is written and not armed."},
	"command.slot.armed":   {"版 {version} が書かれていて、次の再起動で試されます。", "Version {version} is written. The next restart tries it."},
	"command.slot.other":   {"もう一方の面には {version} があり、戻ることができます。", "The other slot has {version}; the box can go back to it."},
	"command.slot.none":    {"もう一方の面に、起動できる版はありません。", "The other slot has nothing that could be started."},
	"command.slot.failed":  {"版 {version} を試しましたが、正常に動くことを確かめられず、元に戻りました。", "Version {version} was tried, was not seen to work, and was given up."},
	"command.slot.left":    {"版 {version} は、人の指示で使うのをやめました。", "Version {version} was given up by a person."},
	"command.slot.fits":    {"版 {version} は、この箱に入れることができます。", "Version {version} can be installed on this box."},
	"command.slot.written": {"版 {version} を書きました。「monban slot reboot」で再起動して試します。", "Version {version} is written. \"monban slot reboot\" restarts and tries it."},
	"command.slot.back":    {"次の起動は {version} です。「monban slot reboot」で再起動します。", "The next start is {version}. \"monban slot reboot\" restarts."},
	"command.slot.stays":   {"新しい版は試さず、次の起動も {version} です。", "The new version is not tried; the next start is {version} as before."},
	"command.slot.restart": {"再起動します。", "Restarting."},
	"command.slot.no_file": {"更新ファイル {file} を読めません。", "The update file {file} cannot be read."},
	"slot.trial.kept":      {"版 {version} が正常に動くことを60秒間確かめ、確定しました。", "Version {version} was seen to work for 60 seconds and is kept."},
	"slot.trial.given_up":  {"版 {version} が10分以内に正常になりませんでした。再起動して元の版に戻ります。", "Version {version} did not get healthy within ten minutes. Restarting into the one before."},
	"slot.trial.unjudged":  {"新しい版を確かめるプログラムが、最後まで働きませんでした。", "What tries the new version did not get to its end."},
	"slot.trial.mute":      {"この箱の守りのプログラムが応えません。", "The box's gatekeeper does not answer."},
}
