package text

// requestText is what is wrong with a signed request or with its making.
var requestText = map[string]sentence{
	"request.none": {
		JA: "保守の依頼が見つかりません。「MONBAN-REQUEST 1」の行から終わりまで、すべて貼り付けてください。",
		EN: "No maintenance request is in there. Paste all of it, from the line \"MONBAN-REQUEST 1\" to the end."},
	"request.bad_line": {
		JA: "依頼の {line} 行目が正しくありません。抜け、読み違い、行の入れ替わりがないか、元の依頼と見比べてください。",
		EN: "Line {line} of the request is not right. Compare it with the original: is it missing, misread, or in another's place?"},
	"request.cut_short": {
		JA: "依頼の終わりが足りません({want} 行のうち {have} 行)。残りも貼り付けてください。",
		EN: "The end of the request is missing ({have} of {want} lines are there). Paste the rest as well."},
	"request.version": {
		JA: "この依頼は、この箱がまだ知らない新しい形です。箱を更新するか、業者に作り直してもらってください。",
		EN: "This request has a newer form than this box knows. Update the box, or have the vendor make it again."},
	"request.broken": {
		JA: "依頼の中身が読めません。業者に作り直してもらってください。",
		EN: "The contents of the request cannot be read. Have the vendor make it again."},
	"request.too_old": {
		JA: "この依頼は {hours} 時間前に作られました。24時間を過ぎた依頼は使えません。業者に作り直してもらってください。",
		EN: "This request was made {hours} hours ago. It is worth 24 hours. Have the vendor make it again."},
	"request.from_future": {
		JA: "この依頼の作成時刻は、箱の時計より {minutes} 分先です。業者のパソコンの時計と箱の時計を確かめてください。",
		EN: "This request says it was made {minutes} minutes from now. Check the clock of the vendor's computer and that of the box."},

	"request.bad_site": {
		JA: "箱の番号「{site}」は使えません。医院の画面にある8文字(例: ABCD-EFGH)をそのまま入れてください。",
		EN: "{site} is no id of a box. Give the 8 signs its page shows, as ABCD-EFGH."},
	"request.mixed": {
		JA: "開け方は1つだけ選んでください。ポート(--ports)、接続先(--target)、遠隔操作ソフト(--tool)は一緒に使えません。",
		EN: "Choose one way only: ports (--ports), where a device is to connect (--target), or a remote-support tool (--tool)."},
	"request.no_source": {
		JA: "どこから接続するか、自社側のアドレスを1個から{max}個まで入れてください(--source)。",
		EN: "Give 1 to {max} addresses you will connect from (--source)."},
	"request.bad_source": {
		JA: "接続元「{source}」は使えません。198.51.100.7 や 198.51.100.0/28 のように書いてください。",
		EN: "The source {source} cannot be used. Write it as 198.51.100.7 or 198.51.100.0/28."},
	"request.no_target": {
		JA: "機器がどこへ接続するか、1個から{max}個まで入れてください(--target)。",
		EN: "Give 1 to {max} addresses the device is to connect to (--target)."},
	"request.bad_target": {
		JA: "接続先「{target}」は使えません。198.51.100.7:443/tcp のように書いてください。",
		EN: "The target {target} cannot be used. Write it as 198.51.100.7:443/tcp."},
	"request.no_tool": {
		JA: "遠隔操作ソフトの名前を入れてください。",
		EN: "Give the name of the remote-support tool."},
	"request.bad_time": {
		JA: "開始日時が読めないか、過ぎています。\"2026-12-08 22:00\" のように、これからの日時を書いてください。",
		EN: "The start cannot be read, or is over. Write a time to come, as \"2026-12-08 22:00\"."},
	"request.too_long": {
		JA: "依頼が長すぎます。理由を短くするか、ポートや接続元を減らしてください。",
		EN: "The request is too long. Shorten the reason, or ask for fewer ports and sources."},

	"request.bad_key": {
		JA: "鍵が正しくありません。「MONBAN-KEY」から始まる14組を、もう一度そのまま貼り付けてください。",
		EN: "The key is not right. Paste all 14 groups again, from \"MONBAN-KEY\" on."},
	"request.bad_key_file": {
		JA: "署名の鍵が読めません。--key に正しいファイルを指定するか、「monban request keygen」で作り直してください。",
		EN: "The signing key cannot be read. Name the right file with --key, or make a new one with \"monban request keygen\"."},
	"request.no_key_file": {
		JA: "署名の鍵 {file} がありません。はじめに「monban request keygen」で作り、表示される鍵を医院に登録してもらってください。",
		EN: "There is no signing key {file}. Make one with \"monban request keygen\" first, and have the clinic register what it prints."},
	"request.key_exists": {
		JA: "{file} はもうあります。上書きはしません。別の名前を --out で選んでください。",
		EN: "{file} is there already and is not overwritten. Choose another name with --out."},
	"request.key_made": {
		JA: "鍵を作り、{file} に入れました。このファイルは誰にも渡さないでください。次の1行を医院に送り、院長に登録してもらってください。",
		EN: "A key was made and is in {file}. Give that file to nobody. Send the next line to the clinic for its director to register."},
	"request.key_print": {
		JA: "電話で確かめるときの指紋: {print}",
		EN: "Fingerprint, to compare on the telephone: {print}"},
	"request.made": {
		JA: "次の依頼を医院に送ってください(メール、ファクス、電話の読み上げ)。{until} まで使えます。",
		EN: "Send this request to the clinic, by mail, fax or read out on the telephone. It is worth something until {until}."},
}
