package registry

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// cut answers the first few requests for a blob with part of it.
func cut(l *lab, b []byte, times int32) (full *atomic.Int32) {
	var left atomic.Int32
	left.Store(times)
	full = &atomic.Int32{}
	l.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !blobPath(r, "GET", b) {
			return false
		}
		if r.Header.Get("Range") == "" {
			full.Add(1)
		}
		if left.Add(-1) < 0 {
			return false
		}
		start := 0
		if rg := r.Header.Get("Range"); rg != "" {
			_, _ = fmt.Sscanf(rg, "bytes=%d-", &start)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(b)-1, len(b)))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		}
		_, _ = w.Write(b[start:min(start+len(b)/4, len(b))])
		panic(http.ErrAbortHandler)
	})
	return full
}

func TestCutPull(t *testing.T) {
	tests := map[string]struct {
		times  int32
		states string
		full   int32 // requests for the whole
	}{
		"once: the rest is asked for":     {1, "copied copied copied", 1},
		"often: again and again":          {3, "copied copied copied", 1},
		"always: those that need it fail": {1000, "failed failed failed", 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			images, base := three(t, src)
			full := cut(src, base, tt.times)
			table := plan(t, c, images)
			err := c.Execute(t.Context(), table, Options{Parallel: 1})
			if got := states(table); got != tt.states {
				t.Errorf("%s, want %s: %v", got, tt.states, err)
			}
			if got := full.Load(); got != tt.full {
				t.Errorf("the whole was asked for %d times, want %d", got, tt.full)
			}
			if strings.HasPrefix(tt.states, "copied") {
				if err != nil {
					t.Error(err)
				}
				mirrored(t, c, images)
				return
			}
			for _, want := range []string{"source: blob sha256:", ", for 192.0.2.1:8787/ns/a:1, 192.0.2.1:8787/ns/b:1 and 1 more", "cut"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			if !fault.IsConnection(err) {
				t.Errorf("not of the connection class: %v", err)
			}
		})
	}
}

func TestWrongBytes(t *testing.T) {
	tests := map[string]struct {
		serve func(w http.ResponseWriter, b []byte)
		want  string
	}{
		"swapped": {func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(append([]byte{^b[0]}, b[1:]...))
		}, "another digest"},
		"longer": {func(w http.ResponseWriter, b []byte) {
			w.(http.Flusher).Flush()
			_, _ = w.Write(append(b, 'x'))
		}, "more than the 50000 bytes"},
		"endless": {func(w http.ResponseWriter, b []byte) {
			for {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}, "more than the 50000 bytes"},
		"shorter": {func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)-1))
			_, _ = w.Write(b[1:])
		}, "would send 49999 bytes, the manifest says 50000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			images, base := three(t, src)
			src.image(t, "ns/d", "1", nil, random(99, 10))
			images = append(images, Image{Source: srcHost + "/ns/d:1", Target: dstHost + "/ns/d:1"})
			src.act(func(w http.ResponseWriter, r *http.Request) bool {
				if !blobPath(r, "GET", base) {
					return false
				}
				tt.serve(w, base)
				return true
			})
			table := plan(t, c, images)
			err := c.Execute(t.Context(), table, Options{})
			if got := states(table); got != "failed failed failed copied" {
				t.Errorf("%s: %v", got, err)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "source: blob sha256:") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			for path := range dst.counts {
				if path == "GET blobs" {
					t.Errorf("the destination was read: %v", dst.counts)
				}
			}
			if found, _ := c.HasTag(t.Context(), images[0].Target); found {
				t.Error("an incomplete image has its tag")
			}
		})
	}
}

// A registry that does not give the rest of a blob, in whatever way it refuses, gives all of
// it again.
func TestCutPullWithoutRange(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter, b []byte){
		"it sends all": func(w http.ResponseWriter, b []byte) { _, _ = w.Write(b) },
		"416": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(b)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		},
		"416 in words": func(w http.ResponseWriter, _ []byte) {
			http.Error(w, "no ranges here", http.StatusRequestedRangeNotSatisfiable)
		},
		"not supported": func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusNotImplemented) },
		"other bytes": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(b)-1, len(b)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(b)
		},
		"bytes that it does not name": func(w http.ResponseWriter, b []byte) {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			images, base := three(t, src)
			full := cut(src, base, 1)
			inner := src.before
			src.act(func(w http.ResponseWriter, r *http.Request) bool {
				if blobPath(r, "GET", base) && r.Header.Get("Range") != "" {
					refuse(w, base)
					return true
				}
				return inner(w, r)
			})
			if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 1}); err != nil {
				t.Fatal(err)
			}
			if full.Load() != 2 {
				t.Errorf("the whole was asked for %d times, want 2", full.Load())
			}
			mirrored(t, c, images)
		})
	}
}
