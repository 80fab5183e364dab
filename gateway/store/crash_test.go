package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/device"
	"monban/gateway/window"
)

const crashEnv = "MONBAN_TEST_CRASH_DIR"

// kills is how often the process that acts is killed.
const kills = 100

// A process acts without end and says each act that was answered; it is
// killed with -9 at random moments, also while it starts. Each answered act
// is in the log, in order and once; at most one more is; the chain verifies;
// and nothing looks like tampering.
func TestKill9(t *testing.T) {
	if dir := os.Getenv(crashEnv); dir != "" {
		actForever(t, dir)
		return
	}
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	began, acts, lag, starts := time.Now(), 0, 0, 0
	for i := range kills {
		last, started := untilKilled(t, dir, time.Duration(random.Int64N(int64(60*time.Millisecond))))
		db, err := Open(filepath.Join(dir, "monban.db"), Options{})
		if err != nil {
			t.Fatalf("seed %d, kill %d: %v", seed, i, err)
		}
		n := recorded(t, db)
		if last = max(last, acts); n < last || n > last+1 {
			t.Fatalf("seed %d, kill %d: %d acts were answered, %d are on record", seed, i, last, n)
		}
		if h, err := db.Verify(t.Context()); err != nil || h != db.Head() {
			t.Fatalf("seed %d, kill %d: %v", seed, i, err)
		}
		if f := db.Findings(); len(f) > 0 {
			t.Fatalf("seed %d, kill %d: %v", seed, i, f)
		}
		if n > last {
			lag++
		}
		if !started {
			starts++
		}
		acts = n
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acts < kills/4 {
		t.Errorf("only %d acts: the machine is too slow for this test", acts)
	}
	t.Logf("%d kills in %v, %d of them before the start was over; %d acts, %d of them committed but not answered",
		kills, time.Since(began).Round(time.Millisecond), starts, acts, lag)
}

// untilKilled starts the process, kills it after d of acting (or, one time in
// eight, of starting), and returns the last act it answered.
func untilKilled(t *testing.T, dir string, d time.Duration) (last int, started bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill9$")
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if d%8 != 0 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		started = true
	}
	time.Sleep(d)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // "signal: killed"
	// A line without its end was not said.
	whole := string(said[:strings.LastIndexByte(string(said), '\n')+1])
	for line := range strings.Lines(whole) {
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			last = n
		} else if line != "started\n" {
			t.Fatalf("the process said %q", line)
		}
	}
	return last, started
}

// actForever goes on where the log ends: window after window, one step and
// its lines per act.
func actForever(t *testing.T, dir string) {
	db, err := Open(filepath.Join(dir, "monban.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := db.PutDevices(t.Context(), []device.Device{seen(9)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("started")
	for n := recorded(t, db) + 1; ; n++ {
		if err := db.Act(t.Context(), director, at, func(tx *Tx) error {
			if err := oneStep(tx, ids[seen(9).MAC]); err != nil {
				return err
			}
			return tx.Audit("crash.act", map[string]any{"n": n})
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.WriteString(strconv.Itoa(n) + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// oneStep takes the newest window one step on, or asks for the next one.
func oneStep(tx *Tx, deviceID int64) error {
	w, err := one(tx.ctx, tx.tx, "", scanWindow, selectWindow+"ORDER BY id DESC LIMIT 1")
	from := w.State
	start := window.Start{BootID: "b", Boot: 1, At: noon, Synced: true}
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err != nil || from.Over():
		if w, err = window.Ask(window.Window{Vendor: "acme", Device: deviceID, Reason: "x", Requester: "y",
			Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")},
			Ports:   []window.Port{{Proto: window.TCP, Port: 1}}, NotBefore: noon}, staff, noon); err != nil {
			return err
		}
		_, err = tx.InsertWindow(w)
		return err
	case from == window.Requested:
		w, err = w.Approve(director, noon, window.Answer{})
	case from == window.Approved:
		w, err = w.Schedule()
	case from == window.Scheduled:
		var mark uint16
		if mark, err = tx.NextMark(noon, nil); err == nil {
			start.Mark = uint32(mark)
			w, err = w.Begin(start)
		}
	case from == window.Opening:
		w, err = w.Opened()
	case len(w.Extensions) < 2:
		w, err = w.Extend(director, noon, start.Boot, window.Answer{Length: time.Minute})
	default:
		w, err = w.Close(window.ByHand, director, noon, window.Tally{})
	}
	if err != nil {
		return err
	}
	return tx.PutWindow(w, from)
}

// recorded returns how many acts are on record, after checking that they are
// 1, 2, 3, … and that each has its transition.
func recorded(t *testing.T, db *DB) int {
	t.Helper()
	lines, err := db.AuditLines(t.Context(), 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range lines {
		var args struct{ N int }
		if err := json.Unmarshal(l.Args, &args); err != nil || args.N != len(lines)-i || l.Code != "crash.act" {
			t.Fatalf("line %d is %s %s, %v", l.Seq, l.Code, l.Args, err)
		}
	}
	var moves int
	if err := db.r.QueryRow("SELECT count(*) FROM transition").Scan(&moves); err != nil || moves != len(lines) {
		t.Fatalf("%d acts, %d transitions, %v", len(lines), moves, err)
	}
	return len(lines)
}
