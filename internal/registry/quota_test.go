package registry

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// limitPulls makes a registry count pulls as Docker Hub does: a GET of a manifest counts,
// HEAD does not.
func limitPulls(l *lab, left int32) *atomic.Int32 {
	remaining := &atomic.Int32{}
	remaining.Store(left)
	l.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		n := remaining.Load()
		if r.Method == http.MethodGet {
			n = remaining.Add(-1)
		}
		w.Header().Set("RateLimit-Limit", "200;w=21600")
		w.Header().Set("RateLimit-Remaining", fmt.Sprintf("%d;w=21600", max(0, n)))
		return false
	})
	return remaining
}

// A plan says how much of a quota it needs.
func TestQuotas(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	limitPulls(src, 134)
	table := plan(t, c, images)
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	pulls := 0
	for _, e := range table.Images {
		pulls += len(e.puts)
	}
	want := []string{fmt.Sprintf("%s: %d manifest pulls needed, %d pulls are left of 200 in 6h", srcHost, pulls, 134-pulls)}
	if diff := cmp.Diff(want, c.Quotas(table)); diff != "" {
		t.Error(diff)
	}
}

// A client stops before the pulls that are to be kept, however many images are planned at
// a time.
func TestKeepPulls(t *testing.T) {
	src, dst, _ := pair(t)
	images, _ := src.set(t)
	for _, keep := range []int{1, 50} {
		remaining := limitPulls(src, 60)
		c := newClient(t, Host{Name: srcHost, Handler: src, KeepPulls: keep}, Host{Name: dstHost, Handler: dst})
		err := plan(t, c, images).Err()
		if n := remaining.Load(); n < int32(keep) {
			t.Errorf("keep %d: %d are left", keep, n)
		}
		if keep == 50 && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s: 50 pulls are left of 200 in 6h, and keep_pulls is 50", srcHost))) {
			t.Errorf("got %v", err)
		}
		if keep == 1 && err != nil {
			t.Errorf("got %v", err)
		}
	}
}

// A registry that tells of no quota has none.
func TestNoQuota(t *testing.T) {
	src, dst, _ := pair(t)
	images, _ := three(t, src)
	c := newClient(t, Host{Name: srcHost, Handler: src, KeepPulls: 50}, Host{Name: dstHost, Handler: dst})
	table := plan(t, c, images)
	if err := table.Err(); err != nil || c.Quotas(table) != nil {
		t.Errorf("%v, %v", c.Quotas(table), err)
	}
}
