package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/gateway/text"
)

// slotService answers the next requests in order, and notes them with how many
// bytes followed.
func slotService(t *testing.T, answers ...any) (path string, asked chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "slot")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if len(answers) == 0 {
		l.Close()
	}
	asked = make(chan string, len(answers))
	go func() {
		for _, a := range answers {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			line, _ := in.ReadString('\n')
			var r bootslot.Request
			_ = json.Unmarshal([]byte(line), &r)
			n, _ := io.CopyN(io.Discard, in, r.Size)
			asked <- r.Do + strings.Repeat("+", int(min(n, 1)))
			_ = json.NewEncoder(c).Encode(a)
			c.Close()
		}
	}()
	return path, asked
}

func slotVersion(t *testing.T, s string) bootslot.Version {
	t.Helper()
	v, err := bootslot.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSlotCommands(t *testing.T) {
	runs := bootslot.Release{Product: "monban", Board: "uefi", Arch: "amd64", Version: slotVersion(t, "1.2.3")}
	newer, older := slotVersion(t, "1.3.0"), slotVersion(t, "1.2.2")
	status := func(s bootslot.Status) any {
		s.Release, s.Slot = runs, "a"
		return map[string]any{"result": bootslot.Result{Status: &s}}
	}
	done := map[string]any{"result": bootslot.Result{}}
	fault := func(f *text.Fault) any { return map[string]any{"fault": f} }

	key, err := minisign.NewSecret(bytes.NewReader(make([]byte, 40)))
	if err != nil {
		t.Fatal(err)
	}
	m := bootslot.Manifest{Product: "monban", Board: "uefi", Arch: "amd64", Version: newer, Minimum: older, Made: time.Unix(1795000000, 0),
		Boot: bootslot.Piece{Size: 1}, Root: bootslot.Piece{Size: 512}, Notes: bootslot.Notes{JA: "直しました\x1b[2J", EN: "repairs"}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "monban_1.3.0_uefi_amd64.update")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := bootslot.WriteUpdate(f, b, key.Sign(b, "c"), strings.NewReader("b"), bytes.NewReader(make([]byte, 512))); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		args    string
		answers []any
		says    string
		asks    string
		exit    int
	}{
		{"status", []any{status(bootslot.Status{Other: older})}, "runs from slot a. It is kept. The other slot has 1.2.2", "status", 0},
		{"status", []any{status(bootslot.Status{Trial: true, Other: older})}, "It is on trial. Unless it is kept, the next start is 1.2.2.", "status", 0},
		{"status", []any{status(bootslot.Status{Waiting: newer, Armed: true})}, "Version 1.3.0 is written. The next restart tries it.", "status", 0},
		{"status", []any{status(bootslot.Status{Failed: newer, Why: []*text.Fault{text.NewFault("slot.trial.mute")}})}, "Version 1.3.0 was tried, was not seen to work, and was given up. - The box's gatekeeper does not answer.", "status", 0},
		{"status", []any{status(bootslot.Status{Left: runs.Version, Other: older})}, "The next start is 1.2.2.", "status", 0},
		{"status --json", []any{status(bootslot.Status{Waiting: newer})}, `"waiting": "1.3.0"`, "status", 0},
		{"status", nil, "cannot be reached", "", 1},
		{"check FILE", []any{map[string]any{"result": bootslot.Result{Manifest: &m}}}, "Version 1.3.0 can be installed on this box. repairs", "check", 0},
		{"check FILE", []any{fault(text.NewFault("slot.stranger"))}, "not signed by anybody this box trusts", "check", 1},
		{"check nothing", nil, "The update file nothing cannot be read.", "", 1},
		{"install FILE", []any{done, done, status(bootslot.Status{Waiting: newer, Armed: true})}, "Version 1.3.0 is written. \"monban slot reboot\"", "install+ arm status", 0},
		{"install FILE", []any{fault(text.NewFault("slot.full", "need", 38, "free", 3))}, "only 3 MB left, and 38 MB are needed", "install+", 1},
		{"commit", []any{done}, "It is kept.", "commit", 0},
		{"back", []any{status(bootslot.Status{Other: older}), done}, "The next start is 1.2.2.", "status back", 0},
		{"back", []any{status(bootslot.Status{Waiting: newer, Armed: true}), done}, "the next start is 1.2.3 as before", "status back", 0},
		{"reboot", []any{done}, "Restarting.", "reboot", 0},
		{"trial", []any{status(bootslot.Status{})}, "", "status", 0},
	} {
		path, asked := slotService(t, c.answers...)
		args := append([]string{"slot", "--lang", "en"}, strings.Fields(strings.Replace(c.args, "FILE", file, 1))...)
		var out bytes.Buffer
		exit := monban(t.Context(), append(args, "--socket", path), nil, &out, &out)
		says := strings.Join(strings.Fields(out.String()), " ")
		var asks []string
		for range len(asked) {
			asks = append(asks, <-asked)
		}
		if exit != c.exit || !strings.Contains(says, c.says) || strings.Join(asks, " ") != c.asks {
			t.Errorf("%s: exit %d, asked %v, says %q; want %d, %s, %q", c.args, exit, asks, says, c.exit, c.asks, c.says)
		}
	}
	if got := printable(m.Notes.JA + "\n"); got != "直しました?[2J\n" {
		t.Errorf("%q", got)
	}
}
