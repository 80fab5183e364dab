package main

import (
	"log/slog"
	"path/filepath"

	"monban/dnsfilter/querylog"
	"monban/gateway"
)

// openQueryLog opens the record of questions in the state directory. Without
// it the filter answers as well: nil is a log that takes nothing.
func openQueryLog(state string, clock gateway.Clock, log *slog.Logger) *querylog.Log {
	l, err := querylog.Open(querylog.Options{
		Dir: filepath.Join(state, "names"), Now: clock.Wall, Synced: clock.Synced,
		Report: func(err error) { log.Warn("query log", "err", err) },
	})
	if err != nil {
		log.Error("no query log; names are filtered without", "err", err)
		return nil
	}
	return l
}
