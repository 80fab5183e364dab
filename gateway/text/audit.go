package text

var auditText = map[string]sentence{
	"audit.edited": {
		JA: "記録の {line} 行目が、書かれたあとで変えられています。この箱を止めずに、保守業者に連絡してください。",
		EN: "Line {line} of the log was changed after it was written. Leave the box running and call your vendor."},
	"audit.missing": {
		JA: "記録の {line} 行目からあとが抜き取られています。この箱を止めずに、保守業者に連絡してください。",
		EN: "Lines from {line} on were taken out of the log. Leave the box running and call your vendor."},
	"audit.unchained": {
		JA: "記録の {line} 行目が、前の行とつながりません。入れ替えか書き足しの跡です。この箱を止めずに、保守業者に連絡してください。",
		EN: "Line {line} of the log does not follow the one before it: lines were moved or put in. Leave the box running and call your vendor."},
	"audit.cut": {
		JA: "記録の終わりが切り取られています。{line} 行目からあとがありません。この箱を止めずに、保守業者に連絡してください。",
		EN: "The end of the log was cut off: from line {line} on it is gone. Leave the box running and call your vendor."},
	"audit.rewritten": {
		JA: "記録が {line} 行目で控えと合いません。記録が作り直されています。この箱を止めずに、保守業者に連絡してください。",
		EN: "At line {line} the log differs from what was noted down earlier: it was rewritten. Leave the box running and call your vendor."},
	"audit.behind": {
		JA: "記録の控えに {line} 行目からあとがありません。停電が重なった跡か、控えが差し替えられた跡です。記録のページで内容を確かめてください。",
		EN: "The note of the log's end lacks the lines from {line} on: power was cut several times, or the note was exchanged. Check the log page."},
	"audit.bad_head": {
		JA: "控えの「{head}」が読めません。報告書にある「64桁の英数字:行数」をそのまま入れてください。",
		EN: "The head {head} cannot be read. Enter it as the report has it: 64 hex digits, a colon and a count."},
	"audit.no_note": {
		JA: "記録の控えがありません。控えのファイルが消されたようです。記録のページで内容を確かめてください。",
		EN: "The note of the log's end is gone. Somebody may have deleted the file. Check the log page."},
	"audit.bad_note": {
		JA: "記録の控えが読めません。控えのファイルが壊れているか、書き換えられています。保守業者に連絡してください。",
		EN: "The note of the log's end cannot be read: the file is damaged or was changed. Call your vendor."},
	"audit.strange_line": {
		JA: "記録の {line} 行目から、この箱が書いていない行があります。この箱を止めずに、保守業者に連絡してください。",
		EN: "From line {line} on the log holds lines this box did not write. Leave the box running and call your vendor."},
}
