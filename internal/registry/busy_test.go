package registry

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A registry that takes few requests at a time refuses little of what a mirror asks, and
// the mirror is complete.
func TestBusyRegistry(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	var refused, all atomic.Int32
	fewAtATime := func() func(w http.ResponseWriter, r *http.Request) bool {
		var active atomic.Int32
		return func(w http.ResponseWriter, _ *http.Request) bool {
			defer active.Add(-1)
			all.Add(1)
			over := active.Add(1) > 6
			time.Sleep(time.Millisecond)
			if over {
				refused.Add(1)
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return over
		}
	}
	src.act(fewAtATime())
	dst.act(fewAtATime())
	table := plan(t, c, images)
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	src.act(nil)
	dst.act(nil)
	mirrored(t, c, images)
	if n := refused.Load(); n > all.Load()/4 {
		t.Errorf("%d of %d requests were refused", n, all.Load())
	}
}

// A registry that wants no more requests for hours is asked once, and the error says until
// when.
func TestClosedRegistry(t *testing.T) {
	src, _, c := pair(t)
	images, _ := src.set(t)
	var asked atomic.Int32
	src.act(func(w http.ResponseWriter, _ *http.Request) bool {
		asked.Add(1)
		w.Header().Set("Retry-After", "21600")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`))
		return true
	})
	before := time.Now().Add(6 * time.Hour)
	for _, im := range images {
		_, err := c.Resolve(t.Context(), im.Source)
		if err == nil || KindOf(err) != Busy {
			t.Fatalf("got %v", err)
		}
		i := strings.Index(err.Error(), "it wants no more requests before ")
		if i < 0 {
			t.Fatalf("got %v", err)
		}
		until, perr := time.Parse("2006-01-02 15:04 UTC", err.Error()[i+len("it wants no more requests before "):])
		if perr != nil || until.Before(before) || until.After(before.Add(2*time.Minute)) {
			t.Errorf("until %v: %v, %v", until, err, perr)
		}
	}
	if n := asked.Load(); n > 2 {
		t.Errorf("the registry was asked %d times", n)
	}
}
