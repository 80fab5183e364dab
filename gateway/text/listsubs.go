package text

// listSubsText are the sentences about lists that are fetched, held back, and
// about names the clinic itself refuses.
var listSubsText = map[string]sentence{
	"config.list_count": {
		"{line}行目: 一覧([[dns.list]])は {max} 個までにしてください。",
		"line {line}: keep to {max} lists ([[dns.list]])."},
	"list.fetch_name": {
		"一覧「{list}」の配布元「{host}」の名前を調べられませんでした。インターネットにつながっているか確かめてください。自動でもう一度試します。",
		"The name “{host}” where list “{list}” comes from could not be looked up. Check the internet line. It is tried again by itself.",
	},
	"list.fetch_connect": {
		"一覧「{list}」の配布元「{host}」につながりませんでした。自動でもう一度試します。",
		"No connection to “{host}”, where list “{list}” comes from. It is tried again by itself.",
	},
	"list.fetch_tls": {
		"一覧「{list}」の配布元「{host}」の証明書が正しくないため、受け取りませんでした。時計が合っているか確かめてください。続くときは保守業者に連絡してください。",
		"List “{list}” was not taken: the certificate of “{host}” is not good. Check the clock; if this goes on, call your vendor.",
	},
	"list.fetch_private": {
		"一覧「{list}」の配布元「{host}」が、インターネットにないアドレス {address} を指しているため、つなぎませんでした。",
		"List “{list}” was not fetched: “{host}” leads to {address}, which is no address on the internet.",
	},
	"list.fetch_http": {
		"一覧「{list}」の配布元が、暗号化されない「{host}」へ案内したため、受け取りませんでした。",
		"List “{list}” was not taken: its server leads on to “{host}” without encryption.",
	},
	"list.fetch_redirects": {
		"一覧「{list}」の配布元が {max} 回を超えて別の場所へ案内するため、受け取りませんでした。",
		"List “{list}” was not taken: its server leads on more than {max} times.",
	},
	"list.fetch_status": {
		"一覧「{list}」の配布元が、一覧のかわりに番号 {status} を返しました。アドレスが変わっていないか確かめてください。",
		"The server of list “{list}” answered with status {status} and no list. Check that the address has not changed.",
	},
	"list.fetch_big": {
		"一覧「{list}」で受け取れるのは {mb} MB までです。それより大きいため、受け取りませんでした。",
		"List “{list}” was not taken: it is bigger than {mb} MB.",
	},
	"list.fetch_bomb": {
		"一覧「{list}」は、展開すると異常に大きくなるため、受け取りませんでした。",
		"List “{list}” was not taken: unpacked it grows as no list does.",
	},
	"list.fetch_packed": {
		"一覧「{list}」の圧縮が壊れているか、使えない形式のため、受け取りませんでした。",
		"List “{list}” was not taken: its compression is damaged or of an unknown kind.",
	},
	"list.fetch_cut": {
		"一覧「{list}」の受け取りが途中で切れました。自動でもう一度試します。",
		"List “{list}” broke off while it was fetched. It is tried again by itself.",
	},
	"list.fetch_slow": {
		"一覧「{list}」の配布元が遅すぎるため、受け取りをやめました。自動でもう一度試します。",
		"List “{list}” was given up: its server is too slow. It is tried again by itself.",
	},
	"list.fetch_time": {
		"一覧「{list}」の受け取りが {minutes} 分で終わらなかったため、やめました。自動でもう一度試します。",
		"List “{list}” was given up: it had not come after {minutes} minutes. It is tried again by itself.",
	},
	"list.fetch_sum": {
		"一覧「{list}」の中身が、site.toml の sha256 と違うため、受け取りませんでした。",
		"List “{list}” was not taken: its contents are not those of sha256 in site.toml.",
	},
	"list.fetch_unsigned": {
		"一覧「{list}」の署名(.minisig)を受け取れませんでした(番号 {status})。署名のない一覧は使いません。",
		"The signature (.minisig) of list “{list}” could not be fetched (status {status}). Without it the list is not used.",
	},
	"list.fetch_signature": {
		"一覧「{list}」の署名が正しくないため、受け取りませんでした。配布元が更新の途中のこともあります。自動でもう一度試します。",
		"List “{list}” was not taken: its signature is not good. Its server may be in the middle of a change; it is tried again by itself.",
	},
	"list.fetch_signature_old": {
		"一覧「{list}」の署名は古い形式で、{mb} MB までの一覧でしか確かめられません。配布元に新しい形式の署名を頼んでください。",
		"The signature of list “{list}” is of the old form, which is checked up to {mb} MB only. Ask its makers for one of the new form.",
	},
	"list.fetch_disk": {
		"一覧「{list}」を保存する場所が足りないか、ディスクに書けないため、受け取りませんでした。ディスクの空きを確かめてください。",
		"List “{list}” was not taken: there is no room for it, or the disk cannot be written to. Check the room on it.",
	},

	// the command
	"dns.compiled": {
		"「{file}」を作りました。一覧 {lists} 個、名前 {names} 件、{bytes} バイト。",
		"Made “{file}”: {names} names of {lists} lists, {bytes} bytes.",
	},
	"dns.not_compiled": {
		"「{file}」に書けませんでした。フォルダーがあり、空きがあり、書き込めるか確かめてください。",
		"“{file}” cannot be written. Check that its directory is there, has room and can be written to.",
	},

	// lines of the log
	"dns.list_changed": {
		"一覧「{list}」を新しくしました(名前 {before} 件から {after} 件)",
		"list {list} was renewed ({before} names, now {after})",
	},
	"dns.list_held.shrunk": {
		"一覧「{list}」の新しい版は名前が {before} 件から {after} 件に減っているため、使わずに院長の判断を待っています {names}",
		"the new list {list} has only {after} of {before} names and waits for the director {names}",
	},
	"dns.list_held.refuses": {
		"一覧「{list}」の新しい版は、なくてはならない名前({names})を止めるため、使わずに院長の判断を待っています(名前 {before} 件から {after} 件)",
		"the new list {list} refuses names that must work ({names}) and waits for the director ({before} names, then {after})",
	},
	"dns.list_held.both": {
		"一覧「{list}」の新しい版は名前が {before} 件から {after} 件に減り、なくてはならない名前({names})を止めるため、使わずに院長の判断を待っています",
		"the new list {list} has only {after} of {before} names, refuses names that must work ({names}) and waits for the director",
	},
	"dns.list_accepted": {
		"止めてあった一覧「{list}」の新しい版を使うことにしました(名前 {before} 件から {after} 件) {names}",
		"accepted the new list {list} that was held back ({before} names, now {after}) {names}",
	},
	"dns.list_refused": {
		"止めてあった一覧「{list}」の新しい版を使わないことにしました(名前 {before} 件から {after} 件) {names}",
		"refused the new list {list} that was held back ({before} names, then {after}) {names}",
	},
	"dns.list_unknown": {
		"その一覧は、もう判断を待っていません。だれかが先に答えたか、さらに新しい版が届いています。ページを開き直してください。",
		"That list no longer waits: somebody answered first, or a newer one has come. Reload the page.",
	},
	"dns.denied_name": {
		"{name} とその下の名前を止めることにしました({reason})",
		"decided to refuse {name} and all below it ({reason})",
	},
	"dns.deny_ended": {
		"{name} を止めるのをやめました",
		"no longer refuses {name}",
	},

	// what stands on the first page
	"gateway.list_waiting": {
		"有害サイトの一覧「{list}」を、まだ受け取っていません。起動から10分ほどで受け取ります。",
		"The block list {list} has not been fetched yet. That happens within about ten minutes of the start.",
	},
	"gateway.list_never": {
		"有害サイトの一覧「{list}」をまだ一度も受け取れていないため、ほかの一覧だけで止めています。わけは一覧のページにあります。",
		"The block list {list} could not be fetched so far, so only the others are in force. The page of lists says why.",
	},
	"gateway.list_old": {
		"有害サイトの一覧「{list}」を {days} 日、新しくできていません。前に受け取ったものを使っています。わけは一覧のページにあります。",
		"The block list {list} could not be renewed for {days} days. The last good one is in use. The page of lists says why.",
	},
	"gateway.list_held": {
		"有害サイトの一覧「{list}」の新しい版が大きく変わったため、使わずに待っています。一覧のページで、使うかどうかを選んでください。",
		"The new block list {list} differs much and is held back. Choose on the page of lists whether to use it.",
	},

	// names the clinic refuses
	"dns.deny_full": {
		"止める名前が {max} 件になりました。要らなくなったものを取り消してから、もう一度試してください。",
		"{max} names are refused. Take some back that are no longer needed and try again.",
	},
	"dns.deny_taken": {
		"{name} は、もう止めることになっています。",
		"{name} is refused already.",
	},
	"dns.deny_unknown": {
		"その名前は、もう取り消されています。ページを開き直してください。",
		"That was taken back already. Reload the page.",
	},
	"dns.deny_wide": {
		"「{name}」は広すぎます。ads.example.jp のように、点のある名前を入力してください。",
		"“{name}” is too wide. Type a name with a dot in it, like ads.example.jp.",
	},
	"dns.deny_needed": {
		"「{name}」を止めると、なくてはならない {needed}({why})も止まるため、止められません。",
		"“{name}” cannot be refused: {needed} ({why}), which must work, would be refused with it.",
	},
	"dns.deny_local": {
		"「{name}」は院内の名前か、特別な名前なので、止められません。",
		"“{name}” is a name of the house, or a special one, and cannot be refused.",
	},
	"dns.deny_allowed": {
		"「{name}」は許可されているため、止めても働きません。先に許可を取り消してください。",
		"“{name}” is allowed, so refusing it would do nothing. Take that back first.",
	},
}
