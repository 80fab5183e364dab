package querylog

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Many add while one writes and one reads.
func TestAtOnce(t *testing.T) {
	l := opened(t, t.TempDir(), nil)
	var adders, others sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		adders.Go(func() {
			for n := range 2000 {
				put(l, rec(n))
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-l.wake:
				l.drain(Sink{Owner: owner})
			}
		}
	})
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := l.Read(t.Context(), Query{Limit: 10}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	adders.Wait()
	close(stop)
	others.Wait()
	l.Flush(Sink{})
	if got, lost := len(read(t, l, Query{Limit: 1000})), l.Stats().Lost; got+int(lost) != 8000 || lost > 0 {
		t.Errorf("%d records, %d lost", got, lost)
	}
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	for name, b := range map[string]string{"README": "x", "zz.mql": "x", "0000000000000001-6947a2a0.mql": "MQL2MQL2MQL2", "0000000000000009-6947a2a0.mql": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := opened(t, dir, nil)
	put(l, rec(1))
	l.Flush(Sink{})
	if got := read(t, l, Query{}); len(got) != 1 || got[0].ID != 10 {
		t.Errorf("%+v", got)
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("no directory")
	}
	if _, err := Open(Options{Dir: filepath.Join(dir, "README")}); !errors.Is(err, os.ErrExist) && err == nil {
		t.Error("a file for a directory")
	}
}
