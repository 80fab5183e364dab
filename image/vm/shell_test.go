package vm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A shell is the test image's: root's, on a serial line of its own. Released
// images have none.
var (
	errOnTrial = errors.New("it is on trial")
	errRuns    = errors.New("it runs")
)

type shell struct {
	m    *machine
	line net.Conn
	said []byte
	asks int
}

// shell waits until the system that runs now has its shell. After a restart a
// new one is needed: what the line holds is of the old system.
func (m *machine) shell(within time.Duration) *shell {
	m.t.Helper()
	end := time.Now().Add(within)
	if m.line == nil {
		until(m.t, "the machine has its second serial line", within, func() (err error) {
			m.line, err = net.Dial("unix", m.file("shell.sock"))
			return err
		})
	}
	s := &shell{m: m, line: m.line}
	for time.Now().Before(end) {
		if _, _, ok := s.try("true", 5*time.Second); ok {
			return s
		}
		if m.off() {
			break
		}
		// What was typed while the machine started may have reached the shell in
		// part, and then it waits for the end of it. At the end of its input it is
		// started anew.
		_, _ = m.line.Write([]byte("\n\x04"))
	}
	m.t.Fatalf("%s without a shell", within)
	return nil
}

// try runs a command. ok says whether it ended in time; its output may be in
// there with the echo of what was typed.
func (s *shell) try(command string, within time.Duration) (out string, status int, ok bool) {
	s.asks++
	// Typed apart, so that the echo does not look like the answer.
	mark := fmt.Sprintf("%d-%d", time.Now().UnixNano(), s.asks)
	typed := fmt.Sprintf("echo '<''%s'; { %s\n} </dev/null 2>&1; echo '>''%s' $?\n", mark, command, mark)
	if _, err := s.line.Write([]byte(typed)); err != nil {
		time.Sleep(time.Second)
		return "", 0, false
	}
	answer := regexp.MustCompile(`(?s)<` + mark + `\r*\n(.*?)>` + mark + ` ([0-9]+)`)
	buf := make([]byte, 64<<10)
	for end := time.Now().Add(within); time.Now().Before(end); {
		_ = s.line.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, _ := s.line.Read(buf)
		s.said = append(s.said, bytes.ReplaceAll(buf[:n], []byte("\r"), nil)...)
		if got := answer.FindSubmatch(s.said); got != nil {
			status, _ = strconv.Atoi(string(got[2]))
			s.said = nil
			return string(got[1]), status, true
		}
	}
	return "", 0, false
}

// run runs a command that must succeed.
func (s *shell) run(command string) string {
	s.m.t.Helper()
	out, status := s.ask(command)
	if status != 0 {
		s.m.t.Fatalf("%s: status %d\n%s", command, status, out)
	}
	return out
}

// ask runs a command that must end.
func (s *shell) ask(command string) (out string, status int) {
	s.m.t.Helper()
	out, status, ok := s.try(command, 3*time.Minute)
	if !ok {
		s.m.t.Fatalf("%s: no end of it\n%s", command, s.said)
	}
	return out, status
}

// json runs a command and reads what it prints.
func (s *shell) json(to any, command string) {
	s.m.t.Helper()
	out := s.run(command)
	if at := strings.IndexAny(out, "{["); at >= 0 {
		out = out[at:]
	}
	if err := json.Unmarshal([]byte(out), to); err != nil {
		s.m.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// times are moments of the boot in seconds of the kernel's clock, which begins
// when the kernel does.
func (s *shell) finished(unit string) float64 {
	s.m.t.Helper()
	out := s.run("systemctl show -p ActiveEnterTimestampMonotonic -p ExecMainExitTimestampMonotonic " + unit)
	var last float64
	for line := range strings.Lines(out) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		us, _ := strconv.ParseFloat(value, 64)
		last = max(last, us/1e6)
	}
	return last
}
