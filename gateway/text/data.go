package text

// dataText says what became of the partition that holds everything the box
// records, and why; monban-data finds that out at boot.
var dataText = map[string]sentence{
	"data.volatile": {
		JA: "記録用の領域が使えません。{why} いまの記録と設定の変更は、電源を切ると消えます。通信の守りと名前の案内は、この領域がなくても働きます。",
		EN: "The partition for records cannot be used. {why} What is recorded or changed now is lost when the box is switched off. Packet rules and the name filter do without it."},
	"data.repaired": {
		JA: "記録用の領域が壊れていたので、起動のときに直しました。失われた記録があるかもしれません。SDカードやディスクの寿命が近い恐れがあるので、保守業者に交換を相談してください。",
		EN: "The partition for records was damaged and was repaired at the start. Some records may be lost. The card or disk may be near its end: ask your vendor to replace it."},
	"data.reset": {
		JA: "頼まれたとおり、工場出荷の状態に戻しました。前の記録は読めない形で捨てられ、残っていません。",
		EN: "The box was reset to its factory state as asked. What it had recorded was destroyed."},

	"data.absent": {
		JA: "ディスクに記録用の領域が見つかりません。保守業者に、ソフトウェアの書き直しを頼んでください。",
		EN: "The disk has no partition for records. Ask your vendor to write the image again."},
	"data.foreign": {
		JA: "この箱のものではないデータが入っています。壊さないように、手を付けていません。要らないものだと分かったら、保守業者に工場出荷の状態へ戻すよう頼んでください。",
		EN: "It holds data that is not this box's, and nothing was touched. If nobody needs it, have your vendor do a factory reset."},
	"data.record": {
		JA: "記録を開く鍵の覚え書きが壊れています。手は付けていません。電源を入れ直しても続くときは、保守業者に連絡してください。",
		EN: "The note of the key that opens it is damaged; nothing was touched. If this stays after a restart, call your vendor."},
	"data.locked": {
		JA: "鍵が合わないか、錠の部分が壊れていて、開けません。手は付けていません。電源を入れ直しても続くときは、保守業者に連絡してください。",
		EN: "The key does not fit, or the lock itself is damaged; nothing was touched. If this stays after a restart, call your vendor."},
	"data.tpm": {
		JA: "この機械の保安部品(TPM)が鍵を出しません。TPMを消したり、ディスクを別の機械に移したりすると起こります。元に戻せば、また開けます。手は付けていません。",
		EN: "The machine's security chip (TPM) does not give the key. That happens when the TPM was cleared or the disk was moved to another machine; put back, it opens again. Nothing was touched."},
	"data.silent": {
		JA: "この領域を用意するしくみが、起動のときに最後まで働きませんでした。電源を入れ直しても続くときは、保守業者に連絡してください。",
		EN: "What prepares it at the start did not come to its end. If this stays after a restart, call your vendor."},
	"data.broken": {
		JA: "読み書きができないか、壊れていて直せません。SDカードやディスクの寿命の恐れがあります。保守業者に交換を頼んでください。",
		EN: "It cannot be read or written, or is damaged beyond repair. The card or disk may be worn out: have your vendor replace it."},
}
