package store

import (
	"context"
	"database/sql"
	"net/netip"
	"time"

	"monban/gateway/window"
)

// PutSession keeps one connection as seen last; see PutSessions.
func (db *DB) PutSession(ctx context.Context, s window.Session) error {
	return db.PutSessions(ctx, []window.Session{s})
}

// PutSessions keeps connections as seen last, in one transaction. A
// connection is known by window, flow id and start (to the millisecond); its
// bytes only grow and its end, once known, stays. The store's clock of an
// observation is its own: no audit line.
func (db *DB) PutSessions(ctx context.Context, all []window.Session) error {
	if len(all) == 0 {
		return nil
	}
	return db.observe(ctx, "keeping sessions", func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range all {
			_, err := tx.ExecContext(ctx, `INSERT INTO session
				(window, flow, started, mark, proto, source, target, ended, bytes_in, bytes_out)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (window, flow, started) DO UPDATE SET
					ended = coalesce(ended, excluded.ended),
					bytes_in = max(bytes_in, excluded.bytes_in),
					bytes_out = max(bytes_out, excluded.bytes_out)`,
				s.Window, s.FlowID, s.Start.UnixMilli(), s.Mark, string(s.Proto), s.Source.String(), s.Target.String(),
				millis(s.End), int64(s.In), int64(s.Out))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Sessions returns the connections through a window, oldest first.
func (db *DB) Sessions(ctx context.Context, windowID int64) ([]window.Session, error) {
	return collect(ctx, db.r, "reading sessions", scanSession, `SELECT window, flow, started, mark, proto, source, target,
		ended, bytes_in, bytes_out FROM session WHERE window = ? ORDER BY started, flow`, windowID)
}

func scanSession(row scanner) (window.Session, error) {
	var s window.Session
	var start, in, out int64
	var end sql.NullInt64
	var proto, source, target string
	err := row.Scan(&s.Window, &s.FlowID, &start, &s.Mark, &proto, &source, &target, &end, &in, &out)
	if err != nil {
		return s, err
	}
	if s.Source, err = netip.ParseAddrPort(source); err != nil {
		return s, err
	}
	if s.Target, err = netip.ParseAddrPort(target); err != nil {
		return s, err
	}
	s.Start, s.End, s.Proto = time.UnixMilli(start).UTC(), fromMillis(end), window.Proto(proto)
	s.In, s.Out = uint64(in), uint64(out)
	return s, nil
}
