package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"monban/gateway/control"
)

// remote is embedded in each command that asks the running daemon.
type remote struct {
	Socket string `default:"/run/monban/monban.sock" help:"Control socket of the daemon." placeholder:"PATH"`
	JSON   bool   `name:"json" help:"Print JSON for scripts."`
}

func (r remote) client() control.Client { return control.Client{Path: r.Socket} }

// print writes v as JSON if asked to, else calls people.
func (r remote) print(w io.Writer, v any, people func()) error {
	if !r.JSON {
		people()
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// shortTime prints a time for people in the terminal's zone.
func shortTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func joinAddrs(as []netip.Addr) string {
	ss := make([]string, len(as))
	for i, a := range as {
		ss[i] = a.String()
	}
	return strings.Join(ss, " ")
}
