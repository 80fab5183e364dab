package text

// groupsText are the sentences about groups of devices: what is wrong with
// them in site.toml, what their page says, and the pauses.
var groupsText = map[string]sentence{
	"config.group_count": {
		"{line}行目: [[dns.group]] が多すぎます。{max} 個までにしてください。",
		"line {line}: there are too many [[dns.group]]. Keep to {max}."},
	"config.group_default": {
		"{line}行目: グループ default は、ほかのグループに入っていない機器すべてのものです。devices を消してください。",
		"line {line}: the group default is for all devices of no other group. Take its devices away."},
	"config.group_empty": {
		"{line}行目: このグループには機器がありません。devices に短い名前を書くか、グループごと消してください。",
		"line {line}: this group has no devices. Write their short names into devices, or take the group away."},
	"config.group_twice": {
		"{line}行目: 機器「{value}」は {first} にもあります。機器が入れるグループは 1 つだけです。",
		"line {line}: the device \"{value}\" stands in {first} too. A device is in one group."},
	"config.group_exempt": {
		"{line}行目: 機器「{value}」は dns.exempt にあり、名前の検査を受けません。どちらかから消してください。",
		"line {line}: the device \"{value}\" stands in dns.exempt, so no group holds for it. Take it out of one."},
	"config.unknown_list": {
		"{line}行目: 「{value}」という一覧は [[dns.list]] にありません。",
		"line {line}: there is no [[dns.list]] named \"{value}\"."},
	"config.safe_search": {
		"{line}行目: 「{value}」は使えません。off、moderate、strict のどれかにしてください。",
		"line {line}: \"{value}\" is neither off nor moderate nor strict."},
	"config.schedule_count": {
		"{line}行目: 1 つのグループの時間割は {max} 個までにしてください。",
		"line {line}: keep to {max} schedules for one group."},
	"config.schedule_idle": {
		"{line}行目: 一覧「{value}」は、このグループではいつも使います。時間割だけで使うときは、グループの lists に、いつも使う一覧だけを書いてください。",
		"line {line}: the list \"{value}\" holds for this group at all times. To use it at these hours only, leave it out of the group's lists."},
	"config.schedule_empty": {
		"{line}行目: from と to が同じです。1 日じゅうなら from = \"00:00\"、to = \"24:00\" と書いてください。",
		"line {line}: from and to are the same. For the whole day write from = \"00:00\" and to = \"24:00\"."},
	"config.schedule_day": {
		"{line}行目: 「{value}」は曜日ではありません。mon、tue、wed、thu、fri、sat、sun で書いてください。",
		"line {line}: \"{value}\" is no day. Write mon, tue, wed, thu, fri, sat or sun."},
	"config.clock": {
		"{line}行目: 「{value}」は時刻として読めません。09:00 のように書いてください。",
		"line {line}: \"{value}\" is no time of day. Write it like 09:00."},

	"dns.reason.paused": {
		"一覧やセーフサーチの対象ですが、名前の検査を休止しているため、そのままつながります。",
		"A list or safe search would say otherwise, but the filter is paused, so it is answered as it is."},
	"dns.group_unknown": {
		"「{group}」というグループはありません。ページを開き直してください。",
		"There is no group “{group}”. Reload the page."},
	"dns.device_unseen": {
		"「{device}」はまだ院内で見つかっていないため、どう答えるか分かりません。電源を入れて少し待ってから、もう一度試してください。",
		"{device} has not been seen on the network yet, so what it is answered is not known. Switch it on, wait a little and try again."},
	"dns.pause_many": {
		"休止は {max} 件までです。要らないものを終えてから、もう一度試してください。",
		"There may be {max} pauses. End some that are no longer needed and try again."},

	// lines of the log
	"dns.paused.group":           {"グループ「{group}」の名前の検査を {length} 休止しました", "paused the name filter for the group {group}, for {length}"},
	"dns.paused.device":          {"{device} の名前の検査を {length} 休止しました", "paused the name filter for {device}, for {length}"},
	"dns.resumed.by_hand.group":  {"休止していたグループ「{group}」の名前の検査を始めました", "resumed the name filter for the group {group}"},
	"dns.resumed.by_hand.device": {"休止していた {device} の名前の検査を始めました", "resumed the name filter for {device}"},
	"dns.resumed.ran_out.group":  {"休止の時間が過ぎたので、グループ「{group}」の名前の検査を始めました", "the pause of the group {group} was over; the name filter resumed"},
	"dns.resumed.ran_out.device": {"休止の時間が過ぎたので、{device} の名前の検査を始めました", "the pause of {device} was over; the name filter resumed"},
	"dns.resumed.restart":        {"門番の再起動で休止が終わり、名前の検査を始めました", "the box was restarted, which ended the pause; the name filter resumed"},
	"dns.resumed.restart.group":  {"門番の再起動で、グループ「{group}」の休止が終わりました", "the box was restarted, which ended the pause of the group {group}"},
	"dns.resumed.restart.device": {"門番の再起動で、{device} の休止が終わりました", "the box was restarted, which ended the pause of {device}"},

	// the page
	"page.groups.title":         {"機器のグループ", "Groups of devices"},
	"page.groups.lead":          {"どの機器に、どの一覧とセーフサーチをいま使っているかを示します。グループは保守業者が設定します。", "Which lists and which safe search hold for which device now. Groups are set up by the vendor."},
	"page.groups.default":       {"そのほかの機器", "All other devices"},
	"page.groups.default_lead":  {"ほかのグループに入っていない機器です。門番がまだ知らない機器も、ここに入ります。", "Devices of no other group, also those that Monban does not know yet."},
	"page.groups.lists":         {"いつも使う一覧", "Lists at all times"},
	"page.groups.no_list":       {"なし(組み込みの一覧と、この医院で止める名前だけ)", "none (only those built in, and what the clinic refuses)"},
	"page.groups.safe":          {"セーフサーチ", "Safe search"},
	"page.groups.safe.off":      {"使わない", "off"},
	"page.groups.safe.strict":   {"使う(YouTube は厳しい設定)", "on, YouTube strict"},
	"page.groups.safe.moderate": {"使う(YouTube はゆるい設定)", "on, YouTube moderate"},
	"page.groups.hours_title":   {"時間割", "Schedules"},
	"page.groups.hours":         {"{days} {from}〜{to}", "{days} {from}–{to}"},
	"page.groups.hours_night":   {"{days} {from}〜翌日 {to}", "{days} {from}–{to} the next day"},
	"page.groups.every_day":     {"毎日", "every day"},
	"page.groups.now":           {"いま使用中", "in force now"},
	"page.groups.later":         {"いまは時間外", "not now"},
	"page.groups.adds":          {"この時間に加える一覧:", "Lists added at these hours:"},
	"page.groups.next":          {"次に変わるのは {at} です。", "The next change is at {at}."},
	"page.groups.unsynced":      {"門番の時計がまだ合っていません。時間割は、合うまで正しく切り替わらないことがあります。", "Monban’s clock is not right yet. Until it is, schedules may switch at the wrong time."},
	"page.groups.devices":       {"機器", "Devices"},
	"page.groups.no_device":     {"ありません。", "There is none."},
	"page.groups.unseen":        {"まだ院内で見つかっていません。見つかるまで、この機器と分かりません。", "Not seen on the network yet. Until then Monban cannot tell that it is this device."},
	"page.groups.exempt":        {"名前の検査を受けない機器", "Devices left alone"},
	"page.groups.exempt_lead":   {"保守業者が検査から外した機器です。どのグループにも入りません。", "The vendor has taken these out of the filter. No group holds for them."},
	"page.groups.paused":        {"休止中", "paused"},
	"page.groups.pause_all":     {"すべての機器で名前の検査を休止する", "Pause for all devices"},
	"page.groups.pause_group":   {"このグループだけ名前の検査を休止する", "Pause for this group"},
	"page.groups.pause_one":     {"この機器だけ名前の検査を休止する", "Pause for this device"},
	"page.comma":                {"、", ", "},
	"page.pause.text_some":      {"次の機器で名前の検査を休止しています:{whose}。危ないサイトもつながります。", "The name filter is paused for {whose}. Dangerous sites are answered as well."},
	"page.pause.rest_some":      {"すべて始まるまで、あと", "all of it resumes in"},
	"page.pause.more":           {"ほか {n} 件", "{n} more"},
	"page.why.group":            {"機器のグループ", "Group"},
	"page.why.hours":            {"時間割", "Schedule"},
	"page.why.entrance":         {"つなぐ安全な入口", "Safe entrance"},
}
