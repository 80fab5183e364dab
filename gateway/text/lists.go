package text

// listsText are the sentences about lists of refused names: what is wrong with
// a file, and which lists are in force.
var listsText = map[string]sentence{
	"list.empty": {
		"一覧「{list}」は空です。書き込みやダウンロードが途中で切れていないか確かめてください。",
		"List “{list}” is empty. Check that it was not cut short while it was written or fetched.",
	},
	"list.html": {
		"一覧「{list}」は一覧ではなく、ウェブページです。配布元のアドレスが変わっていないか確かめてください。",
		"List “{list}” is a web page and no list. Check that the address it comes from has not changed.",
	},
	"list.binary": {
		"一覧「{list}」は文字のファイルではありません。圧縮されているなら展開してください。文字コードは UTF-8 にしてください。壊れていることもあります。",
		"List “{list}” is no text file. If it is compressed, unpack it; it must be UTF-8. It may also be damaged.",
	},
	"list.no_names": {
		"一覧「{list}」には、止める名前として読める行がひとつもありません。別のファイルではないか確かめてください。",
		"List “{list}” has no line that can be read as a name to refuse. Check that it is not some other file.",
	},
	"list.too_big": {
		"一覧「{list}」が大きすぎます({mb} MB、{names} 行まで)。小さい一覧を選んでください。",
		"List “{list}” is too big (at most {mb} MB and {names} lines). Choose a smaller one.",
	},
	"list.compiled_broken": {
		"まとめ済みの一覧のファイルが壊れているか、別の版のものです。元の一覧から作り直してください。",
		"The compiled list is damaged or of another version. Make it again from its lists.",
	},
	"list.compiled_alone": {
		"まとめ済みの一覧「{list}」は、ほかの一覧と一緒には使えません。--list をこれひとつにしてください。",
		"The compiled list “{list}” cannot be used beside others. Give it as the only --list.",
	},
	"list.unusable_lines": {
		"一覧「{list}」の {lines} 行のうち {unusable} 行は、名前だけでは表せないため使っていません(最初は {first} 行目)。",
		"List “{list}”: {unusable} of {lines} lines say more than a name can hold and are not used (the first is line {first}).",
	},

	"gateway.list_unusable_lines": {
		"有害サイトの一覧「{list}」の {unusable} 行は、名前だけでは表せないため使っていません(最初は {line} 行目)。ほかの行は使っています。",
		"{unusable} lines of the block list {list} say more than a name can hold and are not used (the first is line {line}). All others are used.",
	},
	"gateway.list_rebuilt": {
		"保存してあった有害サイトの一覧が壊れていたため、元のファイルから作り直しました。続くときは保守業者に連絡してください。",
		"The stored block list was damaged and has been made again from its files. If this goes on, call your vendor.",
	},
	"gateway.list_unkept": {
		"有害サイトの一覧を保存できませんでした。いまは使えていますが、次の起動に時間がかかります。",
		"The block list could not be stored. It is in force, but the next start takes longer.",
	},
	"gateway.list_none": {
		"有害サイトの一覧「{list}」が読めず、前に読めたものもないため、門番に組み込みの一覧だけで止めています。保守業者に連絡してください。",
		"The block list {list} cannot be read and none was read before, so only the lists built into the box are in force. Call your vendor.",
	},
	"gateway.list_part": {
		"有害サイトの一覧「{list}」が読めず、前に読めたものもないため、ほかの一覧だけで止めています。保守業者に連絡してください。",
		"The block list {list} cannot be read and was not before, so only the others are in force. Call your vendor.",
	},
}
