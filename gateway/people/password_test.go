package people_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"monban/gateway/people"
	"monban/gateway/text"
)

func TestCheckPassword(t *testing.T) {
	context := []string{"門番クリニック", "Sakura Clinic 03-1234-5678", "山田太郎"}
	for in, want := range map[string]string{
		"correct horse battery staple": "",
		"さくら並木を毎朝あるいて通う病院":             "", // 16 characters
		"hK3-vvq9!zPw_44m":             "",
		"blaue Kuh trinkt 7 Tee":       "",
		strings.Repeat("あ長い言葉x9", 16):  "people.password_repeats",
		"short":                        "people.password_short",
		"あいうえおかきくけこさしすせ":               "people.password_short", // 14 characters, 42 bytes
		strings.Repeat("xk7q", 4):      "people.password_repeats",
		"aaaaaaaaaaaaaaaaaaa":          "people.password_repeats",
		"passwordpassword":             "people.password_common",
		"password-Dragon":              "people.password_common",
		"Password12345678!":            "people.password_common",
		"ｐａｓｓｗｏｒｄ１２３４５６７８":             "people.password_common",
		"qwertyuiopasdfghjkl":          "people.password_common",
		"abcdefghijklmnop":             "people.password_common",
		"9876543210987654":             "people.password_common",
		"1qaz2wsx3edc4rfv":             "people.password_common",
		"sakura-clinic-2027":           "people.password_context",
		"monban-monban-1a2b":           "people.password_context",
		"山田太郎山田太郎のパスワード":               "people.password_short",
		"山田太郎と山田太郎のぱすわど":               "people.password_short",
		"山田太郎/山田太郎/山田太郎":               "people.password_short",
		"山田太郎の山田太郎による山田太郎":             "people.password_context",
	} {
		err := people.CheckPassword(in, context...)
		var f *text.Fault
		if got := errors.As(err, &f); got != (want != "") || got && (f.Code != want || f.Field != "password") {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	long := []rune(strings.Repeat("0x7 ほげ", 40))
	if err := people.CheckPassword("Z" + string(long[:127])); err != nil {
		t.Error("128 characters:", err)
	}
	if err := people.CheckPassword("Z" + string(long[:128])); err == nil {
		t.Error("129 characters were taken")
	}
}

func TestCommonList(t *testing.T) {
	b, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(b))
	if len(words) < 3000 || !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
		t.Errorf("%d words, sorted %v", len(words), slices.IsSorted(words))
	}
}

func BenchmarkCheckPassword(b *testing.B) {
	for b.Loop() {
		_ = people.CheckPassword("correct horse battery staple and more of it", "門番クリニック")
	}
}
