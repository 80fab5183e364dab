package text

// attemptText has what is wrong with asking for attempts outside windows, or
// for a month's windows.
var attemptText = map[string]sentence{
	"attempt.day": {
		JA: "「{day}」という日はありません。2026-11-21 の形で入れてください。",
		EN: "There is no day {day}. Enter it as 2026-11-21."},
	"sheet.month": {
		JA: "{year}年{month}月という月はありません。月を選び直してください。",
		EN: "There is no month {month} of {year}. Choose another."},
}
