package store

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"monban/gateway/text"
)

// ErrNotFound is the error of a look-up by id or name that found nothing.
var ErrNotFound = errors.New("not in the database")

// ErrNoAudit is the error of an act that wrote fewer audit lines than it must:
// a mistake of the caller, and nothing was kept.
var ErrNoAudit = errors.New("an act without its audit line")

// faultOf turns an error of SQLite or of the file system into the Fault for
// people; Faults, context errors and nil stay what they are.
func faultOf(doing string, err error) error {
	var f *text.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f), errors.Is(err, ErrNotFound), errors.Is(err, ErrNoAudit):
		return err
	case isFull(err):
		return text.NewFault("store.disk_full").Because(fmt.Errorf("%s: %w", doing, err))
	case isReadOnly(err):
		return text.NewFault("store.read_only").Because(fmt.Errorf("%s: %w", doing, err))
	}
	switch primary(err) {
	case lib.SQLITE_NOTADB:
		f = text.NewFault("store.not_a_database")
	case lib.SQLITE_CORRUPT:
		f = text.NewFault("store.broken")
	case 0:
		return fmt.Errorf("%s: %w", doing, err)
	default:
		f = text.NewFault("store.failed")
	}
	return f.Because(fmt.Errorf("%s: %w", doing, err))
}

// code returns SQLite's extended result code of err, 0 if it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func primary(err error) int { return code(err) & 0xff }

// isFull also counts a shared-memory file that could not grow: SQLite has no
// code of its own for that.
func isFull(err error) bool {
	var f *text.Fault
	if errors.As(err, &f) {
		return f.Code == "store.disk_full"
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		primary(err) == lib.SQLITE_FULL || code(err) == lib.SQLITE_IOERR_SHMSIZE
}

func isReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) ||
		primary(err) == lib.SQLITE_READONLY || primary(err) == lib.SQLITE_CANTOPEN || primary(err) == lib.SQLITE_PERM
}

// isTaken reports a broken UNIQUE rule.
func isTaken(err error) bool {
	return code(err) == lib.SQLITE_CONSTRAINT_UNIQUE || code(err) == lib.SQLITE_CONSTRAINT_PRIMARYKEY
}
