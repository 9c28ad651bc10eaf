package glance_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/glance"
)

// A failure is one way in which an upload into a real Glance was seen to go
// wrong, and what must have become of it in the end.
type failure struct {
	event string // what happens
	leads string // what the image service makes of it
	hook  func(emb *cloudserver.Cloud, stop context.CancelFunc) hook
	file  func(data []byte) glance.File // nil: the data
	after []string                      // images that there are in the end, but for the old one
	err   string                        // of the upload; "" for none
}

// failures are the rows of the table of failed uploads, in its order.
func failures() []failure {
	once := func(f hook) func(*cloudserver.Cloud, context.CancelFunc) hook {
		return func(*cloudserver.Cloud, context.CancelFunc) hook {
			return func(w http.ResponseWriter, r *http.Request, n int) bool { return n == 1 && f(w, r, n) }
		}
	}
	whole := []string{name + " active", name + "_STAMP active"}
	return []failure{
		{
			"reader error", "queued", nil,
			func(data []byte) glance.File { return &restless{data: data, broken: true} },
			[]string{name + " active"},
			"input/output error",
		},
		{
			"the run is stopped", "queued",
			func(_ *cloudserver.Cloud, stop context.CancelFunc) hook {
				return func(_ http.ResponseWriter, r *http.Request, _ int) bool {
					_, _ = io.CopyN(io.Discard, r.Body, size/2)
					stop()
					return false
				}
			},
			nil,
			[]string{name + " active"},
			"context canceled",
		},
		{
			"the connection is cut", "saving for a moment, then queued: sent again",
			once(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				_, _ = io.CopyN(io.Discard, r.Body, size/2)
				cut(w)
				return true
			}),
			nil, whole, "",
		},
		{
			"the file grew", "active and truncated: removed", nil,
			func(data []byte) glance.File { return &restless{data: append(data, "more"...), more: 4} },
			[]string{name + " active"},
			"the file grew beyond its 3145728 bytes",
		},
		{
			"the file shrank", "queued: removed", nil,
			func(data []byte) glance.File { return &restless{data: data, more: -10} },
			[]string{name + " active"},
			"the file shrank from 3145728",
		},
		{
			"the answer is lost after the last byte", "active and right: looked at before anything is sent again",
			func(emb *cloudserver.Cloud, _ context.CancelFunc) hook {
				return func(w http.ResponseWriter, r *http.Request, n int) bool {
					if n > 1 {
						http.Error(w, "sent again", http.StatusTeapot)
						return true
					}
					emb.ServeHTTP(httptest.NewRecorder(), r)
					cut(w)
					return true
				}
			},
			nil, whole, "",
		},
		{
			"glance is killed in mid-upload", "saving for ever, PUT 409, DELETE works: another record is made",
			nil, nil, whole, "", // the hook is that of stuck
		},
		{
			"the record is deleted while it is saving", "410: another record is made",
			func(emb *cloudserver.Cloud, _ context.CancelFunc) hook {
				return func(w http.ResponseWriter, r *http.Request, n int) bool {
					if n > 1 {
						return false
					}
					_, _ = io.CopyN(io.Discard, r.Body, size/2)
					del := r.Clone(context.WithoutCancel(r.Context()))
					del.Method, del.URL.Path = http.MethodDelete, strings.TrimSuffix(r.URL.Path, "/file")
					emb.ServeHTTP(httptest.NewRecorder(), del)
					drain(r)
					w.WriteHeader(http.StatusGone)
					return true
				}
			},
			nil, whole, "",
		},
		{
			"a PUT while it is saving", "409: waited for, and sent again",
			once(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(http.StatusConflict)
				return true
			}),
			nil, whole, "",
		},
		{
			"a PUT onto an active image", "409: compared, and right",
			func(emb *cloudserver.Cloud, _ context.CancelFunc) hook {
				return func(w http.ResponseWriter, r *http.Request, _ int) bool {
					emb.ServeHTTP(httptest.NewRecorder(), r)
					w.WriteHeader(http.StatusConflict)
					return true
				}
			},
			nil, whole, "",
		},
	}
}

// stuck makes the first record one whose server died: saving for ever, taking
// no data, and yet to be deleted.
func stuck(emb *cloudserver.Cloud) http.Handler {
	var dead atomic.Value
	dead.Store("")
	return rewrite(onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			dead.Store(idOf(r))
			_, _ = io.CopyN(io.Discard, r.Body, size/2)
			cut(w)
		}
		if idOf(r) == dead.Load() {
			drain(r)
			w.WriteHeader(http.StatusConflict)
			return true
		}
		return false
	}), func(i map[string]any) {
		if i["id"] == dead.Load() {
			i["status"] = "saving"
		}
	})
}

