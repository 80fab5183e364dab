package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway"
)

// Replacing the ruleset while a window is open and a session runs loses no
// packet and moves no deadline.
func TestReplacingRulesDisturbsNothing(t *testing.T) {
	c := open(t)
	const length = 8 * time.Second
	w := c.breakGlass("rececom", "3389", length)
	inbound := c.talk("vendor", "udp", "203.0.113.10:3389") // closed: a TCP window
	k := c.talk("vendor", "tcp", c.wan(3389))
	k.wait(10, "echo")
	site := filepath.Join(c.dir, "site.toml")
	good, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	before := c.status().RulesReadAt
	for n := range 3 {
		// Another upstream and another exempt device: names and rules change.
		next := strings.Replace(string(good), "must_work = [", fmt.Sprintf("exempt = [\"02:00:5e:10:00:%02d\"]\nmust_work = [", n+1), 1)
		if next == string(good) {
			t.Fatal("the example no longer has must_work; change this test")
		}
		if err := os.WriteFile(site, []byte(next), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			if s := c.status(); s.RulesReadAt.After(before) && s.RulesOK {
				before = s.RulesReadAt
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if text := c.run("lab", "exec", "--dir", c.dir, "gateway", "--", "nft", "list", "set", "inet", "monban", "dns_exempt"); !strings.Contains(text, fmt.Sprintf("02:00:5e:10:00:%02d", n+1)) {
			t.Fatalf("the rules were not replaced:\n%s", text)
		}
	}
	if left := c.window(w.ID).Left; left > time.Until(w.Ends)+200*time.Millisecond {
		t.Errorf("the deadline moved: %v left, %v expected", left, time.Until(w.Ends))
	}
	time.Sleep(time.Until(w.Ends.Add(time.Second)))
	last, echoes := k.last("echo")
	if d := last.Sub(w.Ends); d > cutWithin || d < -cutWithin {
		t.Errorf("the session ended %v after the window", d)
	}
	lost := 0
	k.mu.Lock()
	seen := map[int]bool{}
	for _, e := range k.events {
		if e.What == "echo" {
			seen[e.N] = true
		}
	}
	for n := 1; n <= echoes; n++ {
		if !seen[n] {
			lost++
		}
	}
	k.mu.Unlock()
	if lost > 0 || echoes < 100 {
		t.Errorf("%d of %d lines got lost", lost, echoes)
	}
	if _, n := inbound.last("echo", "heard"); n > 0 {
		t.Errorf("%d packets passed that no window is for", n)
	}
}

// Whatever moment the daemon is killed at, every act that was answered is in
// the log, and the log verifies.
func TestKilledAtAnyMoment(t *testing.T) {
	c := open(t)
	var ds []gateway.Device
	c.ask(&ds, "device", "list")
	var answered []string
	for round := range 100 {
		stop := make(chan struct{})
		done := make(chan []string)
		go func() {
			var names []string
			for n := 0; ; n++ {
				select {
				case <-stop:
					done <- names
					return
				default:
				}
				name := fmt.Sprintf("r%d-%d", round, n)
				if _, _, status := c.try("device", "name", "--socket", c.Socket, itoa(ds[n%len(ds)].ID), name); status == 0 {
					names = append(names, name)
				}
			}
		}()
		time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond)
		c.run("lab", "kill", "--dir", c.dir)
		close(stop)
		answered = append(answered, <-done...)
		c.run("lab", "start", "--dir", c.dir)
		c.verified()
	}
	logged := map[string]bool{}
	for before := uint64(0); before != 1; {
		var lines []gateway.AuditLine
		c.ask(&lines, "audit", "list", "--limit", "1000", "--before", fmt.Sprint(before))
		for _, l := range lines {
			if l.Code == "device.named" {
				logged[fmt.Sprint(l.Args["name"])] = true
			}
			before = l.Seq
		}
	}
	for _, name := range answered {
		if !logged[name] {
			t.Errorf("%s was answered and is not in the log", name)
		}
	}
	t.Logf("%d acts answered over 100 kills", len(answered))
}
