package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fetch sends a request from the reception PC, by whatever the name is
// answered with there, and returns the answer.
func (c *clinic) fetch(addr, request string) (*http.Response, string) {
	c.t.Helper()
	cmd := exec.Command(self(c.t), "lab", "exec", "--dir", c.dir, "reception", "--", self(c.t), "lab", "tool", "pipe", "--for", "30s", net.JoinHostPort(addr, "80"))
	in, err := cmd.StdinPipe() // stays open: who closes his side first is taken for gone
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		in.Close()
		cmd.Wait()
	}()
	if _, err := io.WriteString(in, request); err != nil {
		c.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(out), nil)
	if err != nil {
		c.t.Fatalf("fetching from %s: %v", addr, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(b)
}

// With refuse_with = "page" a refused name leads to the page that says why, in
// both families, and a wish made there is one the director sees.
func TestRefusedNameLeadsToThePage(t *testing.T) {
	c := open(t)
	file := filepath.Join(c.dir, "site.toml")
	site, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(site), "must_work = [", "refuse_with = \"page\"\nmust_work = [", 1)
	if next == string(site) {
		t.Fatal("the example no longer has must_work; change this test")
	}
	if err := os.WriteFile(file, []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := func(kind string) string {
		l := c.lookup(false, c.LAN[0].String(), c.BlockedName, kind)
		if len(l.Answer) != 1 {
			t.Fatalf("%s: %+v", kind, l)
		}
		f := strings.Fields(l.Answer[0])
		return f[len(f)-1]
	}
	for range 100 {
		if answer("A") != "0.0.0.0" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if a := answer("A"); a != c.LAN[0].String() {
		t.Fatalf("it is answered with %s", a)
	}
	if l := c.lookup(false, c.LAN[0].String(), c.BlockedName, "HTTPS"); l.Rcode != "NOERROR" || len(l.Answer) != 0 {
		t.Errorf("HTTPS: %+v", l)
	}
	for _, kind := range []string{"A", "AAAA"} {
		res, body := c.fetch(answer(kind), "GET /shop?x=1 HTTP/1.1\r\nHost: "+c.BlockedName+"\r\nConnection: close\r\n\r\n")
		if res.StatusCode != http.StatusForbidden || !strings.Contains(body, c.BlockedName) || !strings.Contains(body, "許可をお願いする") || !strings.Contains(body, "lab") {
			t.Errorf("%s: %v %s", kind, res.Status, body)
		}
	}
	form := url.Values{"reason": {"予約の確認"}}.Encode()
	res, body := c.fetch(c.LAN[0].String(), "POST /monban/wish HTTP/1.1\r\nHost: "+c.BlockedName+"\r\nOrigin: http://"+c.BlockedName+
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(form))+"\r\n\r\n"+form)
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%v %s", res.Status, body)
	}
	found := false
	for _, n := range c.status().Notes {
		found = found || n.Code == "gateway.name_wishes"
	}
	if !found {
		t.Errorf("nobody is told of the wish: %+v", c.status().Notes)
	}
	if out := c.run("dns", "explain", c.BlockedName, "--client", "192.168.10.30", "--socket", c.Socket); !strings.Contains(out, "lab") || !strings.Contains(out, "The list is as it is since") {
		t.Errorf("explain says %s", out)
	}
}
