package text

var labText = map[string]sentence{
	"lab.no_namespaces": {
		"この機械では、ふつうの利用者がネットワーク名前空間を作れません。「sudo monban lab up …」で始めてください。または管理者に user.max_user_namespaces と kernel.apparmor_restrict_unprivileged_userns の設定を見てもらってください。",
		"This machine does not let an ordinary user make network namespaces. Start with \"sudo monban lab up …\", or have the administrator look at user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns.",
	},
	"lab.running": {
		"{dir} では、もうラボが動いています。止めるか、別の --dir を選んでください。",
		"A lab is already running in {dir}. Stop it, or choose another --dir.",
	},
	"lab.not_running": {
		"{dir} で動いているラボがありません。先に「monban lab up --dir {dir}」を始めてください。",
		"No lab is running in {dir}. Start \"monban lab up --dir {dir}\" first.",
	},
	"lab.dir_long": {
		"{dir} は長すぎて、ソケットを置けません。短い場所を --dir で選んでください。",
		"{dir} is too long to hold sockets. Choose a shorter place with --dir.",
	},
	"lab.listen": {
		"{addr} で待ち受けられません。ほかのプログラムが使っていないか確かめるか、別の --listen を選んでください。",
		"Cannot listen at {addr}. See whether another program uses it, or choose another --listen.",
	},
	"lab.no_host": {
		"{name} という機器はラボにありません。あるのは {hosts} です。",
		"The lab has no host called {name}. It has {hosts}.",
	},
	"lab.no_command": {
		"機器の名前のあとに、実行する命令を書いてください。例: monban lab exec --dir DIR vendor -- sh",
		"Write the command to run after the host's name, as in: monban lab exec --dir DIR vendor -- sh",
	},
	"lab.host_exists": {
		"{name} という機器はもうあります。別の名前を選んでください。",
		"There is a host called {name} already. Choose another name.",
	},
	"lab.bad_name": {
		"{name} は機器の名前に使えません。英小文字で始まる15文字までの英小文字・数字・ハイフンにしてください。",
		"{name} cannot be a device's name. Use up to 15 lower-case letters, digits and hyphens, a letter first.",
	},
	"lab.full": {
		"ラボのLANはいっぱいです。ラボを止めて、始めなおしてください。",
		"The lab's LAN is full. Stop the lab and start again.",
	},
	"lab.gateway_failed": {
		"ゲートウェイが起動しませんでした({how})。記録は {log} にあります。",
		"The gateway did not start ({how}). Its log is {log}.",
	},
	"lab.gateway_runs": {
		"ゲートウェイはもう動いています。",
		"The gateway is running already.",
	},
	"lab.gateway_down": {
		"ゲートウェイは動いていません。「monban lab start」で始められます。",
		"The gateway is not running. \"monban lab start\" starts it.",
	},
	"lab.gateway_ended": {
		"ゲートウェイが止まりました({how})。「monban lab start --dir {dir}」でもう一度始められます。ファイアウォールは働いたままです。",
		"The gateway ended ({how}). \"monban lab start --dir {dir}\" starts it again. The firewall is still in force.",
	},
	"lab.next": {
		"初期設定コード: {code}\n次にすること: ブラウザーで {url} を開き(受付PCから見たページです)、初期設定コードを入れて最初の利用者を作ってください。証明書の警告を消すには {ca} をブラウザーに加えます。\n業者になってみる: {monban} lab exec --dir {dir} vendor -- sh\n終わるとき: Ctrl-C",
		"Set-up code: {code}\nNext: open {url} in a browser (it is the page as the reception PC sees it) and enter the set-up code to make the first account. Add {ca} to the browser to be rid of its warning.\nTo be the vendor: {monban} lab exec --dir {dir} vendor -- sh\nTo end: Ctrl-C",
	},
	"lab.next_again": {
		"次にすること: ブラウザーで {url} を開き(受付PCから見たページです)、前に作った利用者で入ってください。\n業者になってみる: {monban} lab exec --dir {dir} vendor -- sh\n終わるとき: Ctrl-C",
		"Next: open {url} in a browser (it is the page as the reception PC sees it) and sign in with the account made before.\nTo be the vendor: {monban} lab exec --dir {dir} vendor -- sh\nTo end: Ctrl-C",
	},
}
