package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// steadily tells TestAskSteadily whom to ask.
const steadily = "MONBAN_TEST_STEADILY"

// A phase is what became of the questions of some time.
type phase struct {
	Asked   int
	Lost    int // no answer within two tries of five seconds, as glibc has them
	Again   int // an answer at the second try
	Refused int // the port was closed: programs go elsewhere then
	Wrong   int // another answer than usual
	Said    string
	Median  time.Duration
	P99     time.Duration
	Worst   time.Duration
}

// An inquiry asks all kinds of names at a steady rate, over both transports,
// until it is stopped.
type inquiry struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// inquire begins to ask from the reception PC.
func (c *clinic) inquire(t *testing.T) *inquiry {
	t.Helper()
	k := &inquiry{t: t, cmd: exec.Command(self(t), "--lang", "en", "lab", "exec", "--dir", c.dir, "reception", "--",
		"/usr/bin/env", steadily+"="+c.LAN[0].String()+":53", self(t), "-test.run=^TestAskSteadily$", "-test.timeout=5m")}
	in, err := k.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.cmd.Stderr = os.Stderr
	k.in, k.lines = in, bufio.NewScanner(out)
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(20*time.Second, func() { k.cmd.Process.Signal(syscall.SIGKILL) })
		for k.lines.Scan() {
		}
		k.cmd.Wait()
		timer.Stop()
	})
	return k
}

// next ends a phase and says what became of its questions.
func (k *inquiry) next() (p phase) {
	k.t.Helper()
	if _, err := io.WriteString(k.in, "next\n"); err != nil {
		k.t.Fatal(err)
	}
	for k.lines.Scan() {
		if line := k.lines.Text(); strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), &p); err != nil {
				k.t.Fatal(err)
			}
			return p
		}
	}
	k.t.Fatal("the asker ended")
	return p
}

// sound wants every question of p to have had its answer.
func (p phase) sound(t *testing.T, when string, least int) {
	t.Helper()
	t.Logf("%s: %+v", when, p)
	if p.Asked < least || p.Lost+p.Refused+p.Wrong > 0 {
		t.Errorf("%s: of %d questions %d got no answer, %d met a closed port, %d got a wrong answer: %s", when, p.Asked, p.Lost, p.Refused, p.Wrong, p.Said)
	}
}

// TestAskSteadily is the other end of an inquiry.
func TestAskSteadily(t *testing.T) {
	server := os.Getenv(steadily)
	if server == "" {
		return
	}
	var mu sync.Mutex
	var now phase
	var took []time.Duration
	var open sync.WaitGroup
	ask := func(n int) {
		defer open.Done()
		began := time.Now()
		what, said := inquireOnce(server, n)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
		now.Asked++
		now.Lost += what.Lost
		now.Again += what.Again
		now.Refused += what.Refused
		now.Wrong += what.Wrong
		if said != "" {
			now.Said = said
		}
	}
	stop := make(chan bool)
	go func() {
		defer close(stop)
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			stop <- true
		}
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			open.Add(1)
			go ask(n)
		case _, more := <-stop:
			open.Wait()
			if !more {
				return
			}
			slices.Sort(took)
			if len(took) > 0 {
				now.Median, now.P99, now.Worst = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
			}
			b, _ := json.Marshal(now)
			fmt.Println(string(b))
			now, took = phase{}, nil
		}
	}
}

// inquireOnce asks the n-th question and counts what became of it.
func inquireOnce(server string, n int) (p phase, said string) {
	kinds := []struct{ name, want string }{
		{"www.lab.example.", "198.51.100.130"}, {"blocked.lab.example.", "0.0.0.0"}, {"alias.lab.example.", "198.51.100.130"},
		{"cloaked.lab.example.", "0.0.0.0"}, {"monban.home.arpa.", "192.168.10.1"}, {"short.lab.example.", "198.51.100.130"},
	}
	kind := kinds[n%len(kinds)]
	client := dns.Client{Net: "udp", Timeout: 5 * time.Second, UDPSize: 1232}
	if n%10 == 9 {
		client.Net = "tcp"
	}
	q := new(dns.Msg).SetQuestion(kind.name, dns.TypeA)
	q.SetEdns0(1232, false)
	for try := range 2 {
		m, _, err := client.Exchange(q, server)
		switch {
		case err == nil && len(m.Answer) > 0 && strings.HasSuffix(m.Answer[len(m.Answer)-1].String(), "\t"+kind.want):
			p.Again = try
			return p, said
		case err == nil:
			p.Wrong = 1
			return p, strings.Join(strings.Fields(m.String()), " ")
		case errors.Is(err, syscall.ECONNREFUSED):
			p.Refused = 1
		}
		said = kind.name + " over " + client.Net + ": " + err.Error()
	}
	p.Lost = 1
	return p, said
}

