package text

// gatewayText has the notes of the home page and what the log says of the box
// itself.
var gatewayText = map[string]sentence{
	"gateway.rules_wrong": {
		JA: "通信を守る規則が、決めたとおりに入っていることを確かめられません。自動で入れ直しています。5分たっても消えないときは、保守業者に連絡してください。",
		EN: "The packet rules could not be read back as planned. They are being put right. If this stays for 5 minutes, call your vendor."},
	"gateway.unrecorded": {
		JA: "まだ記録に書けていないできごとが {n} 件あります。書けるようになりしだい、自動で書きます。電源を切らないでください。",
		EN: "{n} events are not in the log yet. They are written as soon as the disk takes them. Do not switch the box off."},
	"gateway.site_broken": {
		JA: "設定ファイル site.toml に誤りがあり({line}行目、{key})、前の正しい設定もありません。外からも中からも通信を止めています。保守業者に連絡してください。",
		EN: "site.toml has a fault (line {line}, {key}), and there is no earlier good one. All traffic is stopped. Call your vendor."},
	"gateway.site_kept": {
		JA: "設定ファイル site.toml に誤りがあります({line}行目、{key})。前の正しい設定(第{generation}世代)のまま守っています。保守業者に連絡してください。",
		EN: "site.toml has a fault (line {line}, {key}). The last good settings (generation {generation}) stay in force. Call your vendor."},
	"gateway.set_up": {
		JA: "まだ設定がありません。外からも中からも通信を止めています。保守業者が site.toml を入れると、守りが始まります。",
		EN: "There are no settings yet. All traffic is stopped until your vendor puts site.toml in place."},
	"gateway.clock": {
		JA: "時計が合っているか確かめられません。記録の時刻がずれている恐れがあります。インターネットにつながると自動で合います。",
		EN: "The clock could not be checked. Times in the log may be off. It sets itself once the internet is reachable."},
	"gateway.proof_failed": {
		JA: "自己試験で、閉じているはずの入口が開いていました。チェックリストのページで内容を見て、すぐに保守業者に連絡してください。",
		EN: "The self-test found a way in that should be closed. See the checklist page and call your vendor now."},
	"gateway.no_upstream": {
		JA: "インターネットの名前を調べる先(上位のDNS)が応えません。ホームページが開かないことがあります。回線の機器の電源を確かめてください。",
		EN: "The resolvers on the internet do not answer; sites may not open. Check that the line's equipment has power."},
	"gateway.break_glass": {
		JA: "承認なしの緊急の入口が開いています({vendor} → {device}、開けた人 {who})。心当たりがなければ、いますぐ閉じてください。",
		EN: "An emergency way in is open without approval ({vendor} to {device}, opened by {who}). If you do not know why, close it now."},
	"gateway.plan_orphans": {
		JA: "定期の保守 {n} 件は、業者が設定ファイルにないため、申し込みができません。定期の保守のページで確かめてください。",
		EN: "{n} regular appointments make no requests: their vendor is not in the settings file. See the page of appointments."},
	"gateway.unnamed": {
		JA: "名前の付いていない機器が {n} 台あります。機器のページで、心当たりがあるか確かめて名前を付けてください。",
		EN: "{n} devices have no name. See on the devices page whether you know them, and name them."},
	"gateway.list_unread": {
		JA: "有害サイトの一覧「{list}」が読めません。前に読めた一覧で守っています。保守業者に連絡してください。",
		EN: "The block list {list} cannot be read. The lists read before stay in force. Call your vendor."},
	"gateway.list_bad_lines": {
		JA: "有害サイトの一覧「{list}」に読めない行が {bad} 行ありました(最初は{line}行目)。ほかの行は使っています。",
		EN: "The block list {list} has {bad} lines that cannot be read (the first is line {line}). All others are used."},
	"gateway.outbound_unseen": {
		JA: "「{vendor}」への常時許可がある機器「{device}」が、まだ見つかっていません。電源が入ると自動で有効になります。",
		EN: "The device {device}, which may always reach {vendor}, was not seen yet. The permission takes effect when it is switched on."},

	"box.started.guarding": {
		JA: "門番が動き始めました(版 {version}、設定 第{generation}世代)。",
		EN: "The box started (version {version}, settings generation {generation})."},
	"box.started.kept": {
		JA: "門番が動き始めました(版 {version})。site.toml が使えないため、前の正しい設定(第{generation}世代)で守っています。",
		EN: "The box started (version {version}) with the last good settings (generation {generation}), because site.toml is not usable."},
	"box.started.setup": {
		JA: "門番が動き始めました(版 {version})。設定がないため、通信を止めています。",
		EN: "The box started (version {version}) without settings; all traffic is stopped."},
	"config.applied": {
		JA: "設定ファイル site.toml を新しくしました(第{generation}世代)。",
		EN: "New settings from site.toml are in force (generation {generation})."},
	"config.refused": {
		JA: "新しい設定ファイル site.toml は誤りがあるため使いませんでした。前の設定のままです({why})。",
		EN: "The new site.toml was not used, because it has faults; the settings stay as they were ({why})."},
	"rules.foreign": {
		JA: "通信を守る規則が、門番以外のものによって変えられたため、元に戻しました。",
		EN: "The packet rules were changed by something else and put right."},
	"window.put_right": {
		JA: "保守 {window} 番: 「{device}」への入口が門番以外のものによって変えられたため、承認どおりに直しました。終わりの時刻は変わりません。",
		EN: "Window {window}: the way in to {device} was changed by something else and put right. Its end stays the same."},
	"window.address_moved": {
		JA: "保守 {window} 番: 「{device}」のアドレスをほかの機器が使い始めたため、そのアドレスへの入口だけを閉じました。終わりの時刻は変わりません。",
		EN: "Window {window}: another device has begun to use an address of {device}, so the way to that address was closed. Its end stays the same."},
	"window.vendor_changed": {
		JA: "申し込みのあとで、業者「{vendor}」の登録が変わりました。業者に確かめて、もう一度申し込みを受け付けてください。",
		EN: "The registration of {vendor} has changed since this was asked for. Ask the vendor and record the request again."},
	"gateway.sysctls": {
		JA: "この箱の基本の設定が、守りに必要な値になっていません({keys})。保守業者に連絡してください。",
		EN: "Kernel settings the rules rely on are not as they must be ({keys}). Call your vendor."},
	"store.finding": {
		JA: "記録の保管場所を開くときに、気になる点がありました({why})。",
		EN: "Something was not as expected when the database was opened ({why})."},
	"setup.code_made": {
		JA: "最初の利用者を登録するためのコードを作りました。",
		EN: "A set-up code for the first account was made."},
	"device.name_misleads": {
		JA: "「{name}」は、ほかの機器や番号・アドレスと紛らわしいため使えません。別の名前にしてください。",
		EN: "{name} would be taken for another device, a number or an address. Choose another name."},
	"device.named": {
		JA: "機器 {mac} の名前を「{name}」にしました。",
		EN: "The device {mac} was named {name}."},
	"selftest.ran.ok": {
		JA: "自己試験: 外からの入口はすべて閉じていました({sent} 個の試験用の通信をすべて断りました)。",
		EN: "Self-test: every way in was closed (all {sent} test packets were refused)."},
	"selftest.ran.failed": {
		JA: "自己試験: 閉じているはずの入口が開いていました({why})。",
		EN: "Self-test: a way in that should be closed was open ({why})."},
	"selftest.ran.unmeasured": {
		JA: "自己試験: 確かめることができませんでした({why})。",
		EN: "Self-test: nothing could be shown ({why})."},
	"selftest.not_here": {
		JA: "いまは自己試験ができません。時間をおいてもう一度押してください。続くときは、保守業者に連絡してください。",
		EN: "The self-test cannot run now. Try again later; if this stays, call your vendor."},

	"people.joined": {
		JA: "{name} さんを「{role}」として利用登録しました({source} から)。",
		EN: "{name} got an account as {role} (from {source})."},
	"people.invited": {
		JA: "新しい利用者を「{role}」として招くコードを作りました。",
		EN: "An invitation for a new account as {role} was made."},
	"people.signed_in": {
		JA: "サインインしました({source} から)。",
		EN: "Signed in (from {source})."},
	"people.stepped_up": {
		JA: "大事な操作の前の本人確認をしました({source} から)。",
		EN: "Confirmed the second factor before an important act (from {source})."},
	"people.sign_in_failed": {
		JA: "サインインに失敗した人がいます({source} から)。",
		EN: "Somebody failed to sign in (from {source})."},

	"control.not_you": {
		JA: "この操作は、この箱の管理者(root)だけができます。sudo を付けてもう一度実行してください。",
		EN: "Only root may do this on the box. Run it again with sudo."},
	"control.bad_request": {
		JA: "門番への頼み方が正しくありません。同じ版の monban コマンドを使ってください。",
		EN: "The request is not one the daemon knows. Use the monban command of the same version."},
	"control.no_daemon": {
		JA: "門番の本体につながりません({path})。動いているか確かめてください: systemctl status monban",
		EN: "The daemon does not answer at {path}. Check that it runs: systemctl status monban"},

	"evidence.listens_wan": {
		JA: "外側を向いて待ち受けているものがあります: {address}",
		EN: "Something listens towards the outside: {address}"},
	"evidence.listens_not_wan": {
		JA: "待ち受け {n} 個はすべて内側だけを向いています。",
		EN: "All {n} listening sockets face the inside only."},
	"evidence.listens_rest": {
		JA: "ほかの待ち受け {n} 個はすべて内側だけを向いています。",
		EN: "The other {n} listening sockets face the inside only."},
	"evidence.listens_dhcp": {
		JA: "この箱が自分のアドレスを回線からもらうための口です(DHCP)。その返事だけが通ります: {address}",
		EN: "This is where the box gets its own address from the line (DHCP); only those answers are let in: {address}"},
	"evidence.listens_tunnel": {
		JA: "いま開いている保守のトンネルの口です。登録した接続元だけが、その時間だけ通れます: {address}",
		EN: "This is the tunnel of a window that is open now; only its registered sources are let in, for its time: {address}"},
	"evidence.rules_held": {
		JA: "決めた規則どおりの内容を、実際の動作から読み戻して確かめました。",
		EN: "The rules were read back from the kernel and are exactly as planned."},
	"evidence.rules_differ": {
		JA: "動作中の規則が、決めたものと一致していません。",
		EN: "The rules in the kernel are not as planned."},
	"evidence.rules_stale": {
		JA: "動作中の規則を最後に読み戻せたのは {at} です。見張りが止まっています。箱を再起動しても直らなければ、業者に連絡してください。",
		EN: "The rules in the kernel were last read back at {at}; the guard stands still. If a restart does not help, call your vendor."},
	"evidence.vendor": {
		JA: "登録済みの保守業者 {vendor} の接続元: {sources}",
		EN: "Registered vendor {vendor} may come from {sources}"},
	"evidence.open_now": {
		JA: "いま開いている保守の入口: {n} 件",
		EN: "Ways in that are open now: {n}"},
	"evidence.open_window": {
		JA: "保守 {id} 番: {vendor} → {device}、承認 {approver}、{ends} まで",
		EN: "Window {id}: {vendor} to {device}, approved by {approver}, until {ends}"},
	"evidence.proof_ok": {
		JA: "自己試験: 外から送った {sent} 個をすべて断り、{counted} 個とも規則が数えました。",
		EN: "Self-test: all {sent} packets sent from outside were refused, and the rules counted {counted} of them."},
	"evidence.proof_failed": {
		JA: "自己試験: 外から送った {sent} 個のうち、断ったと数えられたのは {counted} 個です。",
		EN: "Self-test: of {sent} packets sent from outside, {counted} were counted as refused."},
	"evidence.control": {
		JA: "対照試験: 試験用に開けた入口は通り({passed})、閉じると切れました({cut})。",
		EN: "Control: a window opened for the test let traffic through ({passed}) and cut it when closed ({cut})."},
	"evidence.refused": {
		JA: "起動してから外からの通信を断った数: この箱あて {box}、中の機器あて {lan}。",
		EN: "Refused from outside since the start: {box} packets to this box, {lan} to devices behind it."},
	"evidence.sessions": {
		JA: "直近 {days} 日: 開いた入口 {windows} 件、接続の記録 {sessions} 件。",
		EN: "Last {days} days: {windows} windows opened, {sessions} sessions on record."},
	"evidence.sessions_unlike": {
		JA: "保守 {id} 番に、申し込みと合わない接続が {n} 件あります(接続元 {source} 件、接続先 {target} 件、時間の外 {time} 件)。業者に聞いてください。",
		EN: "Connections of window {id} that do not agree with the request: {n} (source {source}, target {target}, outside its time {time}). Ask the vendor."},
	"evidence.window_without_person": {
		JA: "保守 {id} 番に、承認した人の記録がありません。",
		EN: "Window {id} has no person on record who approved it."},
	"evidence.devices": {
		JA: "見つけた機器 {seen} 台のうち、名前の付いた機器 {named} 台。",
		EN: "Of {seen} devices seen, {named} have a name."},
	"evidence.clock_synced": {
		JA: "時計は標準時に合っています。",
		EN: "The clock is synchronised."},
	"evidence.clock_unsynced": {
		JA: "時計が標準時に合っているか確かめられません。",
		EN: "The clock is not known to be synchronised."},
	"evidence.log_verified": {
		JA: "記録 {count} 行をすべて確かめ、改ざんはありませんでした(末尾 {head})。",
		EN: "All {count} lines of the log verify (head {head})."},
}
