package text

// windowText has what is wrong with a request or a step, and what the log says
// of windows.
var windowText = map[string]sentence{
	"window.not_now": {
		JA: "いまの状態では、その操作はできません。ページを開き直して、いまの状態を確かめてください。",
		EN: "This cannot be done in the present state. Load the page again to see it."},
	"window.changed": {
		JA: "保守 {window} 番は、ほかの人が先に変えました。ページを開き直して確かめてください。",
		EN: "Somebody else changed window {window} first. Load the page again to see it."},
	"window.unknown": {
		JA: "保守 {id} 番はありません。番号を確かめてください。",
		EN: "There is no window {id}. Check the number."},
	"window.not_approved": {
		JA: "まだ承認されていません。院長の承認を待ってください。",
		EN: "This is not approved yet. Wait for the director."},
	"window.own_request": {
		JA: "受け付けた本人は承認できません。ほかの人が承認してください。",
		EN: "Who recorded the request cannot approve it. Somebody else must."},
	"window.call_back": {
		JA: "登録済みの電話番号にかけ直して、業者本人だと確かめてください。確かめたら印を付けてください。",
		EN: "Ring the vendor at the registered number to make sure who asks, then tick the box."},
	"window.only_shorter": {
		JA: "頼まれた時間({asked})より長くはできません。同じか短い時間を選んでください。",
		EN: "It cannot be longer than asked ({asked}). Choose the same or less."},
	"window.too_long": {
		JA: "時間が長すぎます。{max} までにしてください。",
		EN: "This is too long. Choose at most {max}."},
	"window.too_short": {
		JA: "時間が短すぎます。{min} 以上にしてください。",
		EN: "This is too short. Choose at least {min}."},
	"window.no_vendor": {
		JA: "どの保守業者か選んでください。",
		EN: "Choose the vendor."},
	"window.vendor_unknown": {
		JA: "「{vendor}」という保守業者は登録されていません。一覧から選んでください。",
		EN: "No vendor {vendor} is registered. Choose one of the list."},
	"window.no_sources": {
		JA: "業者「{vendor}」の接続元アドレスが登録されていません。設定を入れた業者に連絡してください。",
		EN: "The vendor {vendor} has no registered source addresses. Call who installed the box."},
	"window.bad_source": {
		JA: "登録された接続元 {source} は使えません。設定を入れた業者に連絡してください。",
		EN: "The registered source {source} cannot be used. Call who installed the box."},
	"window.no_device": {
		JA: "どの機器につなぐか選んでください。",
		EN: "Choose the device."},
	"window.no_way": {
		JA: "機器「{device}」のアドレスがまだ分かりません。電源が入っているか確かめてください。",
		EN: "No address of {device} is known yet. Check that it is switched on."},
	"window.no_ports": {
		JA: "使うポートを1個から{max}個まで入れてください。分からないときは業者に聞いてください。",
		EN: "Give 1 to {max} ports. Ask the vendor which."},
	"window.bad_port": {
		JA: "ポート「{port}」は使えません。3389/tcp のように、1から65535の数字と tcp か udp を書いてください。",
		EN: "The port {port} cannot be used. Write a number from 1 to 65535 and tcp or udp, as 3389/tcp."},
	"window.twice": {
		JA: "ポート「{port}」が重なっています。1つにしてください。",
		EN: "The port {port} stands there twice. Give it once."},
	"window.collides": {
		JA: "「{port}」は、保守 {window} 番と重なります。それを閉じるか、終わるのを待ってください。",
		EN: "{port} is in use by window {window}. Close that one or wait for its end."},
	"window.bad_kind": {
		JA: "その入口の種類はありません。一覧から選んでください。",
		EN: "There is no such kind of window. Choose one of the list."},
	"window.unused": {
		JA: "この入口の種類では使わない項目です。空にしてください。",
		EN: "This kind of window does not use this. Leave it empty."},
	"window.no_targets": {
		JA: "つなぐ先を1件から{max}件まで入れてください。分からないときは業者に聞いてください。",
		EN: "Give 1 to {max} addresses to connect to. Ask the vendor which."},
	"window.bad_target": {
		JA: "つなぐ先「{target}」は使えません。203.0.113.5:4500/udp のように、アドレス、ポート、tcp か udp を書いてください。",
		EN: "The target {target} cannot be used. Write an address, a port and tcp or udp, as 203.0.113.5:4500/udp."},
	"window.target_twice": {
		JA: "つなぐ先「{target}」が重なっています。1つにしてください。",
		EN: "The target {target} stands there twice. Give it once."},
	"window.target_outside": {
		JA: "つなぐ先「{target}」は、この業者の登録された範囲の外です。業者に確かめてください。",
		EN: "The target {target} is outside this vendor's registered ranges. Ask the vendor."},
	"window.no_tool": {
		JA: "どの遠隔操作ソフトを使うか選んでください。",
		EN: "Choose the remote-support tool."},
	"window.start_past": {
		JA: "その時間はもう過ぎています。これからの時間を入れてください。",
		EN: "That time is past. Enter one to come."},
	"window.start_far": {
		JA: "予定が先すぎます。{days} 日以内にしてください。",
		EN: "That is too far ahead. Choose a time within {days} days."},
	"window.too_early": {
		JA: "予定の時間になっていません。始まりの時間まで待ってください。",
		EN: "The planned time has not come. Wait for the start."},
	"window.too_late": {
		JA: "予定の時間はもう終わっています。新しく受け付けてください。",
		EN: "The planned time is over. Record a new request."},
	"window.unsynced": {
		JA: "この箱の時計が合っていないため、予定の入口は開けられません。時計が合えば自動で開きます。",
		EN: "The clock of this box is not set, so no planned window can open. It opens by itself once the clock is right."},
	"window.sealed_length": {
		JA: "封筒のコードで開けられるのは {max} までです。短くしてください。",
		EN: "A sealed code opens for at most {max}. Choose less."},
	"window.extend_limit": {
		JA: "開けてから {max} を超えては延長できません。あと {left} まで延ばせます。",
		EN: "A window cannot last longer than {max} from its opening. At most {left} can be added."},
	"window.not_over": {
		JA: "まだ終わっていません。入口が閉じてから書いてください。",
		EN: "It is not over yet. Write this after the window has closed."},
	"window.nothing_owed": {
		JA: "非常用の手順で開けた入口ではないので、これは要りません。",
		EN: "This window was not opened by break-glass, so nothing of this kind is needed."},
	"window.said_already": {
		JA: "{name} さんがもう書いています。書き直しはできません。",
		EN: "{name} has written this already. It cannot be changed."},
	"window.no_report": {
		JA: "何の作業をしたか書いてください。",
		EN: "Say what was done."},
	"window.no_review": {
		JA: "接続の記録を頼まれた内容と比べて、どうだったか書いてください。",
		EN: "Compare the connections with the request and say what you found."},
	"window.no_excuse": {
		JA: "なぜ承認を待てなかったか書いてください。",
		EN: "Say why the approval could not be waited for."},
	"window.plan_week": {
		JA: "第1から第4、最終、毎週のどれかを選んでください。",
		EN: "Choose the first to fourth of the month, the last, or every week."},
	"window.plan_day": {
		JA: "曜日を選んでください。",
		EN: "Choose the day of the week."},
	"window.plan_time": {
		JA: "時刻は 00:00 から 23:59 で入れてください。",
		EN: "Enter a time from 00:00 to 23:59."},
	"window.appointment_taken": {
		JA: "定期の予定 {plan} のこの日の保守は、もう作られています。一覧を見てください。",
		EN: "The request for this date of plan {plan} is there already. See the list."},
	"window.request_replayed": {
		JA: "この申込書は一度使われています。業者に新しい申込書を頼んでください。",
		EN: "This request was used before. Ask the vendor for a new one."},
	"window.key_taken": {
		JA: "この鍵はもう登録されています。一覧を見てください。",
		EN: "This key is enrolled already. See the list."},
	"window.no_reason": {
		JA: "何のための保守か、短く書いてください。",
		EN: "Say in a few words what the maintenance is for."},
	"window.no_answer": {
		JA: "断る理由を短く書いてください。",
		EN: "Say in a few words why you refuse."},
	"window.no_requester": {
		JA: "業者の担当者の名前を入れてください。",
		EN: "Enter the name of the vendor's engineer."},
	"window.bad_mark": {
		JA: "通し番号 {mark} は使えません。もう一度試してください。",
		EN: "The serial number {mark} cannot be used. Try again."},
	"window.bad_end": {
		JA: "この終わらせ方({how})はできません。「今すぐ閉じる」を使ってください。",
		EN: "It cannot be ended this way ({how}). Use \"close now\"."},
	"window.kernel": {
		JA: "入口を開けられませんでした。何も開いていません。もう一度試し、だめなら設定を入れた業者に連絡してください。",
		EN: "The window could not be opened; nothing is open. Try again, then call who installed the box."},

	"window.requested": {
		JA: "保守 {window} 番: {vendor} から「{device}」({ports}、{length})への保守の頼みを受け付けました。理由: {reason}",
		EN: "Window {window}: a request of {vendor} for {device} ({ports}, {length}) was recorded. Reason: {reason}"},
	"window.approved": {
		JA: "保守 {window} 番: {vendor} から「{device}」({ports}、{length})への保守を承認しました。",
		EN: "Window {window}: maintenance by {vendor} on {device} ({ports}, {length}) was approved."},
	"window.refused": {
		JA: "保守 {window} 番: {vendor} から「{device}」への保守を断りました。理由: {why}",
		EN: "Window {window}: maintenance by {vendor} on {device} was refused. Reason: {why}"},
	"window.break_glass": {
		JA: "保守 {window} 番: 非常用の手順で、承認なしに {vendor} から「{device}」({ports}、{length})への入口を開けます。理由: {reason}",
		EN: "Window {window}: break-glass, without approval, for {vendor} to {device} ({ports}, {length}). Reason: {reason}"},
	"window.opening": {
		JA: "保守 {window} 番: {vendor} から「{device}」への入口を開け始めました(通し番号 {mark})。",
		EN: "Window {window}: opening for {vendor} to {device} (serial {mark})."},
	"window.opened": {
		JA: "保守 {window} 番: {vendor} から「{device}」({ports})への入口が開きました。長さ {length}。",
		EN: "Window {window}: open for {vendor} to {device} ({ports}), for {length}."},
	"window.adopted": {
		JA: "保守 {window} 番: 門番が再び動き始め、開いていた入口({vendor} から「{device}」)を引き継ぎました。",
		EN: "Window {window}: the daemon started again and took over the open window ({vendor} to {device})."},
	"window.not_opened": {
		JA: "保守 {window} 番: {vendor} から「{device}」への入口は開きませんでした。",
		EN: "Window {window}: it did not open ({vendor} to {device})."},
	"window.ended.ran_out": {
		JA: "保守 {window} 番: 時間になり、「{device}」への入口が閉じました。通った量 {bytes} バイト。",
		EN: "Window {window}: the time was over and the way to {device} closed. {bytes} bytes had passed."},
	"window.ended.closed": {
		JA: "保守 {window} 番: 「{device}」への入口を手で閉じました。切った接続 {cut} 件、通った量 {bytes} バイト。",
		EN: "Window {window}: the way to {device} was closed by hand. {cut} connections were cut; {bytes} bytes had passed."},
	"window.ended.revoked": {
		JA: "保守 {window} 番: 設定が変わったため、「{device}」への入口を閉じました。切った接続 {cut} 件、通った量 {bytes} バイト。",
		EN: "Window {window}: the settings changed, so the way to {device} was closed. {cut} connections were cut; {bytes} bytes had passed."},
	"window.ended.restart": {
		JA: "保守 {window} 番: 箱が再起動したため、「{device}」への入口は閉じています。自動では開き直しません。",
		EN: "Window {window}: the box restarted, so the way to {device} is closed. It does not open again by itself."},
	"window.ended.foreign": {
		JA: "保守 {window} 番: 「{device}」への入口が、門番以外のものによって時間の前に閉じられていました。通った量 {bytes} バイト。",
		EN: "Window {window}: something other than this program closed the way to {device} before its time. {bytes} bytes had passed."},
	"window.unknown_closed": {
		JA: "記録にない入口(通し番号 {mark})が開いていたため、閉じました。切った接続 {cut} 件。",
		EN: "A way in that is on no record (serial {mark}) was open and was closed. {cut} connections were cut."},
}
