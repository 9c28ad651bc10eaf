package registry

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMountsRefused(t *testing.T) {
	refusals := map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"an upload is opened instead": func(_ http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			q.Del("mount")
			q.Del("from")
			r.URL.RawQuery = q.Encode()
			return false
		},
		"unsupported": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("from") == "" {
				return false
			}
			w.WriteHeader(http.StatusBadRequest)
			return true
		},
		"denied": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("from") == "" {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		},
	}
	for name, refuse := range refusals {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			images, unique := src.set(t)
			src.reset()
			mounts := 0
			var mu sync.Mutex
			dst.act(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("from") != "" {
					mu.Lock()
					mounts++
					mu.Unlock()
				}
				if r.Method == "POST" {
					return refuse(w, r)
				}
				return false
			})
			table := plan(t, c, images)
			src.out = 0
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			if src.out != unique {
				t.Errorf("pulled %d bytes, want %d", src.out, unique)
			}
			if mounts != 1 {
				t.Errorf("%d mounts were tried, want one", mounts)
			}
			mirrored(t, c, images)
		})
	}
}

// With mounts refused, blobs are read and written at the destination at once:
// that must work within any number of requests that it takes at a time.
func TestCopiesWithinFewRequests(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		src, dst := newLab(t), newLab(t)
		c := newClient(t, Host{Name: srcHost, Handler: src, Concurrency: n}, Host{Name: dstHost, Handler: dst, Concurrency: n})
		images, _ := src.set(t)
		dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			q.Del("from")
			r.URL.RawQuery = q.Encode()
			return false
		})
		if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 8}); err != nil {
			t.Fatal(err)
		}
		mirrored(t, c, images)
	}
}

// Within one registry nothing is pulled, whether it mounts or not, and a new
// tag in the same repository costs no blob at all.
func TestPromotion(t *testing.T) {
	for name, mounts := range map[string]bool{"with mounts": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			images, _ := three(t, src)
			for i, to := range []string{"prod/a:1", "prod/b:1", "ns/c:blessed"} {
				images[i].Target = srcHost + "/" + to
			}
			src.act(func(_ http.ResponseWriter, r *http.Request) bool {
				if q := r.URL.Query(); !mounts {
					q.Del("from")
					r.URL.RawQuery = q.Encode()
				}
				return false
			})
			table := plan(t, c, images)
			if s := table.Summary(); s.Blobs != 0 || s.Bytes != 0 || s.Mounts != 6 || len(table.Pulls()) != 0 {
				t.Errorf("got %+v", s)
			}
			src.reset()
			var moved atomic.Int64
			if err := c.Execute(t.Context(), table, Options{Moved: func(n int64) { moved.Add(n) }}); err != nil {
				t.Fatal(err)
			}
			if moved.Load() != 0 || mounts && src.counts["GET blobs"] != 0 {
				t.Errorf("moved %d bytes: %v", moved.Load(), src.counts)
			}
			mirrored(t, c, images)
		})
	}
}
