package glance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
)

const name = "overcloud-full"

// size is more than the buffers between client and server hold.
const size = 3 << 20

func TestUploadSurvives(t *testing.T) {
	data := content("overcloud-full", size)
	for _, tc := range []struct {
		name string
		hook func(c *cloudserver.Cloud) hook
		puts int // requests that reach the cloud with data
	}{
		{"a token refused before the body", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n == 1 {
					w.WriteHeader(http.StatusUnauthorized)
				}
				return n == 1
			}
		}, 2},
		{"a token refused after a part of the body", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n == 1 {
					_, _ = io.CopyN(io.Discard, r.Body, size/3)
					w.WriteHeader(http.StatusUnauthorized)
				}
				return n == 1
			}
		}, 2},
		{"an answer lost after the last byte", func(c *cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				c.ServeHTTP(httptest.NewRecorder(), r)
				cut(w)
				return true
			}
		}, 1},
		{"a connection cut in the middle", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n == 1 {
					_, _ = io.CopyN(io.Discard, r.Body, size/2)
					cut(w)
				}
				return false
			}
		}, 2},
		{"a cloud that is busy twice", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n < 3 {
					drain(r)
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return n < 3
			}
		}, 3},
		{"a conflict that passes", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n == 1 {
					w.WriteHeader(http.StatusConflict)
				}
				return n == 1
			}
		}, 2},
		{"a conflict after an upload that worked", func(c *cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				c.ServeHTTP(httptest.NewRecorder(), r)
				w.WriteHeader(http.StatusConflict)
				return true
			}
		}, 1},
		{"a record that is deleted meanwhile", func(c *cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n > 1 {
					return false
				}
				drain(r)
				del := r.Clone(r.Context())
				del.Method, del.URL.Path = http.MethodDelete, strings.TrimSuffix(r.URL.Path, "/file")
				c.ServeHTTP(httptest.NewRecorder(), del)
				w.WriteHeader(http.StatusGone)
				return true
			}
		}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			var puts, sent atomic.Int64
			c := overSocket(t, onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
				puts.Store(int64(n))
				return tc.hook(emb)(w, r, n)
			}))
			w := want(name, data)
			w.OnSent = func(n int64) { sent.Add(n) }
			img := mustConverge(t, c, w)

			checkHolds(t, c, w)
			if diff := cmp.Diff([]string{name + " active"}, names(t, c)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
			if img.Hash != w.SHA512 || img.Name != name {
				t.Errorf("got image %+v", img)
			}
			if puts.Load() != int64(tc.puts) {
				t.Errorf("data was sent %d times, want %d", puts.Load(), tc.puts)
			}
			if sent.Load() != size {
				t.Errorf("told of %d bytes, want %d", sent.Load(), size)
			}
		})
	}
}

// What the cloud holds wrongly, or cannot hold, leaves nothing behind.
func TestUploadFails(t *testing.T) {
	data := content("overcloud-full", size)
	for _, tc := range []struct {
		name       string
		hook       func(c *cloudserver.Cloud) hook
		want       string
		connection bool
	}{
		{"the cloud keeps the tail only", func(c *cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				_, _ = io.CopyN(io.Discard, r.Body, size/3)
				r.ContentLength = -1
				c.ServeHTTP(w, r)
				return true
			}
		}, "the cloud holds 2097152 bytes, 3145728 were sent", false},
		{"the cloud flips a byte", func(c *cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				all, _ := io.ReadAll(r.Body)
				all[size/2] ^= 1
				r.Body = io.NopCloser(bytes.NewReader(all))
				c.ServeHTTP(w, r)
				return true
			}
		}, "the cloud holds other bytes than were sent: sha512", false},
		{"the cloud is full", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				drain(r)
				http.Error(w, "<html><head><title>413 x</title></head><body><h1>no</h1> There is <b>no space</b> left</body></html>", http.StatusRequestEntityTooLarge)
				return true
			}
		}, "413 Request Entity Too Large: no There is no space left", false},
		{"the cloud stays busy", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				drain(r)
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}, "503 Service Unavailable", true},
		{"the connection is always cut", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, _ *http.Request, _ int) bool { cut(w); return true }
		}, "", true},
		{"the token is refused for good", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
		}, "401 Unauthorized", false},
		{"the data are accepted and not kept", func(*cloudserver.Cloud) hook {
			return func(w http.ResponseWriter, r *http.Request, _ int) bool {
				drain(r)
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, `the image stays "queued"`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			old := want(name, content("old", 1000))
			mustConverge(t, inside(t, emb), old)
			c := overSocket(t, onUpload(emb, tc.hook(emb)))
			_, err := converge(t, c, want(name, data))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), `upload image "overcloud-full" to cloud "undercloud": `) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if got := fault.IsConnection(err); got != tc.connection {
				t.Errorf("of the connection class: got %v, want %v (%v)", got, tc.connection, err)
			}
			checkHolds(t, c, old)
			if diff := cmp.Diff([]string{name + " active"}, names(t, c)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
}

// A restless file is not what it was when it was hashed.
type restless struct {
	data   []byte
	more   int // bytes that it has beyond its size, or lacks
	broken bool
}

func (f *restless) Close() error { return nil }

func (f *restless) ReadAt(p []byte, at int64) (int, error) {
	if f.broken && at > size/2 {
		return 0, errors.New("input/output error")
	}
	return bytes.NewReader(f.data[:size+f.more]).ReadAt(p, at)
}

func TestUploadOfAFileThatChanges(t *testing.T) {
	data := content("overcloud-full", size+10)
	for _, tc := range []struct {
		name string
		file *restless
		want string
	}{
		{"shrinks", &restless{data: data, more: -100_000}, "the file shrank from 3145728 to 3045728 bytes"},
		{"grows", &restless{data: data, more: 10}, "the file grew beyond its 3145728 bytes"},
		{"holds other bytes", &restless{data: content("other", size)}, "the file changed: its sha512 was"},
		{"cannot be read", &restless{data: data, broken: true}, "input/output error"},
	} {
		for how, over := range map[string]func(*testing.T, http.Handler) *glance.Client{"inside": inside, "over a socket": overSocket} {
			t.Run(tc.name+" "+how, func(t *testing.T) {
				c := over(t, newCloud(t))
				w := want(name, data[:size])
				w.Open = func() (glance.File, error) { return tc.file, nil }
				_, err := converge(t, c, w)
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got error %v, want one with %q", err, tc.want)
				}
				if fault.IsConnection(err) {
					t.Errorf("of the connection class: %v", err)
				}
				if got := names(t, c); len(got) != 0 {
					t.Errorf("left behind: %v", got)
				}
			})
		}
	}
}

