package text

// noticeText has what people are told outside the page, what is wrong with
// where notices go, and why one did not arrive.
var noticeText = map[string]sentence{
	"notice.level.info": {
		JA: "お知らせ",
		EN: "Notice"},
	"notice.level.caution": {
		JA: "注意",
		EN: "Caution"},
	"notice.level.danger": {
		JA: "危険",
		EN: "Danger"},
	"notice.mail.subject": {
		JA: "[門番] {level} {clinic}: {what}",
		EN: "[Monban] {level} {clinic}: {what}"},
	"notice.mail.from": {
		JA: "{clinic} の門番からのお知らせです。",
		EN: "A notice from the gateway of {clinic}."},
	"notice.mail.what": {
		JA: "{level}: {what}",
		EN: "{level}: {what}"},
	"notice.mail.when": {
		JA: "日時: {at}",
		EN: "Time: {at}"},
	"notice.unsynced": {
		JA: "※ このとき、箱の時計が標準時に合っているか確かめられませんでした。日時がずれている恐れがあります。",
		EN: "The clock of the box was not known to be synchronised then. The time may be off."},
	"notice.mail.end": {
		JA: "くわしいことは、院内のパソコンで門番のページを開いて確かめてください。このメールに返信しても届きません。",
		EN: "Open the gateway's page on a PC of the clinic to see more. Replies to this mail are not read."},

	"notice.trial": {
		JA: "これは試しの知らせです。読めていれば、送り先の設定は正しくできています。",
		EN: "This is a trial notice. If you can read it, the settings are right."},
	"notice.daily": {
		JA: "きょうの確認です。記録は {count} 行、末尾の値は {head} です。この知らせを保管すると、記録の書き換えや切り取りがあとで分かります。最後の自己試験({proof_at}): {why}",
		EN: "Daily check. The log has {count} lines and ends with {head}. Keep this notice: it shows later whether the log was rewritten or cut. Last self-test ({proof_at}): {why}"},
	"notice.proof.ok": {
		JA: "外からの入口はすべて閉じていました。",
		EN: "every way in was closed."},
	"notice.proof.failed": {
		JA: "閉じているはずの入口が開いていました。チェックリストのページを確かめ、保守業者に連絡してください。",
		EN: "a way in that should be closed was open. See the checklist page and call your vendor."},
	"notice.proof.unmeasured": {
		JA: "確かめることができませんでした。",
		EN: "nothing could be shown."},
	"notice.proof.none": {
		JA: "まだ行っていません。",
		EN: "there was none yet."},
	"window.warning": {
		JA: "保守 {window} 番: 「{device}」への {vendor} の入口は、あと {minutes} 分で閉じます。作業が終わらないときは、ページで延長を承認してください。",
		EN: "Window {window}: the way of {vendor} to {device} closes in {minutes} minutes. If the work takes longer, approve an extension on the page."},
	"gateway.ending_soon": {
		JA: "保守 {window} 番: 「{device}」への {vendor} の入口は、あと {minutes} 分で閉じます。作業が終わらないときは、延長を承認してください。",
		EN: "Window {window}: the way of {vendor} to {device} closes in {minutes} minutes. If the work takes longer, approve an extension."},

	"notice.settings": {
		JA: "知らせの送り先を変えました(メール: {mail}、Webhook: {webhook}、syslog: {syslog})。",
		EN: "Where notices go was changed (mail: {mail}, webhook: {webhook}, syslog: {syslog})."},
	"notice.tested.mail": {
		JA: "試しの知らせをメールで送りました(届いた先 {sent} / {all})。",
		EN: "A trial notice was sent by mail (reached {sent} of {all})."},
	"notice.tested.webhook": {
		JA: "試しの知らせを Webhook で送りました(届いた先 {sent} / {all})。",
		EN: "A trial notice was sent by webhook (reached {sent} of {all})."},
	"notice.tested.syslog": {
		JA: "試しの知らせを syslog で送りました(届いた先 {sent} / {all})。",
		EN: "A trial notice was sent by syslog (reached {sent} of {all})."},
	"notice.failing": {
		JA: "届いていない知らせが {n} 件あります。知らせの設定のページで「試しに送る」を押すと、理由が分かります。",
		EN: "{n} notices have not arrived. Press \"send a trial\" on the page of notice settings to see why."},
	"notice.not_here": {
		JA: "この門番からは、まだ知らせを送れません。保守業者に連絡してください。",
		EN: "This box cannot send notices yet. Call your vendor."},
	"notice.off": {
		JA: "この知らせ方はまだ設定されていません。送り先を入れて保存してから、もう一度押してください。",
		EN: "This channel is not set up. Enter where notices go, save, then try again."},

	"notice.host": {
		JA: "「{value}」はサーバーの名前として使えません。smtp.example.jp のような名前かアドレスを入れてください。",
		EN: "{value} is no server name. Enter one like smtp.example.jp, or an address."},
	"notice.port": {
		JA: "ポート {value} はありません。1から65535の数字を入れてください(メールは587か465が普通です)。",
		EN: "There is no port {value}. Enter a number from 1 to 65535 (587 or 465 for mail)."},
	"notice.words": {
		JA: "長すぎるか、改行などの使えない文字が入っています。{max} 文字までで、1行で入れてください。",
		EN: "This is too long or has signs that cannot be used, such as line ends. Use one line of at most {max} characters."},
	"notice.address": {
		JA: "「{value}」はメールアドレスとして使えません。name@example.jp の形で、半角で入れてください。",
		EN: "{value} is no mail address. Enter it as name@example.jp, in ASCII."},
	"notice.to_missing": {
		JA: "知らせを受け取る人のメールアドレスを、1つ以上入れてください。",
		EN: "Enter at least one mail address that gets the notices."},
	"notice.to_many": {
		JA: "受け取る人が多すぎます。{max} 件までにしてください。",
		EN: "There are too many recipients. Use at most {max}."},
	"notice.url": {
		JA: "この送り先は使えません。https:// で始まるアドレスを、利用者名やパスワード、# を含めずに入れてください。",
		EN: "This address cannot be used. It must begin with https:// and hold no user, password or #."},
	"notice.secret_short": {
		JA: "合い言葉が短すぎます。{min} 文字以上の、ほかで使っていないものにしてください。",
		EN: "The secret is too short. Use at least {min} characters that are used nowhere else."},
	"notice.password_missing": {
		JA: "利用者名を入れたときは、パスワードも入れてください。サインインが要らないサーバーなら、利用者名を空にしてください。",
		EN: "With a user, enter the password, too. If the server needs no sign-in, leave the user empty."},
	"notice.secret_again": {
		JA: "送り先を変えたときは、パスワードや合い言葉も入れ直してください。前のものを別の相手に渡さないためです。",
		EN: "When where it goes changes, enter the password or secret again, so that the old one is not given to somebody else."},
	"notice.ca": {
		JA: "認証局の証明書として読めません。「-----BEGIN CERTIFICATE-----」から「-----END CERTIFICATE-----」までを貼り付けてください。",
		EN: "This is no authority's certificate. Paste everything from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."},

	"notice.no_name": {
		JA: "サーバー「{host}」の名前が見つかりません。つづりを確かめ、合っていればインターネットの接続を確かめてください。",
		EN: "The server {host} was not found. Check the spelling, then the internet connection."},
	"notice.connection_refused": {
		JA: "サーバー「{host}」がポート {port} での接続を断りました。ポートの番号を確かめてください。",
		EN: "The server {host} refused a connection to port {port}. Check the port number."},
	"notice.unreachable": {
		JA: "サーバー「{host}」に届きません。インターネットの接続を確かめてください。",
		EN: "The server {host} cannot be reached. Check the internet connection."},
	"notice.timeout": {
		JA: "サーバー「{host}」(ポート {port})が時間内に応えません。名前とポートを確かめ、合っていれば時間をおいて試してください。",
		EN: "The server {host} (port {port}) does not answer in time. Check name and port, then try later."},
	"notice.broken_off": {
		JA: "サーバー「{host}」が途中で接続を切りました。ポートの番号を確かめ、続くときはサーバーの管理者に聞いてください。",
		EN: "The server {host} broke the connection off. Check the port; if it stays, ask who runs the server."},
	"notice.no_tls": {
		JA: "サーバー「{host}」のポート {port} は、暗号化された接続ではありません。ポートの番号を確かめてください(メールは465か587)。",
		EN: "Port {port} of {host} does not speak TLS. Check the port (465 or 587 for mail)."},
	"notice.cert_name": {
		JA: "サーバーの証明書は「{names}」のもので、「{host}」のものではありません。サーバーの名前を証明書どおりに入れてください。",
		EN: "The server's certificate is for {names}, not for {host}. Enter the name the certificate is for."},
	"notice.cert_unknown": {
		JA: "サーバー「{host}」の証明書は、知られていない認証局({issuer})のものです。院内のサーバーなら、その認証局の証明書を貼り付けてください。",
		EN: "The certificate of {host} is from an authority that is not known ({issuer}). For a server of your own, paste that authority's certificate."},
	"notice.cert_time": {
		JA: "サーバー「{host}」の証明書は期限が切れているか、まだ有効になっていません。箱の時計が合っていれば、サーバーの管理者に伝えてください。",
		EN: "The certificate of {host} has expired or is not valid yet. If the clock of the box is right, tell who runs the server."},
	"notice.tls": {
		JA: "サーバー「{host}」と安全な接続(TLS 1.2 以上)を作れません。サーバーの管理者に、TLS の設定を確かめてもらってください。",
		EN: "No safe connection (TLS 1.2 or newer) to {host} could be made. Ask who runs the server about its TLS settings."},
	"notice.no_starttls": {
		JA: "サーバー「{host}」は、このポートで暗号化(STARTTLS)ができません。ポート465を試すか、サーバーの管理者に聞いてください。",
		EN: "The server {host} does not offer STARTTLS on this port. Try port 465 or ask who runs it."},
	"notice.no_sign_in": {
		JA: "サーバー「{host}」は、利用者名とパスワードでのサインインを受け付けていません。このサーバーで要らなければ、利用者名を空にしてください。",
		EN: "The server {host} takes no sign-in by user and password. If it needs none, leave the user empty."},
	"notice.password_refused": {
		JA: "サーバー「{host}」が利用者名かパスワードを断りました。入れ直してください。2段階認証の利用者には、専用の「アプリパスワード」が要ることがあります。",
		EN: "The server {host} refused the user or the password. Enter them again. Accounts with two factors may need an app password."},
	"notice.from_refused": {
		JA: "サーバーが差出人「{address}」を断りました。サインインした利用者のアドレスにしてください({answer})。",
		EN: "The server refused the sender {address}. Use the address of the user who signs in ({answer})."},
	"notice.recipient_refused": {
		JA: "サーバーが宛先「{address}」を断りました。アドレスを確かめてください({answer})。",
		EN: "The server refused the recipient {address}. Check the address ({answer})."},
	"notice.mail_refused": {
		JA: "サーバー「{host}」がメールを受け取りませんでした({answer})。サーバーの管理者に聞いてください。",
		EN: "The server {host} did not take the mail ({answer}). Ask who runs it."},
	"notice.http_status": {
		JA: "Webhook の送り先「{host}」が {status} と答えました。アドレスと、相手の側の設定を確かめてください。",
		EN: "The webhook of {host} answered {status}. Check the address and the settings on the other side."},
	"notice.http_redirect": {
		JA: "Webhook の送り先「{host}」が別のアドレスへ移るように答えました({status})。移った先のアドレスを入れてください。",
		EN: "The webhook of {host} points to another address ({status}). Enter that one."},
	"notice.not_sent": {
		JA: "「{host}」に知らせを送れませんでした。設定を確かめ、続くときは保守業者に連絡してください。",
		EN: "The notice could not be sent to {host}. Check the settings; if this stays, call your vendor."},
}
