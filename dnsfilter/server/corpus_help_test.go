package server

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A corpusCase is one line of testdata/corpus/questions.
type corpusCase struct {
	line   string
	packet []byte
	tcp    bool
}

// corpus reads the questions.
func corpus(t testing.TB) (all []corpusCase) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "corpus", "questions"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		c, err := parseCase(line)
		if err != nil || seen[line] {
			t.Fatalf("%q, seen %v: %v", line, seen[line], err)
		}
		seen[line] = true
		all = append(all, c)
	}
	return all
}

// parseCase makes the packet that line describes.
func parseCase(line string) (corpusCase, error) {
	c := corpusCase{line: line}
	words := strings.Fields(line)
	if len(words) < 2 {
		return c, fmt.Errorf("no name and type")
	}
	typ, ok := dns.StringToType[words[1]]
	if !ok {
		n, err := strconv.ParseUint(strings.TrimPrefix(words[1], "TYPE"), 10, 16)
		if err != nil {
			return c, err
		}
		typ = uint16(n)
	}
	m := new(dns.Msg)
	m.Id = dns.Id()
	m.RecursionDesired = true
	m.Question = []dns.Question{{Name: words[0], Qtype: typ, Qclass: dns.ClassINET}}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(1232)
	m.Extra = []dns.RR{opt}
	for _, w := range words[2:] {
		if err := c.change(m, opt, w); err != nil {
			return c, fmt.Errorf("%q: %w", w, err)
		}
	}
	packed, err := m.Pack()
	c.packet = packed
	return c, err
}

func (c *corpusCase) change(m *dns.Msg, opt *dns.OPT, word string) error {
	key, value, numbered := strings.Cut(word, "=")
	if key == "opt" {
		code, data, _ := strings.Cut(value, ":")
		n, err := strconv.ParseUint(code, 10, 16)
		if err != nil {
			return err
		}
		raw, err := hex.DecodeString(data)
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: uint16(n), Data: raw})
		return err
	}
	n := uint64(0)
	if numbered {
		var err error
		if n, err = strconv.ParseUint(value, 10, 16); err != nil {
			return err
		}
	}
	switch key {
	case "+do":
		opt.SetDo()
	case "+cd":
		m.CheckingDisabled = true
	case "+ad":
		m.AuthenticatedData = true
	case "-rd":
		m.RecursionDesired = false
	case "+tcp":
		c.tcp = true
	case "-edns":
		m.Extra = nil
	case "size":
		opt.SetUDPSize(uint16(n))
	case "version":
		opt.SetVersion(uint8(n))
	case "class":
		m.Question[0].Qclass = uint16(n)
	case "opcode":
		m.Opcode = int(n)
	case "questions":
		for len(m.Question) < int(n) {
			m.Question = append(m.Question, m.Question[0])
		}
		m.Question = m.Question[:n]
	default:
		return fmt.Errorf("unknown word")
	}
	return nil
}
