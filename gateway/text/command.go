package text

// commandText is what the command line says by itself.
var commandText = map[string]sentence{
	"command.window_asked": {
		JA: "申し込み {id}({vendor} → {device})を記録しました。画面で承認を待ちます。",
		EN: "Request {id} ({vendor} to {device}) is on record and waits for approval on the page."},
	"command.said": {
		JA: "保守 {id} に記入しました。",
		EN: "Entered for window {id}."},
	"command.window_open": {
		JA: "保守 {id} 番: {vendor} → {device} を開けました。{ends} に自動で閉じます。",
		EN: "Window {id}: {vendor} to {device} is open. It closes by itself at {ends}."},
	"command.window_closed": {
		JA: "保守 {id} 番を閉じました。切った接続 {cut} 本、通した量 {bytes} バイト。",
		EN: "Window {id} is closed. {cut} connections were cut, {bytes} bytes had passed."},
	"command.all_closed": {
		JA: "開いていた入口 {n} 件をすべて閉じました。",
		EN: "All {n} open windows are closed."},
	"command.status.guarding": {
		JA: "守っています。",
		EN: "Guarding."},
	"command.status.kept": {
		JA: "守っています。ただし site.toml が使えないため、前の正しい設定のままです。",
		EN: "Guarding with the last good settings, because site.toml is not usable."},
	"command.status.setup": {
		JA: "設定がないため、通信を止めています。",
		EN: "Closed: there are no settings yet."},
	"command.unnamed": {JA: "(名前なし)", EN: "(no name)"},
	"command.log_verified": {
		JA: "改ざんなし: {count} 行を確かめました。末尾 {head}",
		EN: "The log verifies: {count} lines, head {head}"},
	"command.rules_closed": {
		JA: "使える設定がないため、すべて閉じた規則を使います。site.toml を置いて、もう一度実行してください。",
		EN: "There are no usable settings, so the closed rules are used. Put site.toml in place and run this again."},
}
