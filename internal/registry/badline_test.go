package registry

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// Whatever a registry does with an upload that broke, a blob many times larger than
// what a connection carries arrives, and little of it is sent twice.
func TestPushOverALineThatResets(t *testing.T) {
	const size, reset = 32 * mebibyte, 3 * mebibyte
	tests := map[string]struct {
		quirk func(*quirky)
		posts int     // uploads that are opened, one of them for the configuration
		most  float64 // bytes sent by the size
	}{
		"it goes on": {func(*quirky) {}, 2, 1.15},
		"it forgets": {func(q *quirky) { q.forgets = true }, 3, 1.2},
		"it has no status": {func(q *quirky) {
			q.tell = answer(isStatus, http.StatusBadRequest)
		}, 3, 1.2},
		"it answers the status with more than came": {func(q *quirky) {
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) {
					return false
				}
				w.Header().Set("Range", "0-99999999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 3, 1.2},
		"its status is always late": {func(q *quirky) {
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) {
					return false
				}
				w.Header().Set("Range", "0-99999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 3, 1.4},
		"its status is late once": {func(q *quirky) {
			var asked atomic.Int32
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) || asked.Add(1) > 1 {
					return false
				}
				w.Header().Set("Range", "0-99999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 2, 1.2},
		"it damages what came": {func(q *quirky) {
			inner, first := q.Handler, atomic.Bool{}
			q.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && r.ContentLength > mebibyte && !first.Swap(true) {
					r.Body = io.NopCloser(&damaged{r.Body})
				}
				inner.ServeHTTP(w, r)
			})
		}, 3, 2.3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newQuirky(t), newQuirky(t)
			tt.quirk(dst)
			image, _ := bigImage(t, src.Handler, size)
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, reset, 0)
			c := over(t, from, to)
			if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, c, []Image{image})
			sent, pulled := float64(to.sent.Load())/size, float64(from.received.Load())/size
			t.Logf("sent %.3f times, pulled %.3f times, %d resets, %v, broke in %v", sent, pulled, to.resets.Load(), dst.counts, dst.brokenIn)
			if sent > tt.most || sent < 1 {
				t.Errorf("sent %.3f times the size, want at most %.2f", sent, tt.most)
			}
			if pulled > 1.6 && tt.most < 2 {
				t.Errorf("pulled %.3f times the size", pulled)
			}
			if got := dst.counts["POST blobs/uploads"]; got != tt.posts && (got != tt.posts+1 || tt.most < 2) {
				t.Errorf("%d uploads were opened, want %d", got, tt.posts)
			}
		})
	}
}

func isStatus(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/uploads/")
}

func answer(which func(*http.Request) bool, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if which(r) {
			w.WriteHeader(status)
		}
		return which(r)
	}
}

type damaged struct{ io.Reader }

func (d *damaged) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// The way that a registry needs is found once: the second blob begins with it.
func TestWayIsFoundOnce(t *testing.T) {
	src, dst := newQuirky(t), newQuirky(t)
	dst.forgets = true
	image, _ := bigImage(t, src.Handler, 24*mebibyte)
	l := &lab{Handler: src.Handler, counts: map[string]int{}, repos: map[string]bool{}}
	l.image(t, "big/two", "1", nil, random(5, 20*mebibyte))
	second := Image{Source: srcHost + "/big/two:1", Target: dstHost + "/big/two:1"}
	from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 6*mebibyte, 0)
	c := over(t, from, to)
	for i, im := range []Image{image, second} {
		if err := c.Execute(t.Context(), plan(t, c, []Image{im}), Options{}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			dst.brokenIn = nil
			dst.counts = map[string]int{}
		}
	}
	if len(dst.brokenIn) > 0 || dst.counts["PATCH blobs/uploads"] < 4 || dst.counts["POST blobs/uploads"] != 2 || dst.counts["GET blobs/uploads"] != 0 {
		t.Errorf("the second blob: broke in %v, %v", dst.brokenIn, dst.counts)
	}
	mirrored(t, c, []Image{image, second})
}

