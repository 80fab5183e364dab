package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"monban/gateway/notice"
)

// queue records an act that tells people.
func queue(t testing.TB, db *DB, all ...notice.Message) {
	t.Helper()
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		for _, m := range all {
			if err := tx.QueueNotice(m); err != nil {
				return err
			}
		}
		return tx.Audit("notice.settings", nil)
	}); err != nil {
		t.Fatal(err)
	}
}

func due(t testing.TB, db *DB, c notice.Channel, now time.Time) []notice.Message {
	t.Helper()
	all, err := db.DueNotices(t.Context(), c, now, 2000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func told(c notice.Channel, level, key string) notice.Message {
	return notice.Message{Channel: c, Level: level, Key: key, Code: "window.opened", Args: map[string]any{"bytes": uint64(123456789), "device": "レセコン"}}
}

func TestNotices(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	queue(t, db, told(notice.Mail, notice.Info, ""), told(notice.Mail, notice.Danger, "k"), told(notice.Webhook, notice.Info, "k"), told(notice.Mail, notice.Info, "k"))
	all := due(t, db, notice.Mail, noon)
	if len(all) != 2 || all[0].Level != notice.Danger || !all[0].At.Equal(noon) || !all[0].Synced || all[0].Args["bytes"] != json.Number("123456789") {
		t.Fatalf("%+v", all)
	}
	first, second := all[0], all[1]
	if err := db.NoticeFailed(t.Context(), first.ID, noon.Add(time.Minute), "notice.timeout"); err != nil {
		t.Fatal(err)
	}
	if got := due(t, db, notice.Mail, noon); len(got) != 1 || got[0].ID != second.ID {
		t.Errorf("%+v", got)
	}
	if got := due(t, db, notice.Mail, noon.Add(time.Minute)); len(got) != 2 || got[0].Tries != 1 || got[0].Error != "notice.timeout" {
		t.Errorf("%+v", got)
	}
	// A clock that was set back a year must not make it wait a year.
	if got := due(t, db, notice.Mail, noon.Add(-365*24*time.Hour)); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if n, oldest, err := db.NoticesFailing(t.Context()); err != nil || n != 3 || !oldest.Equal(noon) {
		t.Error(n, oldest, err)
	}
	for _, err := range []error{
		db.NoticeDone(t.Context(), second.ID, noon.Add(time.Second)),
		db.NoticeGivenUp(t.Context(), first.ID, noon.Add(time.Minute), "notice.timeout"),
		db.NoticeFailed(t.Context(), second.ID, noon, "late"), // it is over
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := due(t, db, notice.Mail, noon.Add(time.Hour)); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if n, _, err := db.NoticesFailing(t.Context()); err != nil || n != 2 {
		t.Error("given up, and nobody would know:", n, err)
	}
	queue(t, db, told(notice.Mail, notice.Danger, "k"), told(notice.Mail, notice.Info, "k2")) // k has been told
	all = due(t, db, notice.Mail, noon)
	if len(all) != 1 || all[0].Key != "k2" {
		t.Fatalf("%+v", all)
	}
	if err := db.NoticeDone(t.Context(), all[0].ID, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := db.NoticesFailing(t.Context()); err != nil || n != 1 {
		t.Error("mail works again:", n, err)
	}
	// It is on disk.
	db.Close()
	db = opened(t, dir)
	if got := due(t, db, notice.Webhook, noon); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		return errors.Join(tx.DropNotices(notice.Webhook), tx.Audit("notice.settings", nil))
	}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := db.NoticesFailing(t.Context()); err != nil || n != 0 {
		t.Error(n, err)
	}
	// What the box reminds of needs no line.
	before := db.Head()
	m := told(notice.Mail, notice.Caution, "w")
	m.At = noon
	for range 3 {
		if err := db.QueueNotices(t.Context(), []notice.Message{m, m}); err != nil {
			t.Fatal(err)
		}
	}
	if got := due(t, db, notice.Mail, noon); len(got) != 1 || db.Head() != before {
		t.Errorf("%+v", got)
	}
	m.Level = "loud"
	m.Key = ""
	if err := db.QueueNotices(t.Context(), []notice.Message{m}); err == nil {
		t.Error("kept a level nobody knows")
	}
}

// The queue is bounded: the least important goes first, and of these the
// oldest.
func TestNoticesBounded(t *testing.T) {
	db := opened(t, t.TempDir())
	var all []notice.Message
	for i := range maxWaiting {
		m := told(notice.Mail, notice.Info, fmt.Sprint(i))
		if i%2 == 0 {
			m.Level = notice.Danger
		}
		all = append(all, m)
	}
	queue(t, db, all...)
	queue(t, db, told(notice.Mail, notice.Caution, "a"), told(notice.Webhook, notice.Danger, "b"), told(notice.Mail, notice.Info, "c"))
	left := append(due(t, db, notice.Mail, noon), due(t, db, notice.Webhook, noon)...)
	count := map[string]int{}
	for _, m := range left {
		count[m.Level]++
	}
	has := func(key string) bool {
		return slices.ContainsFunc(left, func(m notice.Message) bool { return m.Key == key })
	}
	if len(left) != maxWaiting || count[notice.Danger] != maxWaiting/2+1 || count[notice.Info] != maxWaiting/2-2 || has("1") || has("3") || has("5") || !has("7") || !has("c") {
		t.Errorf("%d: %v", len(left), count)
	}
	// What is over does not stay for ever.
	for _, m := range left[:3] {
		if err := db.NoticeDone(t.Context(), m.ID, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.NoticeDone(t.Context(), left[3].ID, noon.Add(keepNotices+time.Second)); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.r.QueryRow("SELECT count(*) FROM notice WHERE state = 'sent'").Scan(&n); err != nil || n != 1 {
		t.Error(n, err)
	}
}
