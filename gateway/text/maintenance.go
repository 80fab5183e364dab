package text

// maintenanceText is what happens to windows, plans, keys and codes on paper,
// as the log and the notices say it.
var maintenanceText = map[string]sentence{
	"window.scheduled": {
		JA: "保守 {window} 番({vendor} → {device})は、{not_before} に開く予定です。それまで開きません。",
		EN: "Window {window} ({vendor} to {device}) is planned to open at {not_before}. Nothing opens before."},
	"window.waits": {
		JA: "保守 {window} 番({vendor} → {device})は、予定の {not_before} に開けませんでした。予定の終わりまでは、開けるようになれば自動で開きます。理由: {why}",
		EN: "Window {window} ({vendor} to {device}) could not open at its planned time, {not_before}. Until its planned end it opens by itself once it can. Reason: {why}"},
	"window.lapsed": {
		JA: "保守 {window} 番({vendor} → {device})は、開かずに終わりました。理由: {why}",
		EN: "Window {window} ({vendor} to {device}) ended without opening. Reason: {why}"},
	"window.why.unanswered": {
		JA: "期限までに承認も断りもありませんでした。",
		EN: "Nobody approved or refused it in time."},
	"window.why.off": {
		JA: "予定の時間に、この箱が止まっていたか、時計が合っていませんでした。",
		EN: "At the planned time the box was off, or its clock was not right."},
	"window.why.broken": {
		JA: "この箱の中で問題が起きました。箱を再起動しても直らなければ、業者に連絡してください。",
		EN: "Something went wrong inside this box. If a restart does not help, call your vendor."},
	"window.why.revoked": {
		JA: "業者の登録が変わりました。",
		EN: "The vendor's registration changed."},
	"window.extended": {
		JA: "保守 {window} 番({vendor} → {device})を {more} 延長しました。",
		EN: "Window {window} ({vendor} to {device}) was extended by {more}."},
	"window.not_extended": {
		JA: "保守 {window} 番({vendor} → {device})を延長できませんでした。元の終わりの時刻に閉じます。",
		EN: "Window {window} ({vendor} to {device}) could not be extended. It closes at its old end."},
	"window.requested_by_plan": {
		JA: "定期の予定から、保守の申し込み {window}({vendor} → {device}、{not_before})を作りました。承認するまで開きません。",
		EN: "A regular plan made request {window} ({vendor} to {device}, {not_before}). It does not open until somebody approves."},
	"window.requested_signed": {
		JA: "{signer} さんの署名付きの申し込み {window}({vendor} → {device}、{ports})を受け付けました。",
		EN: "Request {window} ({vendor} to {device}, {ports}), signed by {signer}, was recorded."},
	"window.break_sealed": {
		JA: "封筒の緊急コードで、承認なしに保守 {window} 番({vendor} → {device})を開けます。理由: {reason}",
		EN: "Window {window} ({vendor} to {device}) is opened without approval by a sealed code. Reason: {reason}"},
	"window.reported": {
		JA: "保守 {window}({vendor} → {device})の作業報告: {text}",
		EN: "Work report for window {window} ({vendor} to {device}): {text}"},
	"window.reviewed": {
		JA: "保守 {window}({vendor} → {device})の通信を申し込みと照らし合わせました: {text}",
		EN: "Sessions of window {window} ({vendor} to {device}) were held against the request: {text}"},
	"window.excused": {
		JA: "承認なしに開けた保守 {window}({vendor} → {device})の理由: {text}",
		EN: "Why window {window} ({vendor} to {device}) was opened without approval: {text}"},
	"window.source_outside": {
		JA: "接続元 {source} は、{vendor} の登録済みの範囲にありません。業者に接続元を確かめてください。",
		EN: "The source {source} is not within the registered ranges of {vendor}. Ask the vendor where he connects from."},
	"window.report_owed": {
		JA: "{vendor} の前回の保守(番号 {window})の作業報告がまだです。先に報告を記入してください。",
		EN: "The work report of {vendor}'s window {window} is missing. Enter it first."},
	"window.tool_unknown": {
		JA: "遠隔操作ソフト「{tool}」は一覧にありません。一覧から選んでください。",
		EN: "The remote-support tool {tool} is not on the list. Choose one of the list."},
	"window.tunnel_port": {
		JA: "WAN側のUDPポート {port} は WireGuard のトンネルが使っています。ほかのポートを選んでください。",
		EN: "UDP port {port} on the WAN belongs to the WireGuard tunnel. Choose another."},
	"window.no_tunnel": {
		JA: "{vendor} には WireGuard のトンネルが登録されていません。ほかの開け方を選ぶか、保守業者に登録を頼んでください。",
		EN: "No WireGuard tunnel is registered for {vendor}. Choose another way, or have one registered."},
	"window.no_wireguard": {
		JA: "この箱では WireGuard を使えません。ほかの開け方を選んでください。",
		EN: "This box's kernel has no WireGuard. Choose another way."},

	"plan.made": {
		JA: "定期の保守の予定 {plan}({vendor} → {device}、{time})を作りました。毎回、承認が要ります。",
		EN: "Regular plan {plan} ({vendor} to {device}, {time}) was made. Each date needs approval."},
	"plan.dropped": {
		JA: "定期の保守の予定 {plan}({vendor} → {device}、{time})をやめました。",
		EN: "Regular plan {plan} ({vendor} to {device}, {time}) was dropped."},

	"people.sealed_made": {
		JA: "封筒に入れる緊急コードを {n} 個作りました。前のコードは使えません。",
		EN: "{n} sealed emergency codes were made. Older ones no longer work."},
	"people.wrong_sealed": {
		JA: "緊急コードが違うか、もう使われています(残り {left} 個)。紙のとおりに入れてください。",
		EN: "This emergency code is wrong or used up ({left} left). Enter it as it stands on the paper."},
	"people.sealed_wrong": {
		JA: "違う緊急コードが入れられました(接続元 {source})。",
		EN: "A wrong emergency code was tried from {source}."},
	"people.no_deputy": {
		JA: "承認を任せられるのは、受付の人だけです。",
		EN: "Only a member of the staff can be named to approve."},
	"people.deputy_named": {
		JA: "{name} さんに、保守の承認を任せました。",
		EN: "{name} may now approve maintenance."},
	"people.deputy_ended": {
		JA: "{name} さんへの承認の委任を終えました。",
		EN: "{name} may no longer approve maintenance."},

	"vendor.key_enrolled": {
		JA: "{vendor} の {name} さんの署名の鍵({key})を登録しました。",
		EN: "The signing key {key} of {name} ({vendor}) was enrolled."},
	"vendor.key_revoked": {
		JA: "{vendor} の {name} さんの署名の鍵({key})を無効にしました。",
		EN: "The signing key {key} of {name} ({vendor}) was revoked."},
	"request.unknown_key": {
		JA: "この申し込みの署名は、{vendor} の登録済みの鍵のものではありません。登録済みの電話番号にかけて確かめてください。",
		EN: "This request is not signed with an enrolled key of {vendor}. Call back on the registered number."},
	"request.other_site": {
		JA: "この申し込みは別の医院({site})あてです。ここは {here} です。業者に作り直してもらってください。",
		EN: "This request is for another clinic ({site}); this one is {here}. Have the vendor make it anew."},

	"tool.refused": {
		JA: "{device} が {tool} に接続しようとしました。保守の時間ではないため、止めました({name})。",
		EN: "{device} tried to reach {tool} outside a maintenance window and was stopped ({name})."},
	"tool.observed": {
		JA: "{device} が {tool} の名前を調べました。いまは見守るだけで、止めていません({name})。",
		EN: "{device} looked up a name of {tool}. It was watched, not stopped ({name})."},
	"tool.looked_up": {
		JA: "{device} が {tool} も使う名前を調べました({name})。ほかのソフトも使う名前です。",
		EN: "{device} looked up a name that {tool} uses, too ({name}). Others use it as well."},
	"gateway.tool_tried": {
		JA: "今日、遠隔操作ソフトへの接続を {n} 件止めました。心当たりがあるか、記録で確かめてください。",
		EN: "Today {n} attempts to reach remote-support tools were stopped. See in the log whether you know them."},
}
