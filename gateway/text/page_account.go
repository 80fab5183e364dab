package text

// pageAccountText is what the page says on which people renew how they come in.
var pageAccountText = map[string]sentence{
	"page.account.title":         {"自分のアカウント", "My account"},
	"page.account.lead":          {"あなたのパスワード、認証アプリ、復旧コードを新しくします。どれを変えても、ほかのパソコンやスマートフォンのサインインは終わります。", "Renew your own password, authenticator or recovery codes. Each change ends your sign-ins on other PCs and phones."},
	"page.account.who":           {"サインイン中の人", "Signed in as"},
	"page.account.code_hint":     {"あなたの認証アプリの 6 けたの数字です。スマートフォンがないときは、復旧コードを 1 つ入力します。", "The six digits in your authenticator app. Without your phone, one of your recovery codes."},
	"page.account.password":      {"パスワードを変える", "Change the password"},
	"page.account.old_password":  {"いまのパスワード", "Current password"},
	"page.account.new_password":  {"新しいパスワード", "New password"},
	"page.account.password_do":   {"パスワードを変える", "Change the password"},
	"page.account.password_done": {"パスワードを変えました。ほかのパソコンやスマートフォンでは、新しいパスワードでサインインし直してください。", "The password was changed. On other PCs and phones, sign in again with the new one."},
	"page.account.phone":         {"新しいスマートフォンの認証アプリを登録する", "Register the authenticator on a new phone"},
	"page.account.phone_lead":    {"スマートフォンを替えるときや、なくしたときに使います。次のページの QR コードを新しいスマートフォンで読み取り、出た数字を入力すると入れ替わります。それまでは、今までの認証アプリが使えます。", "For a phone that is replaced or lost. Scan the QR code on the next page with the new phone and type the digits it shows; until then the old authenticator works."},
	"page.account.phone_do":      {"QR コードを出す", "Show the QR code"},
	"page.account.phone_done":    {"新しい認証アプリを登録しました。今までの認証アプリの数字は使えません。", "The new authenticator is registered. The digits of the old one no longer work."},
	"page.account.until_then":    {"ここに最初の数字を入力するまでは、今までの認証アプリが使えます。", "Until you type the first digits here, the old authenticator works."},
	"page.account.recovery":      {"復旧コードを作り直す", "Make new recovery codes"},
	"page.account.recovery_lead": {"新しいコードを 10 個作り、1 回だけ表示します。今までのコードは、すべて使えなくなります。", "Makes ten new codes, shown once only. All old ones end."},
	"page.account.recovery_do":   {"新しい復旧コードを作る", "Make new codes"},
	"page.account.left":          {"まだ使える復旧コードは {n} 個です。", "Unused recovery codes: {n}."},
	"page.account.few":           {"なくなる前に、新しく作ってください。", " Make new ones before they run out."},
	"page.account.few_link":      {"復旧コードを作り直す", "Make new recovery codes"},
	"page.account.few_left":      {"まだ使える復旧コードは {n} 個です。なくなる前に、「自分のアカウント」で新しく作ってください。", "Unused recovery codes: {n}. Make new ones before they run out, on the page \"My account\"."},
	"page.account.sheet":         {"新しい復旧コードは、作ってから 15 分だけ見られます。まだ印刷していなければ、いま印刷してください。", "Your new recovery codes can be looked at for 15 minutes after they were made. If they are not on paper yet, print them now."},
	"page.account.sheet_link":    {"復旧コードを見る", "Show the recovery codes"},
	"page.account.old_codes":     {"前の復旧コードは、もう使えません。古い紙は捨ててください。", "The codes from before no longer work. Throw the old sheet away."},
}
