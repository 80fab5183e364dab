package text

var peopleText = map[string]sentence{
	"people.may_not": {
		JA: "この操作は、あなたの役割ではできません。院長に頼んでください。",
		EN: "Your role does not allow this. Ask the director."},
	"people.step_up": {
		JA: "大事な操作なので、認証アプリに今出ている6桁の数字をもう一度入れてください。",
		EN: "This is an important act: enter the six digits your authenticator app shows now."},
	"people.gone": {
		JA: "この利用登録は使えなくなりました。院長に確かめてください。",
		EN: "This account can no longer be used. Ask the director."},
	"people.wait": {
		JA: "続けて間違えたため、いまは確かめられません。{seconds} 秒待ってから、もう一度入れてください。",
		EN: "Too many tries. Wait {seconds} seconds, then try again."},
	"people.wrong_sign_in": {
		JA: "名前、パスワード、6桁の数字のどれかが違います。入れ直してください。",
		EN: "The name, the password or the six digits are wrong. Enter them again."},
	"people.wrong_sign_in_unsynced": {
		JA: "名前、パスワード、6桁の数字のどれかが違います。この箱の時計が合っていないため、6桁の数字が通らないことがあります。紙の復旧コードを使ってください。",
		EN: "The name, the password or the six digits are wrong. The clock of this box is not set, so the digits may fail: use a recovery code from your paper."},
	"people.wrong_totp": {
		JA: "6桁の数字が違います。認証アプリに今出ている数字を入れてください。",
		EN: "The six digits are wrong. Enter what your authenticator app shows now."},
	"people.wrong_totp_unsynced": {
		JA: "6桁の数字が違います。この箱の時計が合っていないためかもしれません。紙の復旧コードを使ってください。",
		EN: "The six digits are wrong, maybe because the clock of this box is not set. Use a recovery code from your paper."},
	"people.code_used": {
		JA: "そのコードはもう使われています。次の6桁の数字が出るまで待つか、別の復旧コードを使ってください。",
		EN: "This code was used already. Wait for the next six digits, or take another recovery code."},
	"people.clock_set_back": {
		JA: "箱の時計が戻っていたため、{name} さんの使った6桁の数字の記憶を合わせ直しました。",
		EN: "The clock was set back, so what was kept of {name}'s used one-time codes was set anew."},
	"people.recovery_used": {
		JA: "{name} さんが紙の復旧コードを1つ使いました(残り {left} 個)。",
		EN: "{name} used a recovery code ({left} left)."},
	"people.password_changed": {
		JA: "{name} さんがパスワードを変えました({source} から)。本人に覚えがなければ、すぐに保守業者に連絡してください。",
		EN: "{name} changed the password (from {source}). If {name} did not, call your vendor at once."},
	"people.factor_changed": {
		JA: "{name} さんが新しい認証アプリを登録しました({source} から)。本人に覚えがなければ、すぐに保守業者に連絡してください。",
		EN: "{name} registered a new authenticator (from {source}). If {name} did not, call your vendor at once."},
	"people.recovery_renewed": {
		JA: "{name} さんが復旧コードを作り直しました({source} から)。本人に覚えがなければ、すぐに保守業者に連絡してください。",
		EN: "{name} made new recovery codes (from {source}). If {name} did not, call your vendor at once."},
	"people.renewed_elsewhere": {
		JA: "ほかの画面で、あなたのパスワード、認証アプリ、復旧コードのどれかが変わりました。サインインし直してください。",
		EN: "Your password, authenticator or recovery codes were changed on another screen. Sign in again."},
	"people.factor_expired": {
		JA: "時間がたったため、認証アプリの登録ははじめからやり直してください。いままでの登録がそのまま使えます。",
		EN: "This took too long. Begin again with the new authenticator; the old one still works."},
	"people.wrong_password": {
		JA: "いまのパスワードが違います。入れ直してください。",
		EN: "The current password is wrong. Enter it again."},
	"people.wrong_setup_code": {
		JA: "初期設定コードが違います。渡された紙か、箱につないだ画面を見て、入れ直してください。",
		EN: "The set-up code is wrong. Look at the paper you were given, or at a screen connected to the box, and enter it again."},
	"people.setup_expired": {
		JA: "時間がたったため、はじめからやり直してください。初期設定コードの入力に戻ります。",
		EN: "This took too long. Begin again with the set-up code."},
	"people.no_such_role": {
		JA: "その役割はありません。院長、受付、業者、検査員から選んでください。",
		EN: "There is no such role. Choose director, staff, vendor or inspector."},
	"people.name_taken": {
		JA: "「{name}」という名前の人がもういます。区別できる名前にしてください。",
		EN: "Somebody is named {name} already. Choose a name that can be told apart."},
	"people.name_empty": {
		JA: "名前を入れてください。空白や見えない文字だけの名前は使えません。",
		EN: "Enter a name. Spaces and invisible signs alone are none."},
	"people.name_long": {
		JA: "名前が長すぎます。{max} 文字までにしてください。",
		EN: "The name is too long. Use at most {max} characters."},
	"people.text_empty": {
		JA: "文章を入れてください。",
		EN: "Enter some text."},
	"people.text_long": {
		JA: "文章が長すぎます。{max} 文字までにしてください。",
		EN: "The text is too long. Use at most {max} characters."},

	"people.password_short": {
		JA: "パスワードが短すぎます。{min} 文字以上にしてください。単語をいくつかつなげると覚えやすくなります。",
		EN: "The password is too short. Use at least {min} characters; several words in a row are easy to keep in mind."},
	"people.password_long": {
		JA: "パスワードが長すぎます。{max} 文字までにしてください。",
		EN: "The password is too long. Use at most {max} characters."},
	"people.password_repeats": {
		JA: "同じ文字のくり返しは、すぐに当てられます。くり返さないパスワードにしてください。",
		EN: "Repeating the same signs is easily guessed. Choose a password that does not repeat."},
	"people.password_common": {
		JA: "よく使われる言葉や数字の並びなので、すぐに当てられます。別の言葉を足すか、変えてください。",
		EN: "These words or rows of digits are used by many and easily guessed. Add other words or change it."},
	"people.password_context": {
		JA: "医院名やあなたの名前など、知られている言葉に頼ったパスワードです。別の言葉にしてください。",
		EN: "This password leans on words people know: the clinic's name or yours. Use other words."},
}
