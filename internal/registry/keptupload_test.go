package registry

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// A run that was stopped in the middle of an upload, or gave it up, leaves it to the
// next run.
func TestUploadOfAnEarlierRun(t *testing.T) {
	const size = 24 * mebibyte
	for name, tt := range map[string]struct {
		gaveUp bool
		quirk  func(*quirky)
		goesOn bool
	}{
		"stopped":               {false, func(*quirky) {}, true},
		"gave up":               {true, func(*quirky) {}, true},
		"its upload is refused": {false, func(q *quirky) { q.forgets = true }, false},
		"its location may hold a token": {false, func(q *quirky) {
			inner := q.Handler
			q.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(&withState{w}, r)
			})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newQuirky(t), newQuirky(t)
			tt.quirk(dst)
			image, _ := bigImage(t, src.Handler, size)
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 0, 0)
			dir := t.TempDir()
			ctx, stop := context.WithCancel(t.Context())
			var dead atomic.Bool
			to.at(12*mebibyte, func() {
				dead.Store(true)
				if !tt.gaveUp {
					stop()
				}
			})
			dst.tell = func(_ http.ResponseWriter, r *http.Request) bool {
				if dead.Load() && r.Method != http.MethodHead && tt.gaveUp {
					panic(http.ErrAbortHandler)
				}
				return false
			}
			if tt.gaveUp {
				to.up.Store(5 * mebibyte)
			}
			first := over(t, from, to)
			first.KeepUploads(dir)
			if err := first.Execute(ctx, plan(t, first, []Image{image}), Options{}); err == nil {
				t.Fatal("it was not stopped")
			}
			left, err := os.ReadDir(dir)
			if err != nil && !os.IsNotExist(err) || tt.goesOn != (len(left) == 1) && !dst.forgets {
				t.Errorf("left %v, %v", left, err)
			}
			dead.Store(false)
			to.up.Store(0)
			before := to.sent.Load()
			second := over(t, from, to)
			second.KeepUploads(dir)
			if err := second.Execute(t.Context(), plan(t, second, []Image{image}), Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, second, []Image{image})
			sent := to.sent.Load() - before
			t.Logf("sent %d and %d, %v", before, sent, dst.counts)
			if tt.goesOn && sent > size*8/10 || !tt.goesOn && sent < size {
				t.Errorf("the second run sent %d of %d bytes", sent, size)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// withState writes locations with a query.
type withState struct{ http.ResponseWriter }

func (w *withState) WriteHeader(status int) {
	if at := w.Header().Get("Location"); strings.Contains(at, "/uploads/") {
		w.Header().Set("Location", at+"?_state=token")
	}
	w.ResponseWriter.WriteHeader(status)
}