// Every row of the table of failed uploads, with a digest that is known before
// and with one that is found out on the way. Whatever happens, the old image
// keeps the name until the new one is whole, and nothing else is left.
func TestLargeFailedUploads(t *testing.T) {
	for _, row := range failures() {
		for how, known := range map[string]bool{"": true, ", hashed on the way": false} {
			t.Run(row.event+how, func(t *testing.T) {
				emb := newCloud(t)
				old := want(name, content("old", 1000))
				mustConverge(t, inside(t, emb), old)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				h := http.Handler(emb)
				switch {
				case row.hook != nil:
					h = onUpload(emb, row.hook(emb, stop))
				case row.file == nil:
					h = stuck(emb)
				}
				c := overSocket(t, h)
				data := content("overcloud-full", size)
				w := want(name, data)
				digest := w.SHA512
				seen, err := c.List(t.Context(), w.Names()...)
				if err != nil {
					t.Fatal(err)
				}
				learned := ""
				w.OnSHA512 = func(sum string) { learned = sum }
				if !known {
					// Nobody asks for a digest as long as nothing has the name.
					w.SHA512, seen = "", nil
				}
				if row.file != nil {
					w.Open = func() (glance.File, error) { return row.file(data), nil }
				}
				_, err = c.Converge(ctx, w, seen)
				switch {
				case row.err == "" && err != nil:
					t.Fatalf("%s: %v", row.leads, err)
				case row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)):
					t.Fatalf("got error %v, want one with %q", err, row.err)
				}
				if row.err == "" && learned != digest {
					t.Errorf("learned %q", learned)
				}
				got := names(t, inside(t, emb))
				if diff := cmp.Diff(row.after, got); diff != "" {
					t.Errorf("images (-want +got):\n%s", diff)
				}
				if row.err != "" {
					checkHolds(t, inside(t, emb), old)
				}
			})
		}
	}
}

// checkMarked checks that an image of the digest says so itself, and that
// nothing is left under another name.
func checkMarked(t *testing.T, c *glance.Client, digest string) {
	t.Helper()
	all, err := c.ListAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, img := range all {
		if img.Name != name || img.Status != glance.Active {
			t.Errorf("left behind: %+v", img)
		}
		if img.Hash == digest && img.Properties[glance.Marker] == "sha512:"+digest {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d images have the digest: %+v", found, all)
	}
}

// The rows of the table of tokens that expire: what a body is made of does not
// matter, no byte of it is sent to somebody who refuses the token, and what
// arrives is whole.
func TestExpiredTokens(t *testing.T) {
	data := content("overcloud-full", size)
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		open func() (glance.File, error)
	}{
		{"a body in memory", func() (glance.File, error) { return memFile{bytes.NewReader(data)}, nil }},
		{"a file", func() (glance.File, error) { return os.Open(path) }},
		{"what cannot be sought in", func() (glance.File, error) { return onlyAt{bytes.NewReader(data)}, nil }},
	} {
		t.Run("invalid at the start: "+tc.name, func(t *testing.T) {
			now := time.Now()
			emb, err := cloudserver.New(cloudserver.Config{TokenTTL: time.Minute, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			defer emb.Close()
			var renewed atomic.Bool
			var refused atomic.Int64 // bytes that were read for a request whose token was not good
			c := overSocket(t, onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
				renewed.Store(n > 1)
				if n == 1 {
					now = now.Add(time.Hour) // it expires just ahead of the PUT
				}
				return false
			}))
			w := want(name, data)
			w.Open = func() (glance.File, error) {
				f, err := tc.open()
				return counted{f, &renewed, &refused}, err
			}
			mustConverge(t, c, w)
			checkHolds(t, c, w)
			if refused.Load() != 0 {
				t.Errorf("%d bytes were sent with a bad token", refused.Load())
			}
		})
	}
	t.Run("expires during the upload", func(t *testing.T) {
		now := time.Now()
		emb, err := cloudserver.New(cloudserver.Config{TokenTTL: time.Minute, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer emb.Close()
		var puts atomic.Int64
		c := overSocket(t, onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
			puts.Store(int64(n))
			r.Body = expiring{r.Body, func() { now = now.Add(time.Hour) }}
			emb.ServeHTTP(w, r)
			return true
		}))
		w := want(name, data)
		mustConverge(t, c, w)
		checkHolds(t, c, w)
		if puts.Load() != 1 {
			t.Errorf("data were sent %d times", puts.Load())
		}
	})
	t.Run("cannot be renewed", func(t *testing.T) {
		emb := newCloud(t)
		c := overSocket(t, onUpload(emb, func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}))
		if _, err := converge(t, c, want(name, data)); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("got error %v", err)
		}
		if got := names(t, c); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

// onlyAt is a file that can be read at a place, and in no other way.
type onlyAt struct{ io.ReaderAt }

func (onlyAt) Close() error { return nil }

// counted counts the bytes that are read before something is so.
type counted struct {
	glance.File
	so *atomic.Bool
	n  *atomic.Int64
}

func (c counted) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(p, at)
	if !c.so.Load() {
		c.n.Add(int64(n))
	}
	return n, err
}

// expiring does something at every read.
type expiring struct {
	io.ReadCloser
	do func()
}

func (e expiring) Read(p []byte) (int, error) {
	e.do()
	return e.ReadCloser.Read(p)
}
