package text

// namesText are the sentences about names people allow, the filter's pause and
// the record of questions.
var namesText = map[string]sentence{
	"dns.allow_length": {
		"許可する長さを選んでください。1分から24時間まで、または「ずっと」です。",
		"Pick how long it is allowed: one minute to 24 hours, or for good.",
	},
	"dns.allow_full": {
		"許可した名前と許可待ちの名前が {max} 件になりました。要らなくなったものを取り消してから、もう一度試してください。",
		"There are {max} names allowed or waiting. Take some back that are no longer needed and try again.",
	},
	"dns.allow_unknown": {
		"その許可は、もうありません。だれかが先に答えたか、時間が過ぎています。ページを開き直してください。",
		"That is there no longer: somebody answered first, or its time is over. Reload the page.",
	},
	"dns.allow_wide": {
		"「{name}」は範囲が広すぎます。www.example.jp のように、点を含む名前を入力してください。",
		"“{name}” is too wide. Type a name with a dot in it, like www.example.jp.",
	},
	"dns.allow_tool": {
		"「{name}」は遠隔操作ソフトの名前にかかるため、ここでは許可できません。「保守」のページで、そのソフトの保守を申し込んでください。",
		"“{name}” belongs to a remote-support tool or includes one, so it cannot be allowed here. Ask for maintenance with that tool instead.",
	},
	"dns.allow_useless": {
		"「{name}」は一覧で止めているのではないため、許可しても変わりません。止めている理由を見てください。",
		"“{name}” is not refused because of a list, so allowing it changes nothing. See why it is refused.",
	},
	"dns.pause_length": {
		"休止できるのは 5 分か 30 分です。",
		"The filter can be paused for 5 or 30 minutes.",
	},
	"dns.bad_verdict": {
		"そのような結果はありません。一覧から選んでください。",
		"There is no such result. Pick one of the list.",
	},
	"dns.log_off": {
		"サイトの問い合わせの記録は使っていません。",
		"No record of questions is kept.",
	},
	"dns.log_unreadable": {
		"サイトの問い合わせの記録を読めません。名前の検査は続いています。しばらくしても直らなければ、保守業者に連絡してください。",
		"The record of questions cannot be read. The filter goes on. If it stays so, call your vendor.",
	},
	"gateway.name_wishes": {
		"見たいサイトの許可を待っている人がいます({n} 件)。",
		"Somebody waits for a site to be allowed ({n}).",
	},
	"gateway.query_log": {
		"サイトの問い合わせの記録をディスクに書けません。名前の検査は続いていますが、そのあいだの記録は残りません。ディスクの空きを確かめてください。",
		"The record of questions cannot be written to the disk. The filter goes on, but nothing of that time is kept. Check the room on the disk.",
	},

	// lines of the log
	"dns.wished.one":                 {"{device} で {name} を見たいという希望を出しました({reason})", "wished for {name} on {device} ({reason})"},
	"dns.wished.all":                 {"すべての機器で {name} を見たいという希望を出しました({reason})", "wished for {name} on all devices ({reason})"},
	"dns.allowed.one":                {"{device} で {name} とその下の名前を許可しました。長さ:{length}({reason})", "allowed {name} and all below it on {device}, for: {length} ({reason})"},
	"dns.allowed.all":                {"すべての機器で {name} とその下の名前を許可しました。長さ:{length}({reason})", "allowed {name} and all below it on all devices, for: {length} ({reason})"},
	"dns.allow_ended.ran_out.one":    {"{device} での {name} の許可は、時間が過ぎて終わりました", "the time {name} was allowed on {device} is over"},
	"dns.allow_ended.ran_out.all":    {"すべての機器での {name} の許可は、時間が過ぎて終わりました", "the time {name} was allowed on all devices is over"},
	"dns.allow_ended.taken_back.one": {"{device} での {name} の許可を取り消しました", "took back that {name} was allowed on {device}"},
	"dns.allow_ended.taken_back.all": {"すべての機器での {name} の許可を取り消しました", "took back that {name} was allowed on all devices"},
	"dns.allow_ended.declined.one":   {"{device} で {name} を見たいという希望を断りました", "declined {name} on {device}"},
	"dns.allow_ended.declined.all":   {"すべての機器で {name} を見たいという希望を断りました", "declined {name} on all devices"},
	"dns.paused":                     {"名前の検査を {length} 休止しました", "paused the name filter for {length}"},
	"dns.resumed.by_hand":            {"休止していた名前の検査を始めました", "resumed the name filter"},
	"dns.resumed.ran_out":            {"休止の時間が過ぎたので、名前の検査を始めました", "the pause was over; the name filter resumed"},
}
