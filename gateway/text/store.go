package text

var storeText = map[string]sentence{
	"store.unusable": {
		JA: "記録の保管場所がいま使えません。通信は守られています。新しい保守の入口は開けられません。保守業者に連絡してください。",
		EN: "The database cannot be used now. Traffic stays guarded, but no window can be opened. Call your vendor."},
	"store.not_a_database": {
		JA: "記録のファイルが、この箱のものではありません。上書きせずに残しています。保守業者に連絡してください。",
		EN: "The database file is not one of this box. It was left as it is. Call your vendor."},
	"store.broken": {
		JA: "記録のファイルが壊れています。上書きせずに残しています。通信は守られています。保守業者に連絡してください。",
		EN: "The database file is damaged. It was left as it is, and traffic stays guarded. Call your vendor."},
	"store.newer": {
		JA: "記録のファイルは、もっと新しい版の門番のものです(第{have}版、この門番は第{know}版まで)。門番を新しい版に戻してください。",
		EN: "The database belongs to a newer version (schema {have}; this one knows {know}). Put the newer version back."},
	"store.older": {
		JA: "記録のファイルは古い版のものです(第{have}版、この門番は第{know}版)。門番の本体を一度動かすと新しくなります。",
		EN: "The database is of an older version (schema {have}; this one has {know}). Starting the daemon brings it up to date."},
	"store.changed_schema": {
		JA: "記録のファイルの作りが、この版の門番と合いません({name})。上書きせずに残しています。保守業者に連絡してください。",
		EN: "The database was built by other steps than this version has ({name}). It was left as it is. Call your vendor."},
	"store.none": {
		JA: "記録のファイル {path} がありません。場所が正しいか確かめてください。",
		EN: "There is no database at {path}. Check the path."},
	"store.no_directory": {
		JA: "記録をしまうフォルダー {path} がありません。フォルダーを作るか、場所を確かめてください。",
		EN: "There is no directory {path} for the database. Make it, or check the path."},
	"store.read_only": {
		JA: "記録の保管場所に書けません(読み取り専用)。通信は守られています。保守業者に連絡してください。",
		EN: "The database cannot be written (read-only). Traffic stays guarded. Call your vendor."},
	"store.disk_full": {
		JA: "記録の保管場所がいっぱいです。通信は守られ、保守の入口は閉じられますが、新しく開けることはできません。保守業者に連絡してください。",
		EN: "The disk is full. Traffic stays guarded and windows can be closed, but none can be opened. Call your vendor."},
	"store.failed": {
		JA: "記録の保管場所がうまく動いていません。続くときは保守業者に連絡してください。",
		EN: "The database does not work as it should. If this stays, call your vendor."},
	"store.note_failed": {
		JA: "記録の控えが書けません。記録そのものは書けています。保守業者に連絡してください。",
		EN: "The note of the log's end cannot be written; the log itself can. Call your vendor."},
	"store.no_mark": {
		JA: "保守の入口の通し番号が、この1日で使い切られました。24時間待ってください。",
		EN: "All serial numbers for windows were used within a day. Wait 24 hours."},
}