// A daemon killed and started again loses no question: they wait in sockets
// that are not its own. Nobody meets a closed port, nobody gets a wrong answer.
func TestRestartLosesNoQuestion(t *testing.T) {
	c := open(t)
	k := c.inquire(t)
	time.Sleep(time.Second)
	k.next().sound(t, "before", 20)
	for range 3 {
		c.run("lab", "kill", "--dir", c.dir)
		time.Sleep(500 * time.Millisecond)
		c.run("lab", "start", "--dir", c.dir)
		time.Sleep(500 * time.Millisecond)
	}
	k.next().sound(t, "over three restarts", 100)
}

// hosts is a list of n names besides the usual ones, and one more.
func hosts(n int, more string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "0.0.0.0 ads%d.lists.example\n", i)
	}
	fmt.Fprintf(&b, "0.0.0.0 blocked.lab.example\n0.0.0.0 %s\n", more)
	return b.String()
}

// putList puts a list in the place of the lab's, as a program does.
func (c *clinic) putList(content string) {
	c.t.Helper()
	name := filepath.Join(c.dir, "lists", "lab.hosts")
	if err := os.WriteFile(name+".new", []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
	move(c.t.(*testing.T), name+".new", name)
}

// refuses waits until name is refused.
func (c *clinic) refuses(name string) {
	c.t.Helper()
	for range 600 {
		if l := c.lookup(false, c.LAN[0].String(), name, "A"); len(l.Answer) == 1 && strings.HasSuffix(l.Answer[0], " 0.0.0.0") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Fatalf("%s is not refused", name)
}

// A list of a million names comes into force while questions are answered: none
// waits for it. Were one to wait, all would, for as long as it takes.
func TestListReloadDelaysNoQuestion(t *testing.T) {
	c := open(t)
	k := c.inquire(t)
	time.Sleep(2 * time.Second)
	k.next().sound(t, "quiet", 50)
	for round := range 2 {
		name := fmt.Sprintf("late%d.lists.example", round)
		began := time.Now()
		c.putList(hosts(1_000_000, name))
		c.refuses(name)
		took := time.Since(began)
		p := k.next()
		p.sound(t, fmt.Sprintf("while a million names came into force, in %v", took), 50)
		if p.Median > took/4 {
			t.Errorf("half of the questions waited %v or longer, of %v", p.Median, took)
		}
	}
}

// Whatever becomes of a list file and of the disk, what was refused stays
// refused, also over a restart, and people are told.
func TestListsThatFail(t *testing.T) {
	c := open(t, smallState(t, "12m"))
	const page = "<!DOCTYPE html><html><body>Moved.</body></html>\n"
	restart := func() {
		t.Helper()
		c.run("lab", "kill", "--dir", c.dir)
		c.run("lab", "start", "--dir", c.dir)
	}
	c.refuses(c.BlockedName)
	c.putList(page)
	c.noted("gateway.list_unread")
	c.refuses(c.BlockedName)
	c.guarded()
	restart()
	c.noted("gateway.list_unread")
	c.refuses(c.BlockedName)

	// A good list on a full disk is in force, though it cannot be kept.
	filler := filepath.Join(c.state(), "filler")
	fill(t, filler)
	c.putList(hosts(100_000, "full.lists.example"))
	c.noted("gateway.list_unkept")
	c.refuses("full.lists.example")
	c.refuses(c.BlockedName)
	c.guarded()
	restart()
	c.refuses("full.lists.example")
	c.refuses(c.BlockedName)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}

	// A kept list that lost a bit is not believed, and with the file gone, too,
	// people are told that nothing of it is in force. Names work.
	restart()
	c.refuses(c.BlockedName)
	compiled := filepath.Join(c.state(), "lists.compiled")
	b, err := os.ReadFile(compiled)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(compiled, b, 0o600); err != nil {
		t.Fatal(err)
	}
	restart()
	c.refuses(c.BlockedName) // made again from the file
	c.run("lab", "kill", "--dir", c.dir)
	if b, err = os.ReadFile(compiled); err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(compiled, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c.putList(page)
	c.run("lab", "start", "--dir", c.dir)
	c.noted("gateway.list_none")
	c.guarded()
	c.putList(hosts(10, "again.lists.example"))
	c.refuses("again.lists.example")
}