func TestUploadThatIsCancelledLeavesNothing(t *testing.T) {
	emb := newCloud(t)
	for how, over := range map[string]func(*testing.T, http.Handler) *glance.Client{"inside": inside, "over a socket": overSocket} {
		t.Run(how, func(t *testing.T) {
			c := over(t, emb)
			ctx, cancel := context.WithCancel(t.Context())
			w := want(name, content("overcloud-full", size))
			w.OnSent = func(int64) { cancel() }
			if _, err := c.Converge(ctx, w, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v", err)
			}
			if got := names(t, c); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

// rewrite changes what the cloud tells of single images.
func rewrite(h http.Handler, change func(image map[string]any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := strings.Index(r.URL.Path, "/v2/images")
		if r.Method != http.MethodGet || at < 0 {
			h.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		var img map[string]any
		if rec.Code == http.StatusOK && json.Unmarshal(body, &img) == nil {
			all, list := img["images"].([]any)
			for _, i := range all {
				change(i.(map[string]any))
			}
			if !list {
				change(img)
			}
			body, _ = json.Marshal(img)
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

func TestUploadIntoACloudWithOtherDigests(t *testing.T) {
	data := content("overcloud-full", 5000)
	w := want(name, data)
	sum := func(algo string) string { s, _ := w.Sum(t.Context(), algo); return s }
	for _, tc := range []struct {
		name   string
		change func(map[string]any)
		want   string
	}{
		{"none but MD5", func(i map[string]any) { delete(i, "os_hash_algo"); delete(i, "os_hash_value") }, ""},
		{"none but a wrong MD5", func(i map[string]any) { i["os_hash_algo"], i["checksum"] = nil, "beef" }, "md5 beef"},
		{"SHA-256", func(i map[string]any) { i["os_hash_algo"], i["os_hash_value"] = "sha256", sum("sha256") }, ""},
		{"a wrong SHA-256", func(i map[string]any) { i["os_hash_algo"], i["os_hash_value"] = "sha256", "beef" }, "sha256 beef"},
		{"an unknown one and MD5", func(i map[string]any) { i["os_hash_algo"], i["os_hash_value"] = "blake3", "beef" }, ""},
		{"none at all", func(i map[string]any) { i["os_hash_algo"], i["checksum"] = nil, nil }, "so the image cannot be checked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			_, err := converge(t, inside(t, rewrite(emb, tc.change)), w)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if got := len(names(t, inside(t, emb))); got != map[bool]int{true: 1, false: 0}[tc.want == ""] {
				t.Errorf("%d images left", got)
			}
		})
	}
}

// A server that died while it wrote leaves its record "saving" for ever, and
// such a record takes no data.
func TestUploadIntoARecordThatStaysSaving(t *testing.T) {
	emb := newCloud(t)
	data := content("overcloud-full", 5000)
	var dead atomic.Value
	dead.Store("")
	h := rewrite(onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			dead.Store(idOf(r))
		}
		if idOf(r) != dead.Load() {
			return false
		}
		drain(r)
		w.WriteHeader(http.StatusConflict)
		return true
	}), func(i map[string]any) {
		if i["id"] == dead.Load() {
			i["status"] = "saving"
		}
	})
	c := overSocket(t, h)
	w := want(name, data)
	img := mustConverge(t, c, w)
	if img.ID == dead.Load() {
		t.Error("the dead record became the image")
	}
	checkHolds(t, c, w)
	if diff := cmp.Diff([]string{name + " active"}, names(t, c)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// A store may be busy with data that it has for longer than the connection
// holds. They are not sent again meanwhile.
func TestUploadWhoseAnswerIsLostInASlowStore(t *testing.T) {
	emb := newCloud(t)
	var puts atomic.Int64
	began := time.Now()
	c := overSocket(t, rewrite(onUpload(emb, func(w http.ResponseWriter, r *http.Request, n int) bool {
		puts.Store(int64(n))
		emb.ServeHTTP(httptest.NewRecorder(), r)
		cut(w)
		return true
	}), func(i map[string]any) {
		if time.Since(began) < 100*time.Millisecond { // longer than the usual patience
			i["status"] = "saving"
		}
	}))
	w := want(name, content("overcloud-full", 5000))
	mustConverge(t, c, w)
	checkHolds(t, c, w)
	if puts.Load() != 1 {
		t.Errorf("data were sent %d times", puts.Load())
	}
}

// idOf gives the id in an image's path.
func idOf(r *http.Request) string {
	_, rest, _ := strings.Cut(r.URL.Path, "/v2/images/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}
