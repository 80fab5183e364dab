package build

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A mirror that goes silent, before its answer or in the middle of it, does not
// hold up a build for ever.
func TestDownloadStalls(t *testing.T) {
	for name, begin := range map[string]bool{"before the answer": false, "in the middle": true} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if begin {
					w.Header().Set("Content-Length", "1000")
					_, _ = w.Write([]byte("half of it"))
					_ = http.NewResponseController(w).Flush()
				}
				<-over
			}))
			defer server.Close()
			defer close(over)
			err := download(t.Context(), server.URL, filepath.Join(t.TempDir(), "package"), 50*time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), "the mirror said nothing for 50ms") || !strings.Contains(err.Error(), server.URL) {
				t.Error(err)
			}
		})
	}
	// Whoever breaks off the build is told of that.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := download(ctx, "http://127.0.0.1:1/", filepath.Join(t.TempDir(), "package"), time.Minute); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A slow one is waited for.
func TestSlowIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		timer := time.AfterFunc(stall, func() { silent.Store(true) })
		begun := time.Now()
		_, err := io.Copy(io.Discard, telling{&slow{left: 100}, func() { timer.Reset(stall) }})
		if err != nil || silent.Load() || time.Since(begun) < 50*stall {
			t.Errorf("%v, silent %t after %s", err, silent.Load(), time.Since(begun))
		}
		time.Sleep(stall)
		if synctest.Wait(); !silent.Load() {
			t.Error("and never found silent")
		}
	})
}

// slow gives one byte before each patience is at its end.
type slow struct{ left int }

func (s *slow) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	time.Sleep(stall - time.Second)
	b[0] = 'x'
	return 1, nil
}