// A registry whose last answer is lost is asked whether it has the blob.
func TestLastAnswerIsLost(t *testing.T) {
	for name, lose := range map[string]string{"of the whole": http.MethodPut, "of the rest": http.MethodPatch} {
		t.Run(name, func(t *testing.T) {
			src, dst := newQuirky(t), newQuirky(t)
			image, layer := bigImage(t, src.Handler, 4*mebibyte)
			var lost atomic.Bool
			dst.cut = func(r *http.Request) bool {
				big := r.ContentLength > mebibyte || r.URL.Query().Get("digest") == layer && lose == http.MethodPatch
				return strings.Contains(r.URL.Path, "/uploads/") && r.Method == http.MethodPut && big && !lost.Swap(true)
			}
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 0, 0)
			if lose == http.MethodPatch {
				to.up.Store(2 * mebibyte)
				dst.cut = func(r *http.Request) bool {
					return r.Method == http.MethodPut && r.ContentLength == 0 && r.URL.Query().Get("digest") == layer && !lost.Swap(true)
				}
			}
			c := over(t, from, to)
			if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
				t.Fatal(err)
			}
			if got := dst.counts["POST blobs/uploads"]; !lost.Load() || got != 2 {
				t.Errorf("lost %v; %d uploads were opened", lost.Load(), got)
			}
			mirrored(t, c, []Image{image})
		})
	}
}

// A push ends when it does not get on any more, and says why in words.
func TestPushGivesUp(t *testing.T) {
	tests := map[string]struct {
		quirk func(*quirky, *badLine)
		want  string
	}{
		"nothing passes": {
			func(q *quirky, _ *badLine) {
				q.forgets = true
				q.tell = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPut || r.Method == http.MethodPatch {
						_, _ = io.CopyN(io.Discard, r.Body, 1000)
						panic(http.ErrAbortHandler)
					}
					return false
				}
			}, "connection ",
		},
		"it gets on, and then no more": {
			func(q *quirky, _ *badLine) {
				var patched atomic.Int32
				q.tell = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && patched.Add(1) > 2 {
						panic(http.ErrAbortHandler)
					}
					return false
				}
			}, " of 32.0 MiB had arrived",
		},
		"it takes no pieces": {
			func(q *quirky, _ *badLine) {
				q.forgets = true
				q.tell = answer(func(r *http.Request) bool { return r.Method == http.MethodPatch }, http.StatusMethodNotAllowed)
			}, "connection reset after ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newQuirky(t), newQuirky(t)
			image, _ := bigImage(t, src.Handler, 32*mebibyte)
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 3*mebibyte, 0)
			tt.quirk(dst, to)
			c := over(t, from, to)
			err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{})
			if err == nil || !fault.IsConnection(err) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "destination: blob sha256:") {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			t.Log(err)
			for _, bad := range []string{"EOF", "closed network connection", "_state", "uploads"} {
				if strings.Contains(err.Error(), bad) {
					t.Errorf("%q in %v", bad, err)
				}
			}
			if sent := to.sent.Load(); sent > 100*mebibyte {
				t.Errorf("%d bytes were sent in vain", sent)
			}
		})
	}
}

// A source that resets is read on from where it broke, also where the destination's
// line resets.
func TestBothLinesReset(t *testing.T) {
	const size = 48 * mebibyte
	src, dst := newQuirky(t), newQuirky(t)
	image, _ := bigImage(t, src.Handler, size)
	from, to := newBadLine(t, src, 0, 5*mebibyte), newBadLine(t, dst, 7*mebibyte, 0)
	c := over(t, from, to)
	if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, []Image{image})
	t.Logf("sent %.3f, pulled %.3f", float64(to.sent.Load())/size, float64(from.received.Load())/size)
	if sent := to.sent.Load(); sent > size*11/10 {
		t.Errorf("%d bytes were sent", sent)
	}
}

// The reasons of a pull that fails are told in words.
func TestPullGivesUpInWords(t *testing.T) {
	src, dst := newQuirky(t), newQuirky(t)
	image, layer := bigImage(t, src.Handler, 8*mebibyte)
	src.tell = answer(func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, layer) && r.Header.Get("Range") > "bytes=4"
	}, http.StatusGone)
	from, to := newBadLine(t, src, 0, 2*mebibyte), newBadLine(t, dst, 0, 0)
	c := over(t, from, to)
	err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{})
	if err == nil || !strings.Contains(err.Error(), "source: blob sha256:") || !regexp.MustCompile(`: connection reset after .*; .* of 8\.0 MiB had come`).MatchString(err.Error()) {
		t.Fatalf("got %v", err)
	}
}
